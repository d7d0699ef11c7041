//! What is taken from the loader's tree where a bundle brings another, rule by rule.

mod board;
mod random;

use board::*;
use ringfence::facts::BootFacts;
use ringfence::fdt::{NewNode, Tree, build};
use ringfence::merge::{Loader, MergeError, merge};
use ringfence::policy::{BootargsFrom, Merge, Policy, TreePolicy};
use ringfence::span::Span;
use ringfence::survey::MemoryMap;

fn with(tree: TreePolicy) -> Policy {
    Policy { tree, ..Policy::default() }
}

#[test]
fn what_the_firmware_reserved_stays_reserved() {
    let own = root(1024, [reserved([carveout("camera", 16, 4)])]);
    let loader =
        root(1024, [reserved([carveout("tz", 64, 2), region("log", 80, 1), carveout("camera", 16, 2)])]);
    let booted = usual(&own, &loader);
    assert_eq!(booted.regions(), ["!camera@81000000", "!tz@84000000", "log@85000000"]);
    assert_eq!(booted.errors(), [""; 0]);
    assert_eq!(booted.merged.facts.account, "the bundle's; of the loader's: tz@84000000, log@85000000");
}

#[test]
fn only_what_is_missing_is_added_and_a_name_that_is_taken_gets_a_number() {
    let own = root(1024, [reserved([carveout("tz", 64, 2)])]);
    let loader = root(1024, [reserved([carveout("tz", 64, 4), carveout("dsp", 63, 2)])]);
    assert_eq!(usual(&own, &loader).regions(), ["!tz@84000000", "!dsp@83f00000", "!tz@84200000"]);
    let own = root(1024, [reserved([NewNode::new("tz@84000000").prop("reg", reg(&[span(32, 1)]))])]);
    let loader = root(1024, [reserved([carveout("tz", 64, 4)])]);
    assert_eq!(usual(&own, &loader).regions(), ["tz@84000000", "!tz-2@84000000"]);
}

#[test]
fn without_reserved_memory_one_is_made() {
    let booted = usual(&root(1024, []), &root(1024, [reserved([carveout("tz", 64, 2)])]));
    assert_eq!((booted.regions(), booted.errors()), (vec!["!tz@84000000".into()], vec![]));
}

#[test]
fn memreserve_becomes_a_mapped_region_unless_it_is_the_loaders_own() {
    let slot = span(128, 8);
    let initrd = [span(160, 3).base(), span(160, 3).base() + 0x2f_f801];
    let chosen = NewNode::new("chosen")
        .prop_u64("linux,initrd-start", initrd[0])
        .prop_u64("linux,initrd-end", initrd[1]);
    let page_rounded = span(160, 3);
    let entries = [span(96, 1), slot, page_rounded].map(|span| (span.base(), span.len()));
    let loader = build(&root(1024, [chosen]), 0, &entries).unwrap();
    let booted = boot(&blob(&root(1024, [])), &loader, Some(slot), &Policy::default());
    assert_eq!(booted.regions(), ["memreserve@86000000"]);
}

#[test]
fn a_loaders_entry_for_its_own_tree_is_dropped_and_one_beside_it_is_not() {
    let dtb = Span::new(span(8, 1).base() + 0x10, 0x2345).unwrap();
    let loader = |at: Span| build(&root(1024, []), 0, &[(at.base(), at.len())]).unwrap();
    let regions = |entry: Span, dtb: Option<Span>| {
        let (own, loader) = (blob(&root(1024, [])), loader(entry));
        let loader = Loader { tree: &Tree::parse(&loader).unwrap(), dtb, bundle: None };
        merge(&Tree::parse(&own).unwrap(), &loader, None, &BootFacts::default()).unwrap().facts.reserved.len()
    };
    // Loaders reserve the tree itself, or its pages.
    for entry in [dtb, dtb.outward(4096).unwrap()] {
        assert_eq!((regions(entry, Some(dtb)), regions(entry, None)), (0, 1));
    }
    for entry in [Span::new(dtb.base(), 0x4000).unwrap(), span(7, 1), span(9, 1)] {
        assert_eq!(regions(entry, Some(dtb)), 1, "{entry}");
    }
}

