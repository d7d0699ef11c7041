//! `fix` and `policy init` at their edges.

mod workdir;

use ringfence::facts::BootFacts;
use ringfence::fdt::{NewNode, Tree, build};
use ringfence::policy::Requirement;
use ringfence::survey::MemoryMap;
use ringfence_cli::project::policy_file;

use workdir::WorkDir;

/// Returns a board whose `/reserved-memory` lacks `ranges`, with regions of these names and tuples.
fn board(regions: &[(&str, &[u32])]) -> Vec<u8> {
    let memory = NewNode::new("memory@40000000")
        .prop_str("device_type", "memory")
        .prop_cells("reg", &[0, 0x4000_0000, 1, 0]);
    let mut reserved =
        NewNode::new("reserved-memory").prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    for (name, reg) in regions {
        reserved = reserved.child(NewNode::new(name).prop_cells("reg", reg).prop_empty("no-map"));
    }
    let root = NewNode::new("").prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    build(&root.prop_str("compatible", "acme,board").child(memory).child(reserved), 0, &[]).unwrap()
}

/// Returns two carveouts on the same bytes; the second one's name is also wrong.
fn overlap() -> Vec<u8> {
    board(&[
        ("camera@84300000", &[0, 0x8430_0000, 0, 0x70_0000]),
        ("modem@84800001", &[0, 0x8480_0000, 0, 0x10_0000]),
    ])
}

/// Returns a directory with this tree and this policy.
fn bench(dtb: &[u8], policy: &str) -> WorkDir {
    let bench = WorkDir::new();
    bench.put("board.dtb", dtb);
    bench.put("policy.toml", policy);
    bench
}

#[test]
fn a_policy_that_continues_gets_its_tree_and_no_clean_exit() {
    let args = ["fix", "--policy", "policy.toml", "board.dtb", "-o", "out.dtb"];
    let halting = bench(&overlap(), "on-error = \"halt\"\n");
    assert_eq!(halting.run(&args).status.code(), Some(3));
    assert!(!halting.path("out.dtb").exists());

    let going_on = bench(&overlap(), "on-error = \"continue\"\n");
    let output = going_on.run(&args);
    assert_eq!(output.status.code(), Some(1), "written, and not clean");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("error[RF201]") && said.contains("repaired /reserved-memory: added"), "{said}");
    let written = going_on.read("out.dtb");
    assert!(Tree::parse(&written).unwrap().find("/reserved-memory/modem@84800000").is_some());
}

#[test]
fn what_is_left_after_the_repairs_is_shown_on_the_repaired_tree() {
    let bench = bench(&overlap(), "");
    let output = bench.run(&["fix", "board.dtb", "-o", "out.dtb"]);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("overlaps modem@84800000"), "{said}");
    assert!(said.contains("camera@84300000 {"), "the excerpt is there:\n{said}");
    assert!(!said.contains("modem@84800001"), "nothing speaks of the name as it was:\n{said}");
}

#[test]
fn a_policy_made_of_a_tree_covers_every_tuple_of_it() {
    let two: &[u32] = &[0, 0x8430_0000, 0, 0x10_0000, 0, 0x9000_0000, 0, 0x20_0000];
    let dtb = board(&[("camera@84300000", two)]);
    let tree = Tree::parse(&dtb).unwrap();
    let policy = policy_file::from_tree(&tree, &MemoryMap::survey(&tree, &BootFacts::default()));
    let spans: Vec<_> = policy
        .requirements
        .iter()
        .filter_map(Requirement::carveout)
        .map(|one| (one.base, one.size))
        .collect();
    assert_eq!(spans, [(Some(0x8430_0000), 0x10_0000), (Some(0x9000_0000), 0x20_0000)]);

    // Once each tuple has its node, which `fix` sees to, the tree is what its policy requires.
    let bench = bench(&dtb, &policy_file::to_toml(&policy));
    assert_eq!(
        bench.run(&["policy", "init", "board.dtb"]).status.code(),
        Some(2),
        "not known to be good yet"
    );
    let fixed = bench.run(&["fix", "board.dtb", "-o", "out.dtb"]);
    assert_eq!(fixed.status.code(), Some(0), "{}", String::from_utf8_lossy(&fixed.stdout));
    let held = bench.run(&["check", "--policy", "policy.toml", "out.dtb"]);
    assert_eq!(held.status.code(), Some(0), "{}", String::from_utf8_lossy(&held.stdout));
    let made = bench.run(&["policy", "init", "out.dtb"]);
    assert_eq!(String::from_utf8_lossy(&made.stdout), policy_file::to_toml(&policy));
}

#[test]
fn a_policy_is_for_its_board() {
    let bench = bench(&board(&[]), "board = \"acme,other\"\n");
    let output = bench.run(&["check", "--policy", "policy.toml", "board.dtb"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("RF407") && said.contains("`acme,other`") && said.contains("`acme,board`"),
        "{said}"
    );
}

#[test]
fn a_tree_is_repaired_for_every_kernel_that_is_asked_about() {
    let pool = NewNode::new("pool")
        .prop_str("compatible", "shared-dma-pool")
        .prop_empty("reusable")
        .prop_cells("size", &[0, 0x140_0000]);
    let memory = NewNode::new("memory@40000000")
        .prop_str("device_type", "memory")
        .prop_cells("reg", &[0, 0x4000_0000, 1, 0]);
    let cells = |name| NewNode::new(name).prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
    let reserved = cells("reserved-memory").prop_empty("ranges").child(pool);
    let bench = bench(&build(&cells("").child(memory).child(reserved), 0, &[]).unwrap(), "");
    let both = ["--kernel", "6.12", "--kernel", "6.12:64k"];
    // What 4 KiB pages are content with is too little for 64 KiB pages, whose pools are whole 512 MiB.
    for (kernels, code) in [(&both[..2], 1), (&both[..], 0)] {
        let fixed = bench.run(&[&["fix", "board.dtb", "-o", "out.dtb"], kernels].concat());
        assert_eq!(fixed.status.code(), Some(0), "{}", String::from_utf8_lossy(&fixed.stderr));
        let held = bench.run(&[&["check", "out.dtb"], &both[..]].concat());
        assert_eq!(held.status.code(), Some(code), "{}", String::from_utf8_lossy(&held.stdout));
    }
    let predicted = bench.run(&[&["predict", "board.dtb"], &both[..]].concat());
    assert_eq!(predicted.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&predicted.stderr).contains("one kernel at a time"));
}

#[test]
fn what_no_repair_makes_right_for_a_kernel_is_told_with_that_kernel() {
    let bench = bench(&overlap(), "");
    let args = ["fix", "board.dtb", "-o", "out.dtb", "--kernel", "6.1", "--kernel", "6.12:64k"];
    let output = bench.run(&args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3));
    assert!(said.contains("not repaired for 6.12:64k, nothing written"), "{said}");
}
