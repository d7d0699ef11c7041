//! The directories in which the commands of the pages run.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::root;

/// Returns a sentinel's ring with one access to a carveout (`sentinel/src/ring.rs`).
pub(crate) fn ring() -> Vec<u8> {
    let mut words = vec![u64::from_le_bytes(*b"RFSENT01"), 1, 1_000_000, 1];
    words.resize(16, 0);
    words.extend([0x8430_0000, 0x8480_0000]);
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.extend(b"camera@84300000");
    bytes.resize((16 + 64 * 6) * 8, 0);
    let record =
        [1 << 8 | 1, 12_500_000, 0, 0x8430_0000, 0x4c_7ed8, 0xffff_9d28_e000, 0x9200_0007 | 1 << 32, 0];
    bytes.extend(record.iter().flat_map(|word: &u64| word.to_le_bytes()));
    bytes.resize(16 << 10, 0);
    bytes
}

/// Writes the project that most pages use. `board` is a phone whose camera has grown into its neighbour, as
/// source and as blob; `known-good` is the same before that, `shrunk` gives the neighbour less memory, and
/// `phone` lacks `ranges`.
pub(crate) fn project(directory: &Path) {
    let put = |name: &str, bytes: &[u8]| fs::write(directory.join(name), bytes).unwrap();
    let board = include_str!("board.dts");
    let good = board.replace("0x700000", "0x500000");
    fs::create_dir(directory.join("boards")).unwrap();
    let shrunk = good.replace("0x1900000", "0x1800000");
    let phone = good.replace("\t\tranges;\n", "");
    let trees = [("board", board), ("known-good", &good), ("shrunk", &shrunk), ("phone", &phone)];
    let sources = trees.into_iter().chain([("boards/phone", good.as_str())]);
    for (name, source) in sources {
        let source_file = directory.join(format!("{name}.dts"));
        fs::write(&source_file, source).unwrap();
        let blob = directory.join(format!("{name}.dtb"));
        let dtc = Command::new("dtc").args(["-q", "-O", "dtb", "-o"]).arg(&blob).arg(&source_file).status();
        assert!(dtc.unwrap().success());
    }
    for release in ["dtbs-6.12", "dtbs-7.0"] {
        fs::create_dir(directory.join(release)).unwrap();
        fs::copy(directory.join("board.dtb"), directory.join(release).join("board.dtb")).unwrap();
    }
    let mut image = vec![0; 0x1_0000];
    image[0x10..0x18].copy_from_slice(&0x50_0000_u64.to_le_bytes());
    image[0x18..0x20].copy_from_slice(&0xa_u64.to_le_bytes());
    image[0x38..0x3c].copy_from_slice(b"ARM\x64");
    put("Image", &image);
    let slot = ringfence::payload::console_slot::SLOT.start;
    image[slot..][..16].copy_from_slice(&ringfence::payload::console_slot::MAGIC);
    add_pe_headers(&mut image);
    put("ringfence.img", &image);
    fs::copy(directory.join("known-good.dtb"), directory.join("loader.dtb")).unwrap();
    put("initrd.img", b"ramdisk");
    put("memmap.txt", include_bytes!("../../../src/rules/rf704_free_in_efi_map/memmap.txt"));
    put("board.toml", b"[cma]\nsize = \"64 MiB\"\n");
}

pub(crate) fn maps(directory: &Path) {
    for tree in ["old.dts", "new.dts"] {
        let golden = root().join("cli/tests/golden/maps.in");
        fs::copy(golden.join(tree), directory.join(tree)).unwrap();
    }
}

/// Writes scenario trees under the page's names, and the tutorial's policy.
pub(crate) fn scenarios(directory: &Path, trees: &[(&str, &str)]) {
    let scenarios = root().join("qemu/scenarios");
    let board = fs::read_to_string(scenarios.join("virt-4g.dtsi")).unwrap();
    fs::write(directory.join("virt-4g.dtsi"), board.replace("../boards/", "")).unwrap();
    fs::copy(root().join("qemu/boards/virt.dtsi"), directory.join("virt.dtsi")).unwrap();
    for (name, scenario) in trees {
        let source = fs::read_to_string(scenarios.join(scenario)).unwrap();
        fs::write(directory.join(name), source.replace("../virt-4g.dtsi", "virt-4g.dtsi")).unwrap();
    }
    fs::write(directory.join("board.toml"), include_str!("tutorial.toml")).unwrap();
}

/// Makes an arm64 `Image` one that is an EFI image, too, as the stage is.
fn add_pe_headers(image: &mut [u8]) {
    /// Where the headers are, out of the way of everything else on the first page.
    const PE: usize = 0x400;
    let optional = PE + 24;
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x3c, &(PE as u32).to_le_bytes());
    put(PE, b"PE\0\0\x64\xaa");
    put(PE + 20, &160_u16.to_le_bytes());
    put(optional, &0x20b_u16.to_le_bytes());
    // Alignments, sizes of the image and of the headers, and the number of directories.
    for (field, value) in [(32, 0x1000_u32), (36, 0x200), (56, 0x50_0000), (60, 0x1000), (108, 6)] {
        put(optional + field, &value.to_le_bytes());
    }
}