#[test]
fn a_crash_kernels_range_and_header_come_from_the_loader_in_the_cells_of_the_bundle() {
    let (range, header) = (span(256, 128), span(300, 1));
    let chosen = NewNode::new("chosen")
        .prop("linux,usable-memory-range", reg(&[range]))
        .prop("linux,elfcorehdr", reg(&[header]));
    let mut own = root(1024, []);
    own.props[0].1 = 1_u32.to_be_bytes().to_vec();
    own.props[1].1 = 1_u32.to_be_bytes().to_vec();
    own.children[0].props[1].1 = [0x8000_0000_u32.to_be_bytes(), 0x4000_0000_u32.to_be_bytes()].concat();
    for own in [root(1024, []), own] {
        let booted = usual(&own, &root(1024, [chosen.clone()]));
        let map = MemoryMap::survey(&Tree::parse(&booted.dtb).unwrap(), &BootFacts::default());
        assert_eq!((map.chosen.usable, map.chosen.elfcorehdr), (vec![range], Some(header)));
        let account = &booted.merged.facts.account;
        assert!(account.ends_with("linux,usable-memory-range, linux,elfcorehdr"), "{account}");
    }
}

#[test]
fn a_carveout_under_a_pool_or_a_mapped_region_is_an_error_and_not_a_choice() {
    let loader = root(1024, [reserved([carveout("tz", 64, 2)])]);
    for over in [pool("video", 64, 64), region("log", 65, 1)] {
        let booted = usual(&root(1024, [reserved([over])]), &loader);
        let finding = booted.findings.iter().find(|finding| finding.rule.0 == 901).unwrap();
        assert!(finding.help.contains("merge = \"none\""), "{}", finding.help);
        assert!(finding.message.contains("tz@84000000"), "{}", finding.message);
    }
    let policy = with(TreePolicy { merge: Merge::None, ..TreePolicy::default() });
    let own = root(1024, [reserved([pool("video", 64, 64)])]);
    let booted = boot(&blob(&own), &blob(&loader), None, &policy);
    assert_eq!((booted.merged.dtb.is_none(), booted.errors()), (true, vec![]));
}

#[test]
fn pools_and_dynamic_regions_of_the_loader_are_left_and_named() {
    let dynamic = NewNode::new("late").prop_u64("size", 1 << 20);
    let loader = root(1024, [reserved([pool("linux,cma", 256, 64), dynamic])]);
    let booted = usual(&root(1024, []), &loader);
    assert!(booted.merged.dtb.is_none());
    let account = &booted.merged.facts.account;
    assert!(
        account.ends_with("not taken: linux,cma@90000000 (a pool of its own), late (no place yet)"),
        "{account}"
    );
}

#[test]
fn the_loaders_ram_wins_with_its_numa_nodes() {
    let mut loader = root(512, [memory(Span::new(RAM << 2, 512 << 20).unwrap()).prop_u32("numa-node-id", 1)]);
    loader.children[0].props.push(("numa-node-id".into(), vec![0; 4]));
    let booted = usual(&root(4096, []), &loader);
    assert_eq!(booted.ram(), [span(0, 512), Span::new(RAM << 2, 512 << 20).unwrap()]);
    let tree = Tree::parse(&booted.dtb).unwrap();
    let numa = tree.find("/memory@200000000").unwrap().prop("numa-node-id").unwrap();
    assert_eq!(numa.as_u32(), Some(1));
    let account = &booted.merged.facts.account;
    assert!(account.contains("RAM of 1 GiB in place of 4 GiB"), "{account}");
    // A loader that states none leaves the bundle's.
    let mut none = root(1024, []);
    none.children.clear();
    assert_eq!(usual(&root(4096, []), &none).ram(), [span(0, 4096)]);
}

#[test]
fn ram_that_the_bundles_cells_cannot_express_is_refused() {
    let mut own = root(1024, []);
    own.props[0].1 = 1_u32.to_be_bytes().to_vec();
    own.props[1].1 = 1_u32.to_be_bytes().to_vec();
    own.children[0].props[1].1 = [0x8000_0000_u32.to_be_bytes(), 0x4000_0000_u32.to_be_bytes()].concat();
    let mut loader = root(1024, []);
    loader.children[0] = memory(Span::new(RAM << 2, 512 << 20).unwrap());
    let (own, loader) = (blob(&own), blob(&loader));
    let loader = Tree::parse(&loader).unwrap();
    let loader = Loader { tree: &loader, dtb: None, bundle: None };
    let into = |facts: &BootFacts| merge(&Tree::parse(&own).unwrap(), &loader, None, facts);
    let refused = into(&BootFacts::default()).unwrap_err();
    assert!(matches!(refused, MergeError::Cells { .. }), "{refused}");
    // In an EFI boot Linux takes its RAM from the EFI map.
    let merged = into(&by_efi(1024, &[])).unwrap();
    assert!(merged.dtb.is_none() && merged.facts.account.contains("not taken: /memory"), "{merged:?}");
}

