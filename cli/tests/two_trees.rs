//! `--loader-dtb`: what the loader's tree reserves is judged in the RAM that Linux takes.

mod workdir;

use ringfence::fdt::{NewNode, Tree, build};
use workdir::WorkDir;

/// The carveout of the loader's tree, which only that tree has.
const CARVEOUT: &str = "/reserved-memory/tz@78000000";

/// An EFI memory map of 1 GiB, in which firmware keeps the carveout.
const EFI_MAP: &str = "\
Type      Start            End              # Pages          Attributes
Available 0000000040000000-0000000077FFFFFF 0000000000038000 000000000000000F
Reserved  0000000078000000-00000000781FFFFF 0000000000000200 000000000000000F
Available 0000000078200000-000000007FFFFFFF 0000000000007E00 000000000000000F
";

/// Returns a tree with so much RAM from 1 GiB on and these children of the root.
fn tree(ram: u32, children: impl IntoIterator<Item = NewNode>) -> Vec<u8> {
    let mut root = cells(NewNode::new("")).prop_str("compatible", "vendor,board").child(
        NewNode::new("memory@40000000")
            .prop_str("device_type", "memory")
            .prop_cells("reg", &[0, 0x4000_0000, 0, ram]),
    );
    root.children.extend(children);
    build(&root, 0, &[]).unwrap()
}

fn cells(node: NewNode) -> NewNode {
    node.prop_u32("#address-cells", 2).prop_u32("#size-cells", 2)
}

/// Returns the tree of a bundle, with 1 GiB, and the loader's, with 512 MiB and a carveout outside.
fn dir() -> WorkDir {
    let dir = WorkDir::new();
    let tz = NewNode::new("tz@78000000").prop_cells("reg", &[0, 0x7800_0000, 0, 0x20_0000]);
    let reserved = cells(NewNode::new("reserved-memory")).prop_empty("ranges");
    dir.put("own.dtb", tree(0x4000_0000, []));
    dir.put("loader.dtb", tree(0x2000_0000, [reserved.child(tz.prop_empty("no-map"))]));
    dir.put("efi.txt", EFI_MAP);
    dir.put("reservations.toml", "[tree]\nmerge = \"reservations\"\n");
    dir
}

/// Returns whether `fix` with these options writes a tree with the carveout.
#[track_caller]
fn keeps(dir: &WorkDir, options: &[&str]) -> bool {
    let fix = ["fix", "--no-config", "--loader-dtb", "loader.dtb", "own.dtb", "-o", "fixed.dtb"];
    dir.assert_output(&[&fix[..], options].concat(), 0, &[]);
    let fixed = dir.read("fixed.dtb");
    let tree = Tree::parse(&fixed).unwrap();
    tree.find(CARVEOUT).is_some_and(|node| node.has_prop("no-map"))
}

#[test]
fn a_carveout_outside_the_loaders_own_ram_is_taken_where_linux_has_ram() {
    let dir = dir();
    assert!(keeps(&dir, &["--efi-map", "efi.txt"]), "the EFI map has RAM there");
    assert!(keeps(&dir, &["--ram", "0x40000000:1G"]), "RAM that is given is there");
    assert!(keeps(&dir, &["--policy", "reservations.toml"]), "the bundle's tree has RAM there");
    assert!(!keeps(&dir, &[]), "the loader's RAM replaces the bundle's");
}
