//! `pack` takes images of the stage that are whole, and consoles that can be.

mod workdir;

use ringfence::payload::console_slot;

use workdir::WorkDir;
use workdir::board::kernel;

/// Returns an image as the stage's build makes it: an arm64 `Image`, an EFI image with a section, and a slot.
fn stage() -> Vec<u8> {
    let mut image = vec![0; 0x3000];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x10, &0x10_0000_u64.to_le_bytes());
    put(0x18, &8_u64.to_le_bytes());
    put(0x38, b"ARM\x64");
    put(0x3c, &0x40_u32.to_le_bytes());
    put(0x40, b"PE\0\0\x64\xaa\x01\0");
    put(0x54, &160_u16.to_le_bytes());
    put(0x58, &0x20b_u16.to_le_bytes());
    for (offset, value) in [(32, 0x1000_u32), (36, 0x200), (56, 0x10_0000), (60, 0x1000)] {
        put(0x58 + offset, &value.to_le_bytes());
    }
    let section = 0x58 + 160;
    put(section, b".text");
    for (offset, value) in [(8, 0x2000_u32), (12, 0x1000), (16, 0x2000), (20, 0x1000)] {
        put(section + offset, &value.to_le_bytes());
    }
    put(console_slot::SLOT.start, &console_slot::MAGIC);
    image
}

const PACK: [&str; 7] = ["pack", "--append-to", "stage.img", "--console", "pl011@0x9000000", "-o", "out.img"];

#[test]
fn a_whole_image_is_taken_and_a_cut_one_is_not() {
    let dir = WorkDir::new();
    dir.put("Image", kernel());
    dir.put("stage.img", stage());
    dir.assert_output(&PACK, 0, &["the stage, with the console pl011,0x9000000"]);
    assert_eq!(console_slot::get(&dir.read("out.img")[console_slot::SLOT]), Some(&b"pl011,0x9000000"[..]));
    let bundle = ["pack", "--append-to", "stage.img", "--kernel", "Image", "-o", "out.img"];
    dir.assert_output(&bundle, 0, &["kernel"]);
    std::fs::remove_file(dir.path("out.img")).unwrap();

    let mut flags = stage();
    flags[0x18..0x20].fill(0xff);
    let mut section = stage();
    section[0x58 + 160 + 16..][..4].fill(0xff);
    let mut magic = stage();
    magic[0x38] = 0;
    for image in
        [stage()[..0x2800].to_vec(), stage()[..0x1000].to_vec(), flags, section, magic, vec![0; 100_000]]
    {
        dir.put("stage.img", image);
        for args in [&PACK[..], &bundle] {
            dir.assert_output(
                args,
                2,
                &["stage.img: not an image of the stage: ", "ringfence.img as it was built"],
            );
        }
        assert!(!dir.path("out.img").exists());
    }
    std::fs::remove_file(dir.path("stage.img")).unwrap();
    dir.assert_output(&PACK, 2, &["stage.img: no such file"]);
    std::fs::create_dir(dir.path("stage.img")).unwrap();
    let text = dir.assert_output(&PACK, 2, &["stage.img: this is a directory"]);
    assert!(!text.contains("os error"), "{text}");
    dir.put("stage.img/x", "");
    let below = ["pack", "--append-to", "stage.img/x/y", "--console", "pl011@9000000", "-o", "out.img"];
    let text = dir.assert_output(&below, 2, &["not a directory"]);
    assert!(!text.contains("os error"), "{text}");
}

#[test]
fn a_console_is_not_written_into_a_signed_image() {
    let dir = WorkDir::new();
    let mut signed = stage();
    // The number of directories, and the size of the fifth, which are the signatures.
    signed[0x58 + 108] = 6;
    signed[0x58 + 112 + 4 * 8 + 4] = 8;
    dir.put("stage.img", signed);
    dir.assert_output(&PACK, 2, &["stage.img: the EFI image is signed; change it first and sign it then"]);
    assert!(!dir.path("out.img").exists());
}
