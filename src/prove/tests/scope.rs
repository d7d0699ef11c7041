//! Plans that edit what is no memory map.

use super::*;
use crate::plan::REPORT;

/// A board with more in it: a console, an alias, labels, a processor, two users.
fn machine() -> Vec<u8> {
    edited(&board(), |tree, edits| {
        let root = tree.root().id();
        let cpu = NewNode::new("cpu@0").prop_str("enable-method", "psci");
        let nodes = [
            NewNode::new("cpus").child(cpu),
            NewNode::new("serial@9000000").prop_str("compatible", "arm,pl011").prop_u32("phandle", 9),
            NewNode::new("aliases").prop_str("serial0", "/serial@9000000").prop_str("fw", DSP_PATH),
            NewNode::new("__symbols__").prop_str("dsp_mem", DSP_PATH).prop_str("uart", "/serial@9000000"),
            NewNode::new("reserved_memory")
                .prop_u32("phandle", 6)
                .child(region("late", mib(700, 1)).prop_u32("phandle", 5)),
            NewNode::new("modem").prop_u32("memory-region", 5).prop_str("firmware", DSP_PATH),
        ];
        nodes.into_iter().for_each(|node| edits.add_node(root, node));
        let chosen = node(tree, "/chosen");
        edits.set(chosen, "stdout-path", b"serial0:115200\0".to_vec());
        edits.set(chosen, "linux,usable-memory-range", reg(&[mib(0, 1024)]));
    })
}

fn outside(edit: impl FnOnce(&Tree<'_>, &mut Edits)) -> (String, String) {
    // Not even where the policy goes on with what is found.
    let policy = Policy { on_error: OnError::Continue, ..Policy::default() };
    match (Scheme { board: machine(), ..Scheme::under(policy) }).prove(edit) {
        Err(Refusal::OutOfScope(path, what)) => (path, what),
        other => panic!("{other:?}"),
    }
}

/// Checks that no plan may give this property of a node a value.
fn may_not_set(path: &str, name: &str, value: &[u8]) {
    let found = outside(|tree, edits| edits.set(node(tree, path), name, value.to_vec()));
    assert_eq!(found, (path.into(), name.into()));
}

#[test]
fn ram_is_not_a_plans_business() {
    may_not_set("/memory@40000000", "reg", &reg(&[mib(0, 2048)]));
    may_not_set("/memory@40000000", "linux,usable-memory", &reg(&[mib(0, 512)]));
    may_not_set("/memory@40000000", "status", b"disabled\0");
    may_not_set("/memory@40000000", "device_type", b"ram\0");
    may_not_set("/memory@40000000", "hotpluggable", b"");
    may_not_set("/memory@40000000", "numa-node-id", &[0, 0, 0, 1]);
    may_not_set("/", "#size-cells", &[0, 0, 0, 1]);
    may_not_set("/chosen", "linux,usable-memory-range", &reg(&[mib(0, 2048)]));
    let gone = outside(|t, e| e.remove_prop(node(t, "/chosen"), "linux,usable-memory-range"));
    assert_eq!(gone, ("/chosen".into(), "linux,usable-memory-range".into()));
}

/// Kernels take a node for RAM by its type, and some at any depth: a bank may come in no disguise.
#[test]
fn a_bank_that_a_plan_brings_is_refused() {
    let bank = || {
        let at = reg(&[mib(1024, 64)]);
        NewNode::new("memory@80000000").prop_str("device_type", "memory").prop("reg", at)
    };
    let added = |parent: &'static str, new: NewNode| {
        outside(move |tree, edits| edits.add_node(tree.find(parent).unwrap().id(), new))
    };
    assert_eq!(added("/", bank()), ("/".into(), "memory@80000000".into()));
    assert_eq!(added("/reserved-memory", bank()).1, "memory@80000000");
    assert_eq!(added("/reserved-memory", region("fw", mib(710, 1)).child(bank())).1, "fw@6c600000");
    assert_eq!(added("/chosen", bank()), ("/chosen".into(), "memory@80000000".into()));
    assert_eq!(added("/cpus", bank()).0, "/cpus");
    let beside = outside(|t, e| e.add_node_after(node(t, "/memory@40000000"), bank()));
    assert_eq!(beside.0, "/memory@40000000");
    let beside = outside(|t, e| e.add_node_after(node(t, DSP_PATH), bank()));
    assert_eq!(beside.0, DSP_PATH);
    may_not_set(DSP_PATH, "device_type", b"memory\0");
}

