//! The memory map as a flat list: who has which span, for people and programs alike.

use ringfence::analysis::Analysis;
use ringfence::facts::BootFacts;
use ringfence::ledger;
use ringfence::span::Span;
use ringfence::survey::{Extent, MemoryMap, Pool, Region};

/// One claim on memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where, or `None` for a region that the kernel is to place.
    pub span: Option<Span>,
    /// How much, in bytes.
    pub size: u64,
    /// What it is: `ram`, `carveout`, `cma`, `coherent`, `restricted`, `reserved`, `memreserve`, or a part of
    /// the boot.
    pub kind: &'static str,
    /// Path of the node, or of what is not in the tree its name.
    pub node: String,
    /// Flags of the node that matter.
    pub flags: Vec<&'static str>,
}

impl Entry {
    fn at(span: Span, kind: &'static str, node: impl Into<String>) -> Self {
        Self { span: Some(span), size: span.len(), kind, node: node.into(), flags: Vec::new() }
    }
}

/// All claims: RAM banks first, then by address, those without one last.
#[must_use]
pub fn entries(analysis: &Analysis<'_, '_>) -> Vec<Entry> {
    let (tree, map, facts) = (&analysis.tree, &analysis.map, analysis.facts);
    let mut out: Vec<Entry> = match facts.ram.is_empty() {
        true => map
            .banks
            .iter()
            .filter_map(|bank| Some(Entry::at(bank.span?, "ram", tree.node(bank.node).path())))
            .collect(),
        false => facts.ram.iter().map(|&span| Entry::at(span, "ram", "--ram")).collect(),
    };
    out.sort_by_key(|entry| entry.span);
    let mut claims: Vec<Entry> = map.regions.iter().flat_map(region).collect();
    claims.extend(map.memreserve.iter().map(|&span| Entry::at(span, "memreserve", "/memreserve/")));
    claims.extend(boot(map, facts));
    // A stable order, also for two claims on one span.
    claims.sort_by(|a, b| (a.span.is_none(), a.span, &a.node).cmp(&(b.span.is_none(), b.span, &b.node)));
    out.extend(claims);
    out
}

/// RAM that nobody claims, ascending. One pass over both sorted sides.
#[must_use]
pub fn free(entries: &[Entry]) -> Vec<Span> {
    let (ram, claims): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|entry| entry.kind == "ram");
    let live = claims.iter().filter(|entry| !entry.flags.contains(&"disabled"));
    let claims = ledger::union(live.filter_map(|entry| entry.span).collect());
    let mut free = Vec::new();
    for bank in ledger::union(ram.iter().filter_map(|entry| entry.span).collect()) {
        let from = claims.partition_point(|claim| claim.end() <= bank.base());
        let mut low = bank.base();
        for claim in claims.iter().skip(from).map_while(|claim| claim.intersection(bank)) {
            free.extend(Span::from_ends(low, claim.base()));
            low = claim.end();
        }
        free.extend(Span::from_ends(low, bank.end()));
    }
    free
}

fn region(region: &Region) -> Vec<Entry> {
    let kind = match (region.pool, region.no_map) {
        (Pool::Restricted, _) => "restricted",
        (Pool::Shared, _) if region.is_cma() => "cma",
        (Pool::Shared, true) => "coherent",
        (_, true) => "carveout",
        _ => "reserved",
    };
    let mut flags = Vec::new();
    for (on, flag) in [
        (region.no_map, "no-map"),
        (region.reusable, "reusable"),
        (region.cma_default, "linux,cma-default"),
        (!region.enabled, "disabled"),
        (matches!(region.extent, Extent::Dynamic(_)), "dynamic"),
        (matches!(region.extent, Extent::Malformed { .. }), "malformed"),
    ] {
        if on {
            flags.push(flag);
        }
    }
    let entry = |span: Option<Span>, size| Entry {
        span,
        size,
        kind,
        node: region.path.clone(),
        flags: flags.clone(),
    };
    match &region.extent {
        Extent::Static(spans) => spans.iter().map(|&span| entry(Some(span), span.len())).collect(),
        Extent::Dynamic(dynamic) => vec![entry(None, dynamic.size)],
        Extent::Nowhere | Extent::Malformed { .. } => vec![entry(None, 0)],
    }
}

fn boot(map: &MemoryMap, facts: &BootFacts) -> Vec<Entry> {
    let kernel = facts.kernel.and_then(|kernel| kernel.footprint_at(kernel.at.base()));
    let initrd = facts.initrd.map(|initrd| initrd.at).or(map.chosen.initrd);
    let cma = map.chosen.bootargs.as_deref().and_then(ringfence::bootargs::cma).and_then(|cma| cma.fixed());
    [
        (kernel, "kernel", "kernel"),
        (initrd, "initrd", "initrd"),
        (facts.dtb.map(|dtb| dtb.at), "dtb", "dtb"),
        (facts.stage, "stage", "stage"),
        (facts.bundle, "bundle", "bundle"),
        (cma, "cma", "/chosen bootargs"),
    ]
    .into_iter()
    .filter_map(|(span, kind, node)| Some(Entry::at(span?, kind, node)))
    .collect()
}
