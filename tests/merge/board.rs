//! Small trees to merge, and what becomes of them.

use ringfence::efi::{EfiKind, EfiMap, EfiRange};
use ringfence::facts::{BootFacts, EfiFacts};
use ringfence::fdt::{NewNode, Tree, build};
use ringfence::finding::{Finding, Severity};
use ringfence::merge::{Loader, Merged, merge};
use ringfence::pipeline::{self, Context};
use ringfence::policy::Policy;
use ringfence::profile::KernelProfile;
use ringfence::span::{MIB, Span};
use ringfence::survey::MemoryMap;

/// Start of RAM.
pub(crate) const RAM: u64 = 0x8000_0000;

/// Returns a span of MiB from the start of RAM.
pub(crate) fn span(base: u64, size: u64) -> Span {
    Span::new(RAM + base * MIB, size * MIB).unwrap()
}

pub(crate) fn reg(spans: &[Span]) -> Vec<u8> {
    spans.iter().flat_map(|span| [span.base().to_be_bytes(), span.len().to_be_bytes()].concat()).collect()
}

/// Returns a board with this many MiB of RAM and these children of the root.
pub(crate) fn root(ram: u64, children: impl IntoIterator<Item = NewNode>) -> NewNode {
    let mut root = NewNode::new("")
        .prop_u32("#address-cells", 2)
        .prop_u32("#size-cells", 2)
        .prop_str("compatible", "vendor,board")
        .child(memory(span(0, ram)));
    root.children.extend(children);
    root
}

pub(crate) fn memory(span: Span) -> NewNode {
    NewNode::new(&format!("memory@{:x}", span.base()))
        .prop_str("device_type", "memory")
        .prop("reg", reg(&[span]))
}

pub(crate) fn reserved(regions: impl IntoIterator<Item = NewNode>) -> NewNode {
    let mut node = NewNode::new("reserved-memory")
        .prop_u32("#address-cells", 2)
        .prop_u32("#size-cells", 2)
        .prop_empty("ranges");
    node.children.extend(regions);
    node
}

/// Returns a mapped region; sizes in MiB.
pub(crate) fn region(name: &str, base: u64, size: u64) -> NewNode {
    let span = span(base, size);
    NewNode::new(&format!("{name}@{:x}", span.base())).prop("reg", reg(&[span]))
}

pub(crate) fn carveout(name: &str, base: u64, size: u64) -> NewNode {
    region(name, base, size).prop_empty("no-map")
}

pub(crate) fn pool(name: &str, base: u64, size: u64) -> NewNode {
    region(name, base, size).prop_str("compatible", "shared-dma-pool").prop_empty("reusable")
}

pub(crate) fn blob(root: &NewNode) -> Vec<u8> {
    build(root, 0, &[]).unwrap()
}

/// The tree that is booted, with what the rules find in it.
pub(crate) struct Booted {
    pub(crate) dtb: Vec<u8>,
    pub(crate) merged: Merged,
    pub(crate) findings: Vec<Finding>,
}

impl Booted {
    /// Returns the names of the regions, with `!` before those that are not mapped.
    pub(crate) fn regions(&self) -> Vec<String> {
        let map = MemoryMap::survey(&Tree::parse(&self.dtb).unwrap(), &BootFacts::default());
        map.regions.iter().map(|r| format!("{}{}", if r.no_map { "!" } else { "" }, r.name)).collect()
    }

    pub(crate) fn ram(&self) -> Vec<Span> {
        MemoryMap::survey(&Tree::parse(&self.dtb).unwrap(), &BootFacts::default()).ram.spans().to_vec()
    }

    pub(crate) fn text(&self, path: &str, name: &str) -> Option<String> {
        let tree = Tree::parse(&self.dtb).unwrap();
        tree.find(path)?.prop(name)?.as_str().map(str::to_owned)
    }

    pub(crate) fn errors(&self) -> Vec<String> {
        let errors = self.findings.iter().filter(|finding| finding.severity == Severity::Error);
        errors.map(|finding| finding.rule.to_string()).collect()
    }
}

pub(crate) fn boot(own: &[u8], loader: &[u8], bundle: Option<Span>, policy: &Policy) -> Booted {
    boot_with(own, loader, bundle, policy, BootFacts::default())
}

/// Merges, checks that merging again changes nothing, and judges the result.
pub(crate) fn boot_with(
    own: &[u8],
    loader: &[u8],
    bundle: Option<Span>,
    policy: &Policy,
    facts: BootFacts,
) -> Booted {
    let loader = Tree::parse(loader).unwrap();
    let loader = Loader { tree: &loader, dtb: None, bundle };
    let merged = merge(&Tree::parse(own).unwrap(), &loader, Some(policy), &facts).unwrap();
    let dtb = merged.dtb.clone().unwrap_or_else(|| own.to_vec());
    let again = merge(&Tree::parse(&dtb).unwrap(), &loader, Some(policy), &facts).unwrap();
    assert_eq!(again.dtb, None, "merging again: {}", again.facts.account);
    let facts = BootFacts { loader: Some(merged.facts.clone()), ..facts };
    let profile = KernelProfile::default();
    let context = Context { policy: Some(policy), profile: &profile, facts: &facts };
    let findings = pipeline::survey(&dtb, context).unwrap().judge().findings().to_vec();
    Booted { dtb, merged, findings }
}

/// Returns the facts of an EFI boot whose map has this much free RAM, in MiB, and what the firmware keeps.
pub(crate) fn by_efi(ram: u64, kept: &[Span]) -> BootFacts {
    let kept = kept.iter().map(|&span| EfiRange { span, kind: EfiKind::Reserved });
    let ram = EfiRange { span: span(0, ram), kind: EfiKind::Conventional };
    let map = EfiMap::from_ranges(kept.chain([ram]));
    BootFacts { efi: Some(EfiFacts { map, ..EfiFacts::default() }), ..BootFacts::default() }
}

pub(crate) fn usual(own: &NewNode, loader: &NewNode) -> Booted {
    boot(&blob(own), &blob(loader), None, &Policy::default())
}
