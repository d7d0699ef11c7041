//! Boards in a few words, and what is left of them after the pipeline.

use ringfence::facts::BootFacts;
use ringfence::fdt::{NewNode, Tree, build};
use ringfence::pipeline::{Context, survey};
use ringfence::policy::{Allow, Carveout, Key, Policy, Requirement};
use ringfence::profile::KernelProfile;
use ringfence::prove::{Proven, Refusal};
use ringfence::span::{MIB, Span};

/// The first address of RAM.
pub(crate) const RAM: u64 = 0x4000_0000;

/// Returns a static region of whole MiB, counted from the start of RAM.
pub(crate) fn region(name: &str, at_mib: u64, mib: u64) -> NewNode {
    let base = RAM + at_mib * MIB;
    NewNode::new(&format!("{name}@{base:x}")).prop("reg", reg(&[(base, mib * MIB)]))
}

/// Returns a carveout of whole MiB, counted from the start of RAM.
pub(crate) fn carveout(name: &str, at_mib: u64, mib: u64) -> NewNode {
    region(name, at_mib, mib).prop_empty("no-map")
}

/// Tuples of two and two cells.
pub(crate) fn reg(spans: &[(u64, u64)]) -> Vec<u8> {
    spans.iter().flat_map(|(base, size)| [base.to_be_bytes(), size.to_be_bytes()].concat()).collect()
}

/// `/chosen` with a command line.
pub(crate) fn chosen(bootargs: &str) -> NewNode {
    NewNode::new("chosen").prop_str("bootargs", bootargs)
}

/// `/reserved-memory` with two and two cells.
pub(crate) fn reserved(regions: impl IntoIterator<Item = NewNode>) -> NewNode {
    let node = NewNode::new("reserved-memory")
        .prop_u32("#address-cells", 2)
        .prop_u32("#size-cells", 2)
        .prop_empty("ranges");
    regions.into_iter().fold(node, NewNode::child)
}

/// Returns a board of 1 GiB with these nodes at its root.
pub(crate) fn board(nodes: impl IntoIterator<Item = NewNode>) -> Vec<u8> {
    board_with(&[], nodes)
}

/// Returns the same with `/memreserve/` entries.
pub(crate) fn board_with(memreserve: &[(u64, u64)], nodes: impl IntoIterator<Item = NewNode>) -> Vec<u8> {
    let memory = NewNode::new("memory@40000000")
        .prop_str("device_type", "memory")
        .prop("reg", reg(&[(RAM, 1024 * MIB)]));
    let root = NewNode::new("").prop_u32("#address-cells", 2).prop_u32("#size-cells", 2).child(memory);
    build(&nodes.into_iter().fold(root, NewNode::child), 0, memreserve).unwrap()
}

/// Returns a policy that permits everything and requires these carveouts.
pub(crate) fn requiring(required: impl IntoIterator<Item = Requirement>) -> Policy {
    Policy {
        requirements: required.into_iter().collect(),
        allow: Allow { shift: true, restore: true, drop_flags: true, enable: true },
        ..Policy::default()
    }
}

/// Returns a required carveout of whole MiB, counted from the start of RAM.
pub(crate) fn required(name: &str, at_mib: u64, mib: u64) -> Requirement {
    carveout_required(name, at_mib, mib).into()
}

/// Returns the same, to be changed before it is required.
pub(crate) fn carveout_required(name: &str, at_mib: u64, mib: u64) -> Carveout {
    let base = RAM + at_mib * MIB;
    Carveout {
        key: Key::Path(format!("/reserved-memory/{name}@{base:x}")),
        base: Some(base),
        size: mib * MIB,
        no_map: true,
    }
}

pub(crate) fn fix(dtb: &[u8], policy: Option<&Policy>) -> Result<Proven, Refusal> {
    fix_at_boot(dtb, policy, &BootFacts::default())
}

pub(crate) fn fix_at_boot(dtb: &[u8], policy: Option<&Policy>, facts: &BootFacts) -> Result<Proven, Refusal> {
    let profile = KernelProfile::default();
    survey(dtb, Context { policy, profile: &profile, facts })?.judge().plan().apply()?.prove()
}

/// Names and place of every region, in MiB from the start of RAM, in the order of the tree.
pub(crate) fn layout(proven: &Proven) -> Vec<(String, u64, u64)> {
    let mib = |bytes: u64| bytes / MIB;
    let regions = proven.map().regions.iter();
    regions
        .flat_map(|region| region.spans().iter().map(move |span| (region, span)))
        .map(|(region, span)| {
            let stem = region.name.split('@').next().unwrap_or_default().to_string();
            (stem, mib(span.base() - RAM), mib(span.len()))
        })
        .collect()
}

/// Returns a layout as it is written in a test.
pub(crate) fn at(expected: &[(&str, u64, u64)]) -> Vec<(String, u64, u64)> {
    expected.iter().map(|(name, base, size)| (name.to_string(), *base, *size)).collect()
}

/// Returns the names of the repairs that were made.
pub(crate) fn kinds(proven: &Proven) -> Vec<&'static str> {
    proven.repairs().iter().map(|repair| repair.kind).collect()
}

/// Returns the command line of a proven tree.
pub(crate) fn bootargs(proven: &Proven) -> String {
    let tree = Tree::parse(proven.dtb()).unwrap();
    tree.find("/chosen").unwrap().prop("bootargs").unwrap().as_str().unwrap().to_string()
}

/// Whole MiB from the start of RAM.
pub(crate) fn mib_span(at_mib: u64, mib: u64) -> Span {
    Span::new(RAM + at_mib * MIB, mib * MIB).unwrap()
}
