//! Trees as hostile and as ordinary as they come, from the same generator: banks, regions of every sort,
//! `/memreserve/`, bootargs, policies, boot facts.

use proptest::prelude::*;
use ringfence::facts::{BootFacts, Kernel, Placed};
use ringfence::fdt::{NewNode, build};
use ringfence::policy::{Allow, CmaWant, KeepLog, Key, Mode, OnError, Policy, Required, Via};
use ringfence::profile::{KernelProfile, PROFILES, PageSize};
use ringfence::span::{MIB, Span};

/// Everything that one run of the pipeline gets.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) board: Board,
    pub(crate) policy: Option<Policy>,
    pub(crate) profile: KernelProfile,
    pub(crate) facts: BootFacts,
}

/// A device tree as it is to be written.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    pub(crate) root: (u32, u32),
    pub(crate) banks: Vec<(u64, u64)>,
    pub(crate) reserved: Option<Reserved>,
    /// Regions where no kernel looks, and the node that holds them.
    pub(crate) stray: Option<(&'static str, Vec<Child>)>,
    pub(crate) memreserve: Vec<(u64, u64)>,
    pub(crate) bootargs: Option<String>,
    pub(crate) initrd: Option<(u64, u64)>,
}

/// `/reserved-memory` as it is to be written.
#[derive(Clone, Debug)]
pub(crate) struct Reserved {
    pub(crate) cells: Option<(u32, u32)>,
    pub(crate) ranges: bool,
    pub(crate) regions: Vec<Child>,
}

/// A child of `/reserved-memory` as it is to be written.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub(crate) name: String,
    pub(crate) extent: Extent,
    pub(crate) flags: Vec<&'static str>,
    pub(crate) compatible: Option<&'static str>,
    pub(crate) status: Option<&'static str>,
}

/// What a child says of its place.
#[derive(Clone, Debug)]
pub(crate) enum Extent {
    Reg(Vec<(u64, u64)>),
    Size { size: u64, align: Option<u64>, windows: Vec<(u64, u64)> },
    Bytes(Vec<u8>),
    Nothing,
}

/// The first address of RAM on most generated boards.
const RAM: u64 = 0x4000_0000;

/// Addresses near each other, so that they meet, and now and then ones that are off a page or far away.
fn base() -> impl Strategy<Value = u64> {
    prop_oneof![
        12 => (0u64..64).prop_map(|n| RAM + n * MIB),
        4 => (0u64..16).prop_map(|n| RAM + n * 4 * MIB),
        2 => (0u64..0x400).prop_map(|n| RAM + n * 0x4800),
        1 => (0u64..8).prop_map(|n| 0xfff0_0000 + n * MIB),
        1 => (0u64..8).prop_map(|n| 0x1000_0000 + n * MIB),
    ]
}

fn size() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => (1u64..8).prop_map(|n| n * MIB),
        3 => (1u64..8).prop_map(|n| n * 4 * MIB),
        2 => (1u64..64).prop_map(|n| n * 0x1000),
        2 => 1u64..0x5000,
        1 => Just(0u64),
        1 => prop_oneof![Just(u64::MAX), Just(1 << 30), Just(1 << 40)],
    ]
}

fn spans(most: usize) -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((base(), size()), 1..=most)
}

fn extent() -> impl Strategy<Value = Extent> {
    let dynamic = (
        size(),
        prop::option::of(prop_oneof![6 => (12u32..26).prop_map(|n| 1u64 << n), 1 => 0u64..0x3000]),
        prop_oneof![2 => Just(Vec::new()), 1 => spans(2)],
    );
    prop_oneof![
        12 => spans(1).prop_map(Extent::Reg),
        2 => spans(3).prop_map(Extent::Reg),
        4 => dynamic.prop_map(|(size, align, windows)| Extent::Size { size, align, windows }),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Extent::Bytes),
        1 => Just(Extent::Nothing),
    ]
}

fn child() -> impl Strategy<Value = Child> {
    let flags = prop_oneof![
        6 => Just(vec!["no-map"]),
        3 => Just(vec![]),
        3 => Just(vec!["reusable"]),
        1 => Just(vec!["reusable", "linux,cma-default"]),
        1 => Just(vec!["no-map", "reusable"]),
    ];
    let compatible = prop_oneof![
        4 => Just(None),
        4 => Just(Some("shared-dma-pool")),
        1 => Just(Some("restricted-dma-pool")),
        1 => Just(Some("ramoops")),
    ];
    let status = prop_oneof![10 => Just(None), 1 => Just(Some("okay")), 2 => Just(Some("disabled"))];
    (0usize..5, 0u8..8, extent(), flags, compatible, status).prop_map(
        |(name, unit, extent, flags, compatible, status)| {
            let stem = ["dsp", "camera", "pool", "ramoops", "tz"][name % 5];
            let base = match &extent {
                Extent::Reg(spans) => spans[0].0,
                _ => 0,
            };
            let name = match unit {
                0 => stem.to_string(),
                1 => format!("{stem}@0x{base:x}"),
                2 => format!("{stem}@{:x}", base + 0x1000),
                _ if matches!(extent, Extent::Reg(_)) => format!("{stem}@{base:x}"),
                _ => stem.to_string(),
            };
            Child { name, extent, flags, compatible, status }
        },
    )
}

