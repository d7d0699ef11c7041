//! A second survey of a tree: plain, slow and easy to trust. It shares only the node walk with the first.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use ringfence::efi::EfiKind;
use ringfence::facts::{BootFacts, Position};
use ringfence::fdt::{Node, Tree};
use ringfence::policy::{Policy, Via};
use ringfence::span::Span;

use crate::generate::{Case, STRAY};

/// A node of `/reserved-memory` that Linux uses.
#[derive(Debug)]
struct Region {
    name: String,
    spans: Vec<Span>,
    no_map: bool,
    cma: bool,
    windows: Vec<Span>,
    /// Paths of the devices whose `memory-region` leads here.
    users: BTreeSet<String>,
}

/// What a tree says about memory.
pub(crate) struct Reading {
    regions: Vec<Region>,
    ram: Vec<Span>,
    memreserve: Vec<Span>,
    /// Properties of every node, by phandle where it has one and else by path.
    nodes: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    /// Phandle of the node that every symbol names.
    symbols: BTreeMap<String, Option<u32>>,
}

fn word(node: Node<'_, '_>, name: &str) -> Option<usize> {
    node.prop(name)?.as_u32().map(|word| word as usize)
}

fn spans(value: &[u8], (address, size): (usize, usize)) -> Vec<Span> {
    let number = |bytes: &[u8]| bytes.iter().fold(0u64, |n, &b| n << 8 | u64::from(b));
    if !(1..=2).contains(&address)
        || !(1..=2).contains(&size)
        || !value.len().is_multiple_of(4 * (address + size))
    {
        return Vec::new();
    }
    let tuples = value.chunks_exact(4 * (address + size));
    let read: Vec<Option<Span>> =
        tuples.map(|t| Span::new(number(&t[..4 * address]), number(&t[4 * address..]))).collect();
    // One tuple that cannot be read spoils the property, as the kernel skips the node.
    if read.iter().all(Option::is_some) { read.into_iter().flatten().collect() } else { Vec::new() }
}

impl Reading {
    pub(crate) fn of(dtb: &[u8], facts: &BootFacts) -> Self {
        let tree = Tree::parse(dtb).unwrap();
        let root = tree.root();
        let root_cells = (word(root, "#address-cells").unwrap_or(1), word(root, "#size-cells").unwrap_or(1));
        let mut ram = Vec::new();
        for node in root.children().filter(|node| node.base_name() == "memory") {
            ram.extend(spans(node.prop("reg").unwrap().value, root_cells));
        }
        // An EFI boot takes its RAM from the EFI memory map.
        if let Some(efi) = &facts.efi {
            let ranges = efi.map.ranges().iter();
            ram = ranges.filter(|range| range.kind != EfiKind::Device).map(|range| range.span).collect();
        }
        ram.sort_unstable();
        let mut joined: Vec<Span> = Vec::new();
        for span in ram {
            match joined.last_mut().filter(|last| span.base() <= last.end()) {
                Some(last) => *last = Span::from_ends(last.base(), last.end().max(span.end())).unwrap(),
                None => joined.push(span),
            }
        }
        let reserved = tree.find("/reserved-memory");
        Self {
            regions: reserved
                .map_or_else(Vec::new, |node| node.children().filter_map(region_in(node)).collect()),
            ram: joined,
            memreserve: tree.blob().memreserve().filter_map(|(base, size)| Span::new(base, size)).collect(),
            nodes: tree.nodes().map(|node| (key(node), props(node))).collect(),
            symbols: tree.find("/__symbols__").map_or_else(BTreeMap::new, |node| {
                let target = |path: Option<&str>| named(&tree, path?).or_else(|| tree.find(path?))?.phandle();
                node.props().map(|prop| (prop.name.to_string(), target(prop.as_str()))).collect()
            }),
        }
    }

    /// Returns every span that Linux must not map.
    pub(crate) fn no_map(&self) -> Vec<Span> {
        self.regions.iter().filter(|r| r.no_map).flat_map(|r| r.spans.clone()).collect()
    }

    /// Returns the parts of `span` that are RAM.
    pub(crate) fn ram_in(&self, span: Span) -> Vec<Span> {
        self.ram.iter().filter_map(|bank| bank.intersection(span)).collect()
    }