#[test]
fn the_policy_decides_whose_bootargs_the_kernel_gets() {
    let chosen = |line: &str| NewNode::new("chosen").prop_str("bootargs", line);
    let booted = |own: &str, loader: &str, bootargs| {
        let policy = with(TreePolicy { bootargs, ..TreePolicy::default() });
        let (own, loader) = (root(1024, [chosen(own)]), root(1024, [chosen(loader)]));
        boot(&blob(&own), &blob(&loader), None, &policy).text("/chosen", "bootargs").unwrap()
    };
    assert_eq!(booted("quiet", "root=/dev/vda", BootargsFrom::Loader), "root=/dev/vda");
    assert_eq!(booted("quiet", "", BootargsFrom::Loader), "quiet");
    assert_eq!(booted("quiet", "root=/dev/vda", BootargsFrom::Bundle), "quiet");
    assert_eq!(booted("", "root=/dev/vda", BootargsFrom::Bundle), "root=/dev/vda");
    assert_eq!(booted("quiet", "root=/dev/vda", BootargsFrom::Append), "quiet root=/dev/vda");
}

#[test]
fn seeds_and_the_initrd_come_from_the_loader_but_not_the_bundle_in_its_slot() {
    let slot = span(128, 8);
    let chosen = NewNode::new("chosen")
        .prop_u64("kaslr-seed", 7)
        .prop("rng-seed", vec![1; 32])
        .prop_u64("linux,initrd-start", slot.base())
        .prop_u64("linux,initrd-end", slot.end());
    let loader = blob(&root(1024, [chosen]));
    for (bundle, is_taken) in [(None, true), (Some(slot), false)] {
        let booted = boot(&blob(&root(1024, [])), &loader, bundle, &Policy::default());
        let tree = Tree::parse(&booted.dtb).unwrap();
        let chosen = tree.find("/chosen").unwrap();
        assert_eq!(chosen.prop("kaslr-seed").unwrap().as_u64(), Some(7));
        assert_eq!(chosen.prop("rng-seed").unwrap().value, [1; 32]);
        assert_eq!(chosen.has_prop("linux,initrd-start"), is_taken);
    }
}

#[test]
fn processors_start_as_the_firmware_of_this_board_says() {
    let cpu = |n: u64, method: &str| {
        NewNode::new(&format!("cpu@{n}")).prop_u64("reg", n).prop_str("enable-method", method)
    };
    let cpus = |all: Vec<NewNode>| NewNode { children: all, ..NewNode::new("cpus") };
    let psci =
        |method: &str| NewNode::new("psci").prop_str("compatible", "arm,psci-1.0").prop_str("method", method);
    let spin = cpu(1, "spin-table").prop_u64("cpu-release-addr", 0x8000_fff8);
    let loader = root(1024, [cpus(vec![spin, cpu(0, "psci")]), psci("hvc")]);
    let silent = |n: u64| NewNode::new(&format!("cpu@{n}")).prop_u64("reg", n);
    let other = cpu(1, "spin-table").prop_u64("cpu-release-addr", 0x8000_1000);
    // What the bundle's tree says otherwise, or leaves out.
    for own in [
        root(1024, [cpus(vec![cpu(0, "psci"), cpu(1, "psci")]), psci("smc")]),
        root(1024, [cpus(vec![silent(0), silent(1)])]),
        root(1024, [cpus(vec![cpu(0, "spin-table"), other]), psci("smc")]),
    ] {
        let booted = usual(&own, &loader);
        let method = |n| booted.text(&format!("/cpus/cpu@{n}"), "enable-method").unwrap();
        assert_eq!(
            (method(0), method(1), booted.text("/psci", "method").unwrap()),
            ("psci".into(), "spin-table".into(), "hvc".into())
        );
        let tree = Tree::parse(&booted.dtb).unwrap();
        let release = tree.find("/cpus/cpu@1").unwrap().prop("cpu-release-addr").and_then(|p| p.as_u64());
        assert_eq!(release, Some(0x8000_fff8));
        assert!(booted.merged.facts.account.contains("start of the processors, /psci"));
    }
}