fn reserved() -> impl Strategy<Value = Reserved> {
    let cells = prop_oneof![
        12 => Just(None),
        1 => (1u32..=2, 1u32..=2).prop_map(Some),
        1 => (0u32..=4, 0u32..=4).prop_map(Some),
    ];
    (cells, prop::bool::weighted(0.9), prop::collection::vec(child(), 0..7)).prop_map(
        |(cells, ranges, mut regions)| {
            // Siblings of one name cannot be written on purpose.
            let mut names = std::collections::BTreeSet::new();
            regions.retain(|child: &Child| names.insert(child.name.clone()));
            Reserved { cells, ranges, regions }
        },
    )
}

/// Where no kernel looks for regions: a second node, a misspelled one, a level too deep.
pub(crate) const STRAY: [&str; 3] = ["reserved-memory@1", "reserved_memory", "group"];

fn stray() -> impl Strategy<Value = (&'static str, Vec<Child>)> {
    // Mostly such as can be moved: beside the others, and with one span.
    let plain = (64u64..96, 1u64..3, any::<bool>()).prop_map(|(at, mib, no_map)| Child {
        name: format!("fw@{:x}", RAM + at * MIB),
        extent: Extent::Reg(vec![(RAM + at * MIB, mib * MIB)]),
        flags: if no_map { vec!["no-map"] } else { vec![] },
        compatible: None,
        status: None,
    });
    let children =
        prop::collection::vec(prop_oneof![6 => plain, 1 => child()], 1..3).prop_map(|mut regions| {
            regions.iter_mut().for_each(|child| child.name = format!("x{}", child.name));
            let mut names = std::collections::BTreeSet::new();
            regions.retain(|child: &Child| names.insert(child.name.clone()));
            regions
        });
    (prop::sample::select(&STRAY[..]), children)
}

fn banks() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop_oneof![
        6 => Just(vec![(RAM, 0x4000_0000)]),
        2 => Just(vec![(RAM, 0xc000_0000), (0x1_0000_0000, 0x4000_0000)]),
        2 => (1u64..40).prop_map(|n| vec![(RAM, n * MIB), (RAM + (n + 2) * MIB, 0x1000_0000)]),
        1 => Just(vec![(RAM, 0)]),
        1 => Just(vec![]),
        1 => Just(vec![(RAM + 0x800, 0x3fff_f000), (RAM + 0x100_0000, 0x5000_0000)]),
    ]
}

/// Pieces of command lines, some of which no kernel parses as meant.
fn bootargs() -> impl Strategy<Value = Option<String>> {
    let word = prop_oneof![
        4 => Just("quiet".to_string()),
        1 => Just("console=ttyAMA0,115200 ".to_string()),
        1 => Just("\"a b\"".to_string()),
        1 => Just("init=\"/bin/sh -c cma=1M\"".to_string()),
        1 => Just("--".to_string()),
        1 => Just("\"open".to_string()),
        1 => Just("mem=512M".to_string()),
        2 => (0u64..80).prop_map(|n| format!("cma={n}M")),
        3 => (0u64..40, base()).prop_map(|(n, at)| format!("cma={}M@{at:#x}", n * 2)),
        1 => (1u64..40, base()).prop_map(|(n, at)| format!("cma={n}M@{at:#x}-{:#x}", at + 0x400_0000)),
        1 => Just("cma=64".to_string()),
        1 => Just("cma=".to_string()),
        1 => Just("cma".to_string()),
    ];
    prop_oneof![
        1 => Just(None),
        4 => prop::collection::vec(word, 0..5).prop_map(|words| Some(words.join(" "))),
    ]
}

pub(crate) fn board() -> impl Strategy<Value = Board> {
    let root = prop_oneof![8 => Just((2u32, 2u32)), 1 => Just((2, 1)), 1 => Just((1, 1)), 1 => Just((1, 2))];
    let memreserve = prop_oneof![2 => Just(vec![]), 1 => spans(3)];
    (
        root,
        banks(),
        prop::option::weighted(0.95, reserved()),
        prop::option::weighted(0.08, stray()),
        memreserve,
        bootargs(),
        prop::option::weighted(0.2, (base(), 1u64..0x80_0000)),
    )
        .prop_map(|(root, banks, reserved, stray, mut memreserve, bootargs, initrd)| {
            memreserve.retain(|&(_, size)| size != 0);
            Board { root, banks, reserved, stray, memreserve, bootargs, initrd }
        })
}