    /// Returns the parts of `span` that Linux may use: all of it, where the tree leaves RAM to the loader.
    pub(crate) fn used_in(&self, span: Span) -> Vec<Span> {
        if self.ram.is_empty() { vec![span] } else { self.ram_in(span) }
    }

    /// Returns whether every byte of `span` is in some no-map region.
    pub(crate) fn protects(&self, span: Span) -> bool {
        let mut at = span.base();
        while at < span.end() {
            match self.no_map().iter().filter(|s| s.contains(at)).map(|s| s.end()).max() {
                Some(end) => at = end,
                None => return false,
            }
        }
        true
    }

    /// Returns whether one carveout is inside another on purpose: both have a user in common, or only the
    /// inner one has any.
    fn is_nested(&self, (a, a_span): (&str, Span), (b, b_span): (&str, Span)) -> bool {
        let (outer, inner) = if a_span.covers(b_span) { (a, b) } else { (b, a) };
        let region = |name: &str| self.regions.iter().find(|region| region.name == name);
        let (Some(outer), Some(inner)) = (region(outer), region(inner)) else { return false };
        let is_inside = a_span != b_span && (a_span.covers(b_span) || b_span.covers(a_span));
        let is_meant = match outer.users.is_empty() {
            true => !inner.users.is_empty(),
            false => inner.users.intersection(&outer.users).next().is_some(),
        };
        is_inside && is_meant && outer.no_map && inner.no_map
    }

    pub(crate) fn disjoint(&self, case: &Case, facts: &BootFacts) -> Result<(), TestCaseError> {
        let kernel = facts.kernel.and_then(|kernel| kernel.fixed());
        let boot = [
            ("kernel", kernel),
            ("initrd", facts.initrd.and_then(Position::fixed)),
            ("dtb", facts.dtb.and_then(Position::fixed)),
        ];
        let mut claims: Vec<(String, Span, bool)> = Vec::new();
        for region in &self.regions {
            claims.extend(region.spans.iter().map(|&span| (region.name.clone(), span, region.cma)));
        }
        claims.extend(boot.iter().filter_map(|(name, span)| Some((name.to_string(), (*span)?, false))));
        for (index, (name, span, _)) in claims.iter().enumerate() {
            for (other, with, _) in claims.iter().skip(index + 1) {
                let is_nested = self.is_nested((name, *span), (other, *with));
                prop_assert!(!span.overlaps(*with) || is_nested, "{name} {span} over {other} {with}");
            }
        }
        let stage = facts.stage.filter(|_| facts.kernel.is_some());
        for region in self.regions.iter().filter(|region| region.no_map) {
            for span in &region.spans {
                prop_assert!(
                    stage.is_none_or(|stage| !stage.overlaps(*span)),
                    "{} over the stage",
                    region.name
                );
            }
        }
        for region in self.regions.iter().filter(|region| region.cma) {
            for span in &region.spans {
                let align = case.profile.cma_align();
                prop_assert!(span.is_aligned(align), "pool {} {span} is off a pageblock", region.name);
                let inside = self.ram.is_empty() || self.ram.iter().any(|bank| bank.covers(*span));
                prop_assert!(inside, "pool {} {span} is not in RAM", region.name);
                let entry = self.memreserve.iter().find(|entry| entry.overlaps(*span));
                prop_assert!(entry.is_none(), "pool {} {span} over /memreserve/ {entry:?}", region.name);
            }
        }
        for (name, span) in boot.iter().filter_map(|(name, span)| Some((name, (*span)?))) {
            prop_assert!(self.ram.iter().any(|bank| bank.covers(span)), "{name} {span} is not in RAM");
        }
        Ok(())
    }

