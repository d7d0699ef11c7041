//! The memory map as a flat list: who has which span, for people and programs alike.

use ringfence::analysis::Analysis;
use ringfence::claims::{Claim, ClaimKind, Lifetime};
use ringfence::sentinel;
use ringfence::span::Span;
use ringfence::survey::{Extent, Pool, Region, RegionIndex};

/// One row of the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where, or `None` for a region that the kernel is to place.
    pub span: Option<Span>,
    /// How much, in bytes.
    pub size: u64,
    /// What it is: `ram`, what a region is for (`carveout`, `cma`, `coherent`, `restricted`, `reserved`), or
    /// the name of a kind of claim.
    pub kind: &'static str,
    /// Path of the node, or of what is not in the tree its name.
    pub node: String,
    /// Flags of the node that matter.
    pub flags: Vec<&'static str>,
    /// How long it lasts; `None` for RAM.
    pub lifetime: Option<Lifetime>,
}

impl Entry {
    fn ram(span: Span, node: impl Into<String>) -> Self {
        let node = node.into();
        Self { span: Some(span), size: span.len(), kind: "ram", node, flags: Vec::new(), lifetime: None }
    }
}

/// Lists all RAM banks first, then every claim by address, then the regions that have no place or no effect.
#[must_use]
pub fn entries(analysis: &Analysis<'_, '_>) -> Vec<Entry> {
    let (map, facts) = (&analysis.map, analysis.facts);
    let of = |spans: &[Span], source: &str| spans.iter().map(|&span| Entry::ram(span, source)).collect();
    let mut out: Vec<Entry> = match (facts.ram.is_empty(), &facts.efi) {
        (false, _) => of(&facts.ram, "--ram"),
        (true, Some(efi)) => of(&efi.map.memory(), "EFI memory map"),
        (true, None) => map
            .banks
            .iter()
            .filter_map(|bank| Some(Entry::ram(bank.span?, analysis.tree.node(bank.node).path())))
            .collect(),
    };
    out.sort_by_key(|entry| entry.span);
    let idle = map.regions.iter().filter(|region| !region.enabled || region.spans().is_empty());
    let mut claims: Vec<Entry> = idle.flat_map(idle_entries).collect();
    let watched = watched(analysis);
    claims.extend(analysis.claims().iter().map(|claim| {
        let mut entry = entry(analysis, claim);
        if matches!(claim.kind, ClaimKind::Region(index, _) if watched.contains(&index)) {
            entry.flags.push("watched");
        }
        entry
    }));
    // A stable order, also for two claims on one span.
    claims.sort_by(|a, b| (a.span.is_none(), a.span, &a.node).cmp(&(b.span.is_none(), b.span, &b.node)));
    out.extend(claims);
    out
}

/// Returns the regions that the sentinel watches, if the policy wants one.
fn watched(analysis: &Analysis<'_, '_>) -> Vec<RegionIndex> {
    let policy = analysis.policy.and_then(|policy| policy.sentinel.as_ref());
    let all = policy.map(|policy| sentinel::watched(&analysis.tree, &analysis.map, policy));
    all.unwrap_or_default().into_iter().map(|watched| watched.region).collect()
}

fn entry(analysis: &Analysis<'_, '_>, claim: &Claim) -> Entry {
    if let Some(region) = analysis.region(claim.kind) {
        return of_region(region, Some(claim.span), claim.span.len());
    }
    Entry {
        span: Some(claim.span),
        size: claim.span.len(),
        kind: claim.kind.name(),
        node: analysis.source(claim.kind),
        flags: Vec::new(),
        lifetime: Some(claim.kind.lifetime()),
    }
}

fn idle_entries(region: &Region) -> Vec<Entry> {
    match &region.extent {
        Extent::Static(spans) => {
            spans.iter().map(|&span| of_region(region, Some(span), span.len())).collect()
        }
        Extent::Dynamic(dynamic) => vec![of_region(region, None, dynamic.size)],
        Extent::Nowhere | Extent::Malformed { .. } => vec![of_region(region, None, 0)],
    }
}

fn of_region(region: &Region, span: Option<Span>, size: u64) -> Entry {
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
    Entry { span, size, kind, node: region.path.clone(), flags, lifetime: Some(Lifetime::Reserved) }
}