#[test]
fn devices_are_not_a_plans_business() {
    may_not_set("/remoteproc", "status", b"disabled\0");
    may_not_set("/remoteproc", "memory-region", &[0, 0, 0, 5]);
    may_not_set("/cpus/cpu@0", "enable-method", b"spin-table\0");
    may_not_set("/chosen", "kaslr-seed", &[0; 8]);
    may_not_set("/chosen", "stdout-path", b"/reserved-memory/dsp@44000000\0");
    may_not_set("/aliases", "serial0", b"/memory@40000000\0");
    may_not_set("/aliases", "serial0", b"/reserved-memory/dsp@44000000\0");
    may_not_set("/__symbols__", "dsp_mem", b"/reserved-memory/camera@45000000\0");
    may_not_set("/__symbols__", "dsp_mem", b"/serial@9000000\0");
    may_not_set("/modem", "firmware", b"/reserved-memory/dsp-1@44000000\0");
    for path in ["/remoteproc", "/cpus/cpu@0", "/memory@40000000", "/chosen", "/reserved-memory"] {
        assert_eq!(outside(|t, e| e.remove_node(node(t, path))), (path.into(), "the node".into()));
    }
    let renamed = outside(|t, e| e.rename(node(t, "/remoteproc"), "remoteproc@1"));
    assert_eq!(renamed, ("/remoteproc".into(), "its name".into()));
    assert_eq!(outside(|t, e| e.rename(node(t, "/reserved-memory"), "reserved")).0, "/reserved-memory");
    assert_eq!(outside(|t, e| e.remove_prop(node(t, "/serial@9000000"), "compatible")).1, "compatible");
    assert_eq!(outside(|t, e| e.remove_prop(node(t, "/memory@40000000"), "reg")).1, "reg");
    assert_eq!(outside(|t, e| e.add_node(node(t, "/chosen"), NewNode::new("fence"))).1, "fence");
}

#[test]
fn a_plan_writes_no_argument_but_cma() {
    let line = |before: &'static str, after: &'static str| {
        let board = edited(&board(), |t, e| e.set(node(t, "/chosen"), "bootargs", before.into()));
        let scheme = Scheme { board, ..Scheme::default() };
        match scheme.prove(|t, e| e.set(node(t, "/chosen"), "bootargs", after.into())) {
            Ok(_) => true,
            Err(Refusal::OutOfScope(path, what)) => {
                assert_eq!((path.as_str(), what.as_str()), ("/chosen", "bootargs"));
                false
            }
            Err(other) => panic!("{other}"),
        }
    };
    assert!(line("quiet cma=8M -- x\0", "quiet cma=16M -- x\0"));
    assert!(line("quiet -- x\0", "quiet cma=16M -- x\0"));
    assert!(line("cma=8M quiet cma=4M\0", "quiet\0"));
    assert!(line("-- x\0", "cma=8M -- x\0"));
    assert!(!line("quiet\0", "cma=16M\0"));
    assert!(!line("quiet root=/dev/vda\0", "root=/dev/vda quiet\0"));
    assert!(!line("quiet\0", "quiet init=/bin/sh\0"));
    assert!(!line("cma quiet\0", "quiet\0"), "it is the boolean of that name");
    assert!(!line("quiet -- x\0", "quiet -- y\0"));
    assert!(!line("quiet -- x\0", "quiet\0"));
}

/// A device that is led to another region uses the memory of that.
#[test]
fn what_a_region_is_known_by_stays() {
    may_not_set(DSP_PATH, "phandle", &[0, 0, 0, 2]);
    may_not_set(CAMERA_PATH, "phandle", &[0, 0, 0, 1]);
    may_not_set(DSP_PATH, "compatible", b"shared-dma-pool\0");
    may_not_set("/reserved-memory", "compatible", b"simple-bus\0");
    assert_eq!(outside(|t, e| e.remove_prop(node(t, DSP_PATH), "phandle")).1, "phandle");
    let lost: (String, String) = ("/reserved-memory".into(), "phandle".into());
    assert_eq!(outside(|t, e| e.remove_node(node(t, DSP_PATH))), lost);
    let doubled = region("fw", mib(720, 1)).prop_u32("phandle", 1);
    assert_eq!(outside(|t, e| e.add_node(node(t, "/reserved-memory"), doubled)), lost);
    let other = region("late", mib(700, 1)).prop_u32("linux,phandle", 6);
    let gathered = |tree: &Tree<'_>, edits: &mut Edits| {
        edits.remove_node(node(tree, "/reserved_memory"));
        edits.add_node(node(tree, "/reserved-memory"), other);
    };
    assert_eq!(outside(gathered), lost);
}