    /// Checks that every node still exists under its phandle or path, with every property that repairs do not
    /// change.
    pub(crate) fn kept_in(&self, after: &Self, case: &Case) -> Result<(), TestCaseError> {
        for (key, props) in &self.nodes {
            // A parent of misplaced regions may be removed, but none of the regions.
            if STRAY.iter().any(|name| key.strip_prefix('/') == Some(*name)) {
                continue;
            }
            // What was taken from the loader's tree has no phandle, and may get another name.
            if case.loader.is_some() && key.starts_with("/reserved-memory") {
                continue;
            }
            let Some(now) = after.nodes.get(key) else {
                return Err(TestCaseError::fail(format!("node {key} is gone")));
            };
            for (name, value) in props.iter().filter(|(name, _)| !MAY_CHANGE.contains(&name.as_str())) {
                let moved = key == "/__symbols__";
                prop_assert!(moved || now.get(name) == Some(value), "{key} {name} changed");
            }
        }
        for (symbol, target) in &self.symbols {
            prop_assert_eq!(after.symbols.get(symbol), Some(target), "symbol {} leads elsewhere", symbol);
        }
        // A dynamic region that got an address is in its window, unless the policy says otherwise.
        let free = |policy: &Policy| {
            policy.requirements.is_empty() && policy.cma.is_none_or(|want| want.via != Via::Node)
        };
        if !case.policy.as_ref().is_none_or(free) {
            return Ok(());
        }
        for (old, new) in self.regions.iter().filter(|r| !r.windows.is_empty()).flat_map(|old| {
            let stem = old.name.split('@').next();
            after
                .regions
                .iter()
                .filter(move |new| new.name.split('@').next() == stem)
                .map(move |new| (old, new))
        }) {
            if old.name == new.name && old.spans.is_empty() && !new.spans.is_empty() {
                let span = new.spans[0];
                prop_assert!(
                    old.windows.iter().any(|window| window.covers(span)),
                    "{} pinned at {span}, outside {:?}",
                    new.name,
                    old.windows
                );
            }
        }
        Ok(())
    }
}

/// The properties that repairs may change.
const MAY_CHANGE: &[&str] = &[
    "reg",
    "size",
    "no-mem",
    "linux,dma-default",
    "alignment",
    "alloc-ranges",
    "no-map",
    "reusable",
    "status",
    "linux,cma-default",
    "ranges",
    "#address-cells",
    "#size-cells",
    "bootargs",
    "linux,initrd-start",
    "linux,initrd-end",
];

/// Returns the node with exactly this path, as Linux finds it (drivers/of/base.c, `__of_find_node_by_path`).
/// U-Boot also takes the first node whose name goes on with a unit address.
fn named<'t, 'a>(tree: &'t Tree<'a>, path: &str) -> Option<Node<'t, 'a>> {
    let components = path.split('/').filter(|component| !component.is_empty());
    components
        .into_iter()
        .try_fold(tree.root(), |node, name| node.children().find(|child| child.name() == name))
}

fn key(node: Node<'_, '_>) -> String {
    node.phandle().map_or_else(|| node.path(), |phandle| format!("phandle {phandle:#x}"))
}

fn props(node: Node<'_, '_>) -> BTreeMap<String, Vec<u8>> {
    node.props().map(|prop| (prop.name.to_string(), prop.value.to_vec())).collect()
}

fn region_in<'t, 'a>(parent: Node<'t, 'a>) -> impl Fn(Node<'t, 'a>) -> Option<Region> {
    let cells = (word(parent, "#address-cells").unwrap_or(0), word(parent, "#size-cells").unwrap_or(0));
    move |node| {
        let status = node.prop("status").and_then(|prop| prop.as_str());
        if !matches!(status, None | Some("ok" | "okay")) {
            return None;
        }
        let has = |name: &str| node.prop(name).is_some();
        let compatible = node.prop("compatible").and_then(|prop| prop.as_str());
        Some(Region {
            name: node.name().to_string(),
            spans: node.prop("reg").map_or_else(Vec::new, |reg| spans(reg.value, cells)),
            no_map: has("no-map"),
            cma: compatible == Some("shared-dma-pool") && has("reusable") && !has("no-map"),
            windows: node.prop("alloc-ranges").map_or_else(Vec::new, |prop| spans(prop.value, cells)),
            users: node.phandle().map_or_else(BTreeSet::new, |phandle| users(node, phandle)),
        })
    }
}

/// Returns the paths of the devices that refer to a phandle.
fn users(node: Node<'_, '_>, phandle: u32) -> BTreeSet<String> {
    let root = std::iter::successors(Some(node), Node::parent).last().unwrap();
    let devices = root.children().filter(|bus| bus.name() == "soc").flat_map(|bus| bus.children());
    let devices = devices.filter(|device| {
        device.prop("memory-region").is_some_and(|prop| prop.cells().any(|cell| cell == phandle))
    });
    devices.map(|device| device.path()).collect()
}
