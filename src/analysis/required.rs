//! What the policy requires, and the regions of the tree that answer to it.

use super::Analysis;
use crate::context::Context;
use crate::fdt::{Node, Tree};
use crate::ledger;
use crate::policy::{Carveout, Key, Requirement};
use crate::profile::PageSize;
use crate::rules::is_near;
use crate::span::{Span, align_down};
use crate::survey::{Extent, MemoryMap, Region, RegionIndex};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// With this property the driver leaves the first and the last 4 KiB of the region alone, so that it has
/// guards inside (drivers/soc/qcom/rmtfs_mem.c).
const OWN_GUARDS: &str = "qcom,use-guard-pages";
const OWN_GUARD: u64 = 4 << 10;

/// The name of what the planner itself puts beside a carveout.
pub const GUARD: &str = "ringfence-guard";

/// What answers to one requirement of the policy, as the analysis keeps it.
pub(super) struct Answered {
    region: Option<RegionIndex>,
    path: String,
    /// The region that may be meant, when none answers.
    meant: Option<RegionIndex>,
    is_unresolved: bool,
}

/// A requirement of the policy and the region that answers to it.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'s> {
    /// Its index in the policy.
    pub index: usize,
    /// What is required.
    pub requirement: &'s Requirement,
    /// The region that its key names, when there is one.
    pub region: Option<&'s Region>,
    /// The path that the key names; where the tree does not resolve a label, the one that a restored node
    /// gets.
    pub path: &'s str,
    /// The region that the key may mean, when none answers: at the required base, or of nearly that name.
    pub meant: Option<&'s Region>,
    /// Whether the key is a label of a tree that has no labels, and the region may be there: it has no fixed
    /// base, or something else is there.
    pub is_unresolved: bool,
}

impl<'s> Answer<'s> {
    /// Returns the region that is required, unless a range is.
    #[must_use]
    pub const fn carveout(&self) -> Option<&'s Carveout> {
        self.requirement.carveout()
    }

    /// Returns the region's one span, when it is static.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        match &self.region?.extent {
            Extent::Static(spans) => spans.first().copied(),
            _ => None,
        }
    }

    /// Tells whether the region is where the policy has it.
    #[must_use]
    pub fn is_at(&self, base: u64) -> bool {
        self.span().is_some_and(|span| starts_at(span, base))
    }
}

/// Tells whether `span` starts at `base`, or where that is off a page, at the start of the page, because a
/// carveout has to cover whole pages: of the kernel, or of another one for which the tree was repaired.
fn starts_at(span: Span, base: u64) -> bool {
    span.base() == base || PageSize::ALL.iter().any(|page| span.base() == align_down(base, page.bytes()))
}

/// Looks up every requirement of the policy, in its order.
pub(super) fn answered(tree: &Tree<'_>, map: &MemoryMap, context: Context<'_>) -> Vec<Answered> {
    let Some(policy) = context.policy else { return Vec::new() };
    let symbols = tree.find("/__symbols__");
    let one = |requirement: &Requirement| match requirement {
        Requirement::Carveout(carveout) => {
            let symbol = symbol(symbols, &carveout.key);
            let is_named = symbol.is_some();
            let path = symbol.unwrap_or_else(|| format!("/reserved-memory/{}", carveout.key.text()));
            let region = find(map, carveout, &path);
            // A label that the tree does not know: the region that is as required is the one.
            let region = region.or_else(|| satisfied(map, carveout).filter(|_| !is_named));
            let found = region.and_then(|index| map.region_at(index)).map(|region| region.path.clone());
            let path = found.unwrap_or(path);
            Answered {
                region,
                meant: if region.is_none() { meant(map, carveout, &path) } else { None },
                path,
                is_unresolved: region.is_none()
                    && !is_named
                    && symbols.is_none()
                    && carveout
                        .span()
                        .is_none_or(|span| map.regions.iter().any(|region| is_over(region, span))),
            }
        }
        Requirement::ProtectedRange(range) => Answered {
            region: None,
            path: format!("/reserved-memory/{}", range.name),
            meant: None,
            is_unresolved: false,
        },
    };
    policy.requirements.iter().map(one).collect()
}

pub(super) fn answer<'s>(analysis: &'s Analysis<'_, '_>, index: usize) -> Option<Answer<'s>> {
    let requirement = analysis.policy?.requirements.get(index)?;
    let Answered { region, path, meant, is_unresolved } = analysis.answered.get(index)?;
    let region_at = |index: &Option<RegionIndex>| index.and_then(|index| analysis.map.region_at(index));
    Some(Answer {
        index,
        requirement,
        region: region_at(region),
        path,
        meant: region_at(meant),
        is_unresolved: *is_unresolved,
    })
}