fn required(board: &Board) -> impl Strategy<Value = Vec<Required>> + use<> {
    let known: Vec<(String, u64)> = board
        .reserved
        .iter()
        .flat_map(|reserved| &reserved.regions)
        .map(|child| {
            let base = match &child.extent {
                Extent::Reg(spans) => spans[0].0,
                _ => RAM,
            };
            (format!("/reserved-memory/{}", child.name), base)
        })
        .collect();
    let one =
        (any::<prop::sample::Index>(), prop::option::weighted(0.5, base()), 1u64..6, any::<bool>(), 0u8..6)
            .prop_map(move |(which, other, mib, no_map, sort)| {
                let (path, base) = match known.is_empty() {
                    true => ("/reserved-memory/fw@41000000".to_string(), RAM + 16 * MIB),
                    false => which.get(&known).clone(),
                };
                let base = if sort == 0 { None } else { Some(other.unwrap_or(base)) };
                let key = if sort == 1 { Key::Label("firmware_mem".into()) } else { Key::Path(path) };
                Required { key, base, size: mib * MIB, no_map }
            });
    prop::collection::vec(one, 0..3)
}

fn cma() -> impl Strategy<Value = Option<CmaWant>> {
    let want = (1u64..33, prop::option::of(12u32..27), any::<bool>(), any::<bool>()).prop_map(
        |(mib, align, anywhere, node)| CmaWant {
            size: mib * 2 * MIB,
            align: align.map(|n| 1 << n),
            range: if anywhere { None } else { Span::from_ends(RAM, 0x1_0000_0000) },
            via: if node { Via::Node } else { Via::Bootargs },
        },
    );
    prop::option::weighted(0.5, want)
}

fn policy(board: &Board) -> impl Strategy<Value = Option<Policy>> + use<> {
    let mostly = || prop::bool::weighted(0.8);
    let allow = (mostly(), mostly(), mostly(), mostly())
        .prop_map(|(shift, restore, drop_flags, enable)| Allow { shift, restore, drop_flags, enable });
    let mode = prop_oneof![10 => Just(Mode::Fix), 1 => Just(Mode::Audit), 1 => Just(Mode::Strict)];
    let base = prop::option::weighted(0.3, (0u64..128).prop_map(|n| RAM + n * 8 * MIB));
    let log = (0u32..4, base).prop_map(|(n, base)| KeepLog { size: (64 << 10) << n, base });
    let log = prop::option::weighted(0.3, log);
    let guard = prop::option::weighted(0.1, Just(4096));
    let parts = (required(board), guard, cma(), log, allow, mode);
    let policy = parts.prop_map(|(carveouts, guard, cma, log, allow, mode)| Policy {
        board: None,
        mode,
        on_error: OnError::Halt,
        carveouts,
        boundary: None,
        guard,
        cma,
        log,
        allow,
    });
    prop::option::weighted(
        0.8,
        policy.prop_filter("a policy that contradicts itself", |p| p.validate().is_ok()),
    )
}

fn facts() -> impl Strategy<Value = BootFacts> {
    let at = || (0u64..48).prop_map(|n| RAM + n * MIB);
    let boot = (at(), at(), at(), at(), 1u64..24, any::<bool>(), any::<bool>()).prop_map(
        |(stage, dtb, kernel, initrd, mib, movable, report)| {
            let placed = |base, size| Placed { at: Span::new(base, size).unwrap(), movable };
            BootFacts {
                stage: Span::new(stage, 0x40_0000),
                bundle: None,
                dtb: Some(placed(dtb, 0x1_0000)),
                kernel: Some(Kernel {
                    at: Span::new(kernel, mib * MIB).unwrap(),
                    text_offset: 0,
                    image_size: (mib + 2) * MIB,
                    movable,
                }),
                initrd: Some(placed(initrd, mib * 0x8_0800)),
                ram: Vec::new(),
                report,
                policy_digest: report.then_some([0x5a; 32]),
            }
        },
    );
    prop_oneof![2 => Just(BootFacts::default()), 1 => boot]
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let page = || prop_oneof![6 => Just(PageSize::K4), 1 => Just(PageSize::K16), 1 => Just(PageSize::K64)];
    board()
        .prop_flat_map(move |board| {
            (policy(&board), Just(board), prop::sample::select(PROFILES), page(), facts())
        })
        .prop_map(|(policy, board, profile, page, facts)| Case {
            board,
            policy,
            profile: profile.with_page(page),
            facts,
        })
}