/// What repairs do edit passes.
#[test]
fn what_repairs_edit_is_in_scope() {
    let edit = |tree: &Tree<'_>, edits: &mut Edits| {
        let home = node(tree, "/reserved-memory");
        edits.set(home, "ranges", vec![]);
        edits.rename(node(tree, DSP_PATH), "dsp-1@44000000");
        edits.set(node(tree, "/__symbols__"), "dsp_mem", b"/reserved-memory/dsp-1@44000000\0".to_vec());
        edits.set(node(tree, "/aliases"), "fw", b"/reserved-memory/dsp-1@44000000\0".to_vec());
        edits.remove_node(node(tree, "/reserved_memory"));
        edits.add_node(home, region("late", mib(700, 1)).prop_u32("phandle", 5));
        edits.add_node_after(node(tree, CAMERA_PATH), region("guard", mib(88, 1)).prop_empty("no-map"));
        let chosen = node(tree, "/chosen");
        edits.set(chosen, "bootargs", b"quiet cma=16M\0".to_vec());
        edits.set(chosen, "linux,initrd-start", (RAM + 400 * MIB).to_be_bytes().to_vec());
        edits.set(chosen, "linux,initrd-end", (RAM + 401 * MIB).to_be_bytes().to_vec());
        edits.add_node(chosen, NewNode::new("ringfence").prop_str("version", "1"));
    };
    let proven = (Scheme { board: machine(), ..Scheme::default() }).prove(edit).unwrap();
    // The next boot replaces the report, and takes the initrd away.
    let again = |tree: &Tree<'_>, edits: &mut Edits| {
        edits.remove_node(node(tree, REPORT));
        edits.add_node(node(tree, "/chosen"), NewNode::new("ringfence").prop_str("version", "2"));
        edits.remove_prop(node(tree, "/chosen"), "linux,initrd-start");
        edits.remove_prop(node(tree, "/chosen"), "linux,initrd-end");
    };
    assert!((Scheme { board: proven.into_dtb(), ..Scheme::default() }).prove(again).is_ok());
}

/// What repairs take from regions: a flag that says the opposite of another, and a flag misspelled.
#[test]
fn the_flags_of_regions_are_in_scope() {
    let flags = ["reusable", "linux,cma-default", "linux,dma-default", "no_map", "nomap"];
    let log = "/reserved-memory/log@4c800000";
    let board = edited(&board(), |tree, edits| {
        flags.iter().for_each(|name| edits.set(node(tree, log), name, vec![]));
    });
    for flag in flags {
        let scheme = Scheme { board: board.clone(), ..Scheme::default() };
        let proven = scheme.prove(|tree, edits| edits.remove_prop(node(tree, log), flag));
        assert!(!matches!(proven, Err(Refusal::OutOfScope(..))), "{flag}: {proven:?}");
    }
}

/// A tree without either node may get both, but nothing in them that is no repair.
#[test]
fn the_first_of_its_kind_is_in_scope() {
    let bare = || {
        let memory = NewNode::new("memory@40000000").prop_str("device_type", "memory");
        let memory = memory.prop("reg", reg(&[mib(0, 1024)]));
        let root = NewNode::new("").prop_u32("#address-cells", 2).prop_u32("#size-cells", 2).child(memory);
        build(&root, 0, &[]).unwrap()
    };
    let added = |new: NewNode| {
        (Scheme { board: bare(), ..Scheme::default() })
            .prove(|tree, edits| edits.add_node(tree.root().id(), new))
    };
    let reserved = |child: NewNode| {
        let node = NewNode::new("reserved-memory").prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
        node.prop_empty("ranges").child(child)
    };
    let is_outside = |new: NewNode| matches!(added(new), Err(Refusal::OutOfScope(path, _)) if path == "/");
    assert!(added(reserved(region("fw", mib(64, 1)).prop_empty("no-map"))).is_ok());
    assert!(added(NewNode::new("chosen").prop_str("bootargs", "cma=16M")).is_ok());
    assert!(is_outside(reserved(region("fw", mib(64, 1)).prop_str("device_type", "memory"))));
    assert!(is_outside(NewNode::new("chosen").prop_str("stdout-path", "/uart")));
    assert!(is_outside(NewNode::new("soc")));
    let mut second = reserved(region("fw", mib(64, 1)));
    second.name.push_str("@1");
    let second = Scheme::default().prove(|tree, edits| edits.add_node(tree.root().id(), second));
    assert!(matches!(second, Err(Refusal::OutOfScope(..))));
}