/// Finds the region that answers to one required carveout. A unit address that was corrected, or went with a
/// region that was moved, does not hide it: where no node has the exact path, one of the same name before the
/// `@` answers, at the required base, or, where none is required, the only one of that name.
fn find(map: &MemoryMap, carveout: &Carveout, path: &str) -> Option<RegionIndex> {
    let mut regions = map.indexed_regions();
    if let Some((index, _)) = regions.find(|(_, region)| region.path == path) {
        return Some(index);
    }
    let mut named = map.indexed_regions().filter(|(_, region)| base_name(&region.path) == base_name(path));
    let found = match carveout.base {
        Some(base) => named.find(|(_, region)| region.spans().first().is_some_and(|s| starts_at(*s, base))),
        None => named.next().filter(|_| named.next().is_none()),
    };
    found.map(|(index, _)| index)
}

/// Tells whether a region shares memory with `span`.
fn is_over(region: &Region, span: Span) -> bool {
    region.spans().iter().any(|own| own.overlaps(span))
}

/// Finds the region that is where a required carveout must be, and as large.
fn satisfied(map: &MemoryMap, carveout: &Carveout) -> Option<RegionIndex> {
    let required = carveout.span()?;
    let is_there = |span: &Span| starts_at(*span, required.base()) && span.end() >= required.end();
    let mut regions = map.indexed_regions();
    regions.find(|(_, region)| region.spans().first().is_some_and(is_there)).map(|(index, _)| index)
}

/// Finds the region that a required carveout may mean when none answers: the one at its base, one of its name
/// elsewhere, or one of nearly its name.
fn meant(map: &MemoryMap, carveout: &Carveout, path: &str) -> Option<RegionIndex> {
    let at_base = |region: &Region| match (carveout.base, region.spans().first()) {
        (Some(base), Some(span)) => starts_at(*span, base),
        _ => false,
    };
    let wanted = base_name(path);
    let tests: [&dyn Fn(&Region) -> bool; 3] =
        [&at_base, &|region| base_name(&region.path) == wanted, &|region| {
            is_near(base_name(&region.path), wanted)
        }];
    tests
        .iter()
        .find_map(|test| map.indexed_regions().find(|(_, region)| test(region)))
        .map(|(index, _)| index)
}

/// Returns the path that the key of a required carveout names, if the tree tells: for a label what
/// `/__symbols__` says, even of a node that is gone.
fn symbol(symbols: Option<Node<'_, '_>>, key: &Key) -> Option<String> {
    match key {
        Key::Path(path) => Some(path.clone()),
        Key::Label(label) => symbols.and_then(|symbols| symbols.prop(label)?.as_str()).map(String::from),
    }
}

fn base_name(path: &str) -> &str {
    path.split('@').next().unwrap_or(path)
}

/// Returns what of a range that Linux must not reach is RAM and in none of the ascending, disjoint
/// `carveouts`. Where RAM is unknown, all of it may be.
#[must_use]
pub fn reachable(analysis: &Analysis<'_, '_>, range: Span, carveouts: &[Span]) -> Vec<Span> {
    let ram = &analysis.map.ram;
    let ram = if ram.is_known() { ram.within(range).collect() } else { alloc::vec![range] };
    ledger::subtract(&ram, carveouts)
}

/// Returns what of the guards beside a required carveout is RAM and in none of the ascending, disjoint
/// `carveouts`. `standing` is where it is when the policy does not say.
#[must_use]
pub fn guards(
    analysis: &Analysis<'_, '_>,
    answer: &Answer<'_>,
    standing: Option<Span>,
    carveouts: &[Span],
) -> Vec<Span> {
    let page = analysis.profile.page.bytes();
    let own = answer.region.is_some_and(|region| analysis.tree.node(region.node).has_prop(OWN_GUARDS));
    let guard = analysis.policy.and_then(|policy| policy.guard).filter(|_| answer.requirement.no_map());
    let Some(guard) = guard.filter(|&guard| !own || guard > OWN_GUARD) else {
        return Vec::new();
    };
    let Some(span) = answer.requirement.span().or(standing).and_then(|span| span.outward(page)) else {
        return Vec::new();
    };
    let guard = guard.max(page);
    let wide = Span::from_ends(span.base().saturating_sub(guard), span.end().saturating_add(guard));
    let ram: Vec<Span> = wide.into_iter().flat_map(|wide| analysis.map.ram.within(wide)).collect();
    ledger::subtract(&ledger::subtract(&ram, carveouts), &[span])
}
