//! A small board that several tests check, repair and move, and a kernel for it.

use ringfence::fdt::{NewNode, build};

/// Returns the board with 4 GiB of RAM at 1 GiB, and two carveouts: a camera's of `camera` bytes at
/// 0x84300000 and a modem's at 0x84800000, so that up to 0x500000 bytes they are apart.
pub(crate) fn tree(camera: u32) -> Vec<u8> {
    let memory = NewNode::new("memory@40000000")
        .prop_str("device_type", "memory")
        .prop_cells("reg", &[0, 0x4000_0000, 1, 0]);
    let region =
        |name, base, size| NewNode::new(name).prop_cells("reg", &[0, base, 0, size]).prop_empty("no-map");
    let reserved = NewNode::new("reserved-memory")
        .prop_u32("#address-cells", 2)
        .prop_u32("#size-cells", 2)
        .prop_empty("ranges")
        .child(region("camera@84300000", 0x8430_0000, camera))
        .child(region("modem@84800000", 0x8480_0000, 0x190_0000));
    let root = NewNode::new("").prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    build(&root.child(memory).child(reserved), 0, &[]).unwrap()
}

/// Returns an arm64 `Image` of 64 KiB that takes 128 KiB when it runs.
pub(crate) fn kernel() -> Vec<u8> {
    let mut image: Vec<u8> = (0..0x1_0000_u32).map(|i| ((i * 31) >> 3) as u8).collect();
    image[..0x40].fill(0);
    image[0x10..0x18].copy_from_slice(&0x2_0000_u64.to_le_bytes());
    image[0x18..0x20].copy_from_slice(&0xa_u64.to_le_bytes());
    image[0x38..0x3c].copy_from_slice(b"ARM\x64");
    image
}
