//! `check --firmware`: ELF and MBN files against the regions that they are loaded into.

mod workdir;

use workdir::WorkDir;

const BOARD: &str = "/dts-v1/;\n/ { #address-cells = <2>; #size-cells = <2>;\n\
 memory@40000000 { device_type = \"memory\"; reg = <0 0x40000000 0 0x80000000>; };\n\
 reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;\n\
  adsp: adsp@84300000 { reg = <0 0x84300000 0 0x500000>; no-map; };\n\
  rings@84900000 { reg = <0 0x84900000 0 0x10000>; no-map; };\n };\n};\n";

/// A segment: type flags, address and size in memory.
type Segment = (u32, u32, u32);

const HASH: u32 = 2 << 24;
const RELOCATABLE: u32 = 1 << 27;

/// Returns a 32-bit ELF file with these segments, and a resource table if it has any bytes.
fn elf(segments: &[Segment], table: &[u8]) -> Vec<u8> {
    let names = b"\0.resource_table\0.shstrtab\0";
    let data = 52 + 32 * segments.len();
    let sections = (data + table.len() + names.len()).next_multiple_of(4);
    let mut out = b"\x7fELF\x01\x01\x01".to_vec();
    out.resize(16, 0);
    let half = |out: &mut Vec<u8>, value: usize| out.extend((value as u16).to_le_bytes());
    let word = |out: &mut Vec<u8>, value: usize| out.extend((value as u32).to_le_bytes());
    [2, 164].iter().for_each(|&value| half(&mut out, value));
    [1, 0, 52, sections, 0].iter().for_each(|&value| word(&mut out, value));
    [52, 32, segments.len(), 40, 3, 2].iter().for_each(|&value| half(&mut out, value));
    for &(flags, address, size) in segments {
        let [flags, address, size] = [flags, address, size].map(|value| value as usize);
        [1, 0, address, address, 0, size, flags, 4].iter().for_each(|&value| word(&mut out, value));
    }
    out.extend(table);
    out.extend(names);
    out.resize(sections, 0);
    for (name, kind, offset, size) in
        [(0, 0, 0, 0), (1, 1, data, table.len()), (17, 3, data + table.len(), names.len())]
    {
        [name, kind, 0, 0, offset, size, 0, 0, 1, 0].iter().for_each(|&value| word(&mut out, value));
    }
    out
}

/// Returns a resource table with one carveout and one device with a ring.
fn table(carveout: u32, ring: u32) -> Vec<u8> {
    let mut words = vec![1, 2, 0, 0, 24, 84, 0, carveout, u32::MAX, 0x1000, 0, 0];
    words.extend([u32::from_le_bytes(*b"heap"), 0, 0, 0, 0, 0, 0, 0, 0]);
    words.extend([3, 7, 0, 0, 0, 0, 0x0000_0100, ring, 16, 256, 0, 0]);
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

fn dir(file: &[u8]) -> WorkDir {
    let dir = WorkDir::new();
    dir.put("board.dts", BOARD);
    dir.put("adsp.mbn", file);
    dir
}

const CHECK: &[&str] = &["check", "--no-config", "board.dts", "--firmware"];

#[test]
fn segments_are_in_the_region_or_outside() {
    let fits = dir(&elf(&[(HASH, 0, 0x1000), (5, 0x8430_0000, 0x10_0000), (6, 0x8440_0000, 0x40_0000)], b""));
    fits.assert_output(&[CHECK, &["adsp.mbn=&adsp"]].concat(), 0, &["clean"]);
    fits.assert_output(&[CHECK, &["adsp.mbn=/reserved-memory/adsp@84300000"]].concat(), 0, &["clean"]);
    let grown = dir(&elf(&[(HASH, 0, 0x1000), (6, 0x8440_0000, 0x40_1000)], b""));
    let said = ["error[RF218]", "adsp.mbn: segment 0 is at 0x84400000..0x84801000", "board.dts:5:"];
    grown.assert_output(&[CHECK, &["adsp.mbn=adsp"]].concat(), 1, &said);
    // A loader of Qualcomm's checks every segment; others have memory of their own beside RAM.
    let beside = [(HASH, 0, 0x1000), (6, 0x1000, 0x1000), (6, 0x8430_0000, 0x1000)];
    dir(&elf(&beside, b"")).assert_output(
        &[CHECK, &["adsp.mbn=adsp"]].concat(),
        1,
        &["segment 0 is at 0x1000"],
    );
    dir(&elf(&beside[1..], b"")).assert_output(&[CHECK, &["adsp.mbn=adsp"]].concat(), 0, &[]);
    let in_ram = dir(&elf(&[(6, 0x5000_0000, 0x1000)], b""));
    in_ram.assert_output(&[CHECK, &["adsp.mbn=adsp"]].concat(), 1, &["segment 0 is at 0x50000000"]);
}

#[test]
fn what_can_be_moved_needs_room_only() {
    let moved = |size| {
        elf(&[(HASH, 0, 0x1000), (RELOCATABLE, 0x8000_0000, 0x1000), (RELOCATABLE, 0x8010_0000, size)], b"")
    };
    dir(&moved(0x40_0000)).assert_output(&[CHECK, &["adsp.mbn=adsp"]].concat(), 0, &[]);
    let said = ["RF218", "adsp.mbn needs 5124 KiB, but the region has 5 MiB"];
    dir(&moved(0x40_0001)).assert_output(&[CHECK, &["adsp.mbn=adsp"]].concat(), 1, &said);
}

#[test]
fn the_resource_table_asks_for_carveouts_and_rings() {
    let with = |carveout, ring| dir(&elf(&[(6, 0x8430_0000, 0x1000)], &table(carveout, ring)));
    let check = [CHECK, &["adsp.mbn=adsp"]].concat();
    with(0x8431_0000, 0x8490_0000).assert_output(&check, 0, &["clean"]);
    with(u32::MAX, u32::MAX).assert_output(&check, 0, &["clean"]);
    with(0x8600_0000, u32::MAX).assert_output(
        &check,
        1,
        &["the carveout `heap` is at 0x86000000..0x86001000"],
    );
    with(u32::MAX, 0x8490_e000).assert_output(&check, 0, &[]);
    with(u32::MAX, 0x8490_f000).assert_output(&check, 1, &["vring 0 is at 0x8490f000..0x84911000"]);
}

#[test]
fn what_cannot_be_compared_is_said() {
    let other = dir(b"firmware");
    other.assert_output(&[CHECK, &["adsp.mbn=adsp"]].concat(), 2, &["not a firmware file", ".mdt"]);
    other.assert_output(&[CHECK, &["adsp.mbn"]].concat(), 2, &["write FILE=NODE"]);
    let named = dir(&elf(&[(6, 0x8430_0000, 0x1000)], b""));
    named.assert_output(
        &[CHECK, &["adsp.mbn=modem"]].concat(),
        1,
        &["RF218", "&modem, for adsp.mbn, is no region"],
    );
    for cut in [4, 40, 60, 90] {
        let whole = elf(&[(6, 0x8430_0000, 0x1000)], &table(0, 0));
        assert_ne!(dir(&whole[..cut]).run(&[CHECK, &["adsp.mbn=adsp"]].concat()).status.code(), Some(101));
    }
}
