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

/// Returns a bundle with a tree for each of two boards, of which the first is the default.
fn bundle_of_two() -> Vec<u8> {
    let own = |board: &str| {
        let memory = NewNode::new("memory@40000000")
            .prop_str("device_type", "memory")
            .prop_cells("reg", &[0, 0x4000_0000, 0, 0x4000_0000]);
        build(&cells(NewNode::new("")).prop_str("compatible", board).child(memory), 0, &[]).unwrap()
    };
    let tree = |name: &str, board: &str| NewNode::new(name).prop("data", own(board));
    let conf = |name: &str, tree: &str| NewNode::new(name).prop_str("kernel", "kernel").prop_str("fdt", tree);
    let images = NewNode::new("images")
        .child(NewNode::new("kernel").prop("data", workdir::board::kernel()))
        .child(tree("fdt-1", "vendor,other"))
        .child(tree("fdt-2", "vendor,board"));
    let configurations = NewNode::new("configurations")
        .prop_str("default", "conf-1")
        .child(conf("conf-1", "fdt-1"))
        .child(conf("conf-2", "fdt-2"))
        .child(NewNode::new("conf-3").prop_str("kernel", "kernel").prop_str("compatible", "vendor,bare"));
    build(&NewNode::new("").child(images).child(configurations), 0, &[]).unwrap()
}

#[test]
fn of_a_bundle_the_tree_is_judged_that_the_stage_boots_on_the_loaders_board() {
    let dir = dir();
    dir.put("boards.itb", bundle_of_two());
    let names = |text: &str, names: [bool; 2]| {
        for (config, is_there) in ["boards.itb#conf-1", "boards.itb#conf-2"].into_iter().zip(names) {
            assert_eq!(text.contains(config), is_there, "{config}: {text}");
        }
    };
    let json = |options: &[&str]| {
        let check = ["check", "--no-config", "--format", "json", "boards.itb"];
        dir.assert_output(&[&check[..], options].concat(), 0, &[])
    };
    names(&json(&[]), [true, true]);
    names(&json(&["--loader-dtb", "loader.dtb"]), [false, true]);
    let loader = |board: &str| build(&cells(NewNode::new("")).prop_str("compatible", board), 0, &[]).unwrap();
    dir.put("unknown.dtb", loader("vendor,unknown"));
    let refused = |loader: &str, words: &[&str]| {
        dir.assert_output(&["check", "--no-config", "--loader-dtb", loader, "boards.itb"], 2, words);
    };
    refused("unknown.dtb", &["boards.itb: no configuration is for this board, `vendor,unknown`"]);
    dir.put("bare.dtb", loader("vendor,bare"));
    refused("bare.dtb", &["configuration `conf-3`, which is for this board, brings no device tree"]);
}