/// One number in `cells` words, its upper bits cut off where they do not fit.
fn number(value: u64, cells: u32) -> Vec<u8> {
    let mut out = vec![0; 4 * cells as usize];
    for (to, from) in out.iter_mut().rev().zip(value.to_be_bytes().iter().rev()) {
        *to = *from;
    }
    out
}

fn tuples(spans: &[(u64, u64)], (address, size): (u32, u32)) -> Vec<u8> {
    spans.iter().flat_map(|&(base, len)| [number(base, address), number(len, size)].concat()).collect()
}

impl Board {
    /// The blob. Every region gets a phandle, a symbol and a device that refers to it.
    pub(crate) fn blob(&self) -> Vec<u8> {
        let mut root = NewNode::new("")
            .prop_u32("#address-cells", self.root.0)
            .prop_u32("#size-cells", self.root.1)
            .prop_str("model", "generated");
        for (index, &bank) in self.banks.iter().enumerate() {
            root = root.child(
                NewNode::new(&format!("memory@{index}"))
                    .prop_str("device_type", "memory")
                    .prop("reg", tuples(&[bank], self.root)),
            );
        }
        let mut chosen = NewNode::new("chosen").prop_str("stdout-path", "/serial@9000000");
        if let Some(line) = &self.bootargs {
            chosen = chosen.prop_str("bootargs", line);
        }
        if let Some((base, size)) = self.initrd {
            chosen = chosen.prop_u64("linux,initrd-start", base).prop_u64("linux,initrd-end", base + size);
        }
        root = root.child(chosen);
        let mut symbols = NewNode::new("__symbols__");
        let mut devices = NewNode::new("soc").prop_empty("ranges");
        if let Some(reserved) = &self.reserved {
            let cells = reserved.cells.unwrap_or(self.root);
            let mut node = NewNode::new("reserved-memory")
                .prop_u32("#address-cells", cells.0)
                .prop_u32("#size-cells", cells.1);
            if reserved.ranges {
                node = node.prop_empty("ranges");
            }
            for (index, child) in reserved.regions.iter().enumerate() {
                node = node.child(child.node(cells, 0x100 + index as u32));
                symbols =
                    symbols.prop_str(&format!("region{index}"), &format!("/reserved-memory/{}", child.name));
                devices = devices.child(
                    NewNode::new(&format!("device@{index}")).prop_u32("memory-region", 0x100 + index as u32),
                );
            }
            let nested = self.stray.iter().filter(|(name, _)| *name == "group");
            let (more, labels) = strays(nested, "/reserved-memory", cells);
            node = more.into_iter().fold(node, NewNode::child);
            symbols = labels.iter().fold(symbols, |symbols, (label, path)| symbols.prop_str(label, path));
            root = root.child(node);
        }
        let beside = self.stray.iter().filter(|(name, _)| *name != "group");
        let (more, labels) = strays(beside, "", self.root);
        root = more.into_iter().fold(root, NewNode::child);
        symbols = labels.iter().fold(symbols, |symbols, (label, path)| symbols.prop_str(label, path));
        root = root.child(devices).child(symbols);
        build(&root, 0, &self.memreserve).unwrap()
    }
}

/// The nodes of regions that are out of place, and the symbols for them.
fn strays<'s>(
    from: impl Iterator<Item = &'s (&'static str, Vec<Child>)>,
    above: &str,
    cells: (u32, u32),
) -> (Vec<NewNode>, Vec<(String, String)>) {
    let (mut nodes, mut labels) = (Vec::new(), Vec::new());
    for (name, regions) in from {
        let mut node = NewNode::new(name);
        for (index, child) in regions.iter().enumerate() {
            node = node.child(child.node(cells, 0x200 + index as u32));
            labels.push((format!("stray{index}"), format!("{above}/{name}/{}", child.name)));
        }
        nodes.push(node);
    }
    (nodes, labels)
}

impl Child {
    fn node(&self, cells: (u32, u32), phandle: u32) -> NewNode {
        let mut node = NewNode::new(&self.name);
        if let Some(compatible) = self.compatible {
            node = node.prop_str("compatible", compatible);
        }
        node = match &self.extent {
            Extent::Reg(spans) => node.prop("reg", tuples(spans, cells)),
            Extent::Size { size, align, windows } => {
                node = node.prop("size", number(*size, cells.1));
                if let Some(align) = align {
                    node = node.prop("alignment", number(*align, cells.0));
                }
                if windows.is_empty() { node } else { node.prop("alloc-ranges", tuples(windows, cells)) }
            }
            Extent::Bytes(bytes) => node.prop("reg", bytes.clone()),
            Extent::Nothing => node,
        };
        for flag in &self.flags {
            node = node.prop_empty(flag);
        }
        if let Some(status) = self.status {
            node = node.prop_str("status", status);
        }
        node.prop_u32("phandle", phandle).prop_str("label", &self.name)
    }
}