#[test]
fn everything_else_is_taken_only_where_the_policy_names_it() {
    let net =
        |mac: u8| NewNode::new("ethernet").prop("local-mac-address", vec![mac; 6]).prop_u32("phandle", 9);
    let optee = NewNode::new("optee").prop_str("compatible", "linaro,optee-tz").prop_u32("phandle", 1);
    let firmware = NewNode { children: vec![optee], ..NewNode::new("firmware") };
    let own = root(1024, [net(0)]);
    let loader = root(1024, [net(7), firmware, NewNode::new("serial")]);
    assert!(usual(&own, &loader).merged.dtb.is_none());
    let take = ["/ethernet:local-mac-address", "/firmware", "/nowhere"].map(String::from).to_vec();
    let booted = boot(&blob(&own), &blob(&loader), None, &with(TreePolicy { take, ..TreePolicy::default() }));
    let tree = Tree::parse(&booted.dtb).unwrap();
    assert_eq!(tree.find("/ethernet").unwrap().prop("local-mac-address").unwrap().value, [7; 6]);
    let optee = tree.find("/firmware/optee").unwrap();
    assert!(!optee.has_prop("phandle") && tree.find("/serial").is_none());
    let account = &booted.merged.facts.account;
    assert!(account.contains("/firmware; not taken: /nowhere (the loader's has none)"), "{account}");
}

#[test]
fn another_boards_tree_is_refused_unless_the_policy_names_the_bundles() {
    let mut loader = root(1024, []);
    loader.props[2].1 = b"linux,dummy-virt\0".to_vec();
    let (own, loader) = (blob(&root(1024, [])), blob(&loader));
    assert_eq!(boot(&own, &loader, None, &Policy::default()).errors(), ["RF902"]);
    let named = Policy { board: Some("vendor,board".into()), ..Policy::default() };
    assert_eq!(boot(&own, &loader, None, &named).errors(), [""; 0]);
}

#[test]
fn reservations_alone_leave_ram_and_chosen_as_the_bundle_has_them() {
    let chosen = NewNode::new("chosen").prop_str("bootargs", "quiet");
    let loader = root(512, [reserved([carveout("tz", 64, 2)]), chosen]);
    let policy = with(TreePolicy { merge: Merge::Reservations, ..TreePolicy::default() });
    let booted = boot(&blob(&root(1024, [])), &blob(&loader), None, &policy);
    assert_eq!((booted.ram(), booted.regions()), (vec![span(0, 1024)], vec!["!tz@84000000".into()]));
    assert_eq!(booted.text("/chosen", "bootargs"), None);
    // Linux uses the bundle's RAM, and the loader's tree has a carveout there, outside its own.
    let loader = root(512, [reserved([carveout("tz", 700, 2), carveout("far", 1020, 8)])]);
    let booted = boot(&blob(&root(1024, [])), &blob(&loader), None, &policy);
    assert_eq!(booted.regions(), ["!tz@abc00000", "!far@bfc00000"]);
    assert_eq!(booted.errors(), [""; 0]);
}

#[test]
fn in_an_efi_boot_ram_is_what_the_efi_map_has() {
    // The loader's tree has 512 MiB, the EFI map 1 GiB.
    let regions = [carveout("tz", 64, 2), carveout("dsp", 700, 2), carveout("hole", 1100, 2)];
    let loader = blob(&root(512, [reserved(regions)]));
    let by_efi = |own: &NewNode| {
        let facts = by_efi(1024, &[span(64, 2), span(700, 2)]);
        boot_with(&blob(own), &loader, None, &Policy::default(), facts)
    };
    let booted = by_efi(&root(2048, []));
    assert_eq!(booted.regions(), ["!tz@84000000", "!dsp@abc00000"]);
    assert_eq!(booted.errors(), [""; 0]);
    // The nodes are replaced, too, but they are not the RAM.
    let account = "the bundle's; of the loader's: tz@84000000, dsp@abc00000, /memory";
    assert_eq!(booted.merged.facts.account, account);
    // What cannot be added there is a finding.
    let pool = root(2048, [reserved([pool("video", 696, 64)])]);
    assert!(by_efi(&pool).errors().contains(&"RF901".into()));
}
