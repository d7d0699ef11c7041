//! What the policy's required carveouts find in a tree; the rules RF401 to RF405, RF410 and RF411 share it.

use super::{Analysis, Report};
use crate::fdt::{Node, Tree};
use crate::finding::{RepairKind, RuleId, Severity};
use crate::ledger;
use crate::policy::{Key, Required};
use crate::span::{Span, align_down};
use crate::survey::{Extent, Region};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// With this property the driver leaves the first and the last 4 KiB of the region alone, so that it has guards inside
/// (drivers/soc/qcom/rmtfs_mem.c).
const OWN_GUARDS: &str = "qcom,use-guard-pages";
const OWN_GUARD: u64 = 4 << 10;

/// The name of what the planner itself puts beside a carveout.
pub(crate) const GUARD: &str = "ringfence-guard";

/// A required carveout and the region that answers to it.
#[derive(Clone, Debug)]
pub struct Answer<'s> {
    /// Its index in the policy.
    pub index: usize,
    /// What is required.
    pub required: &'s Required,
    /// The region that its key names, when there is one.
    pub region: Option<&'s Region>,
    /// The path that the key names; where the tree does not resolve a label, the one that a restored node gets.
    pub path: String,
    /// Page size of the kernel, in bytes.
    page: u64,
}

impl<'s> Answer<'s> {
    /// The region's one span, when it is static.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        match &self.region?.extent {
            Extent::Static(spans) => spans.first().copied(),
            _ => None,
        }
    }

    /// Tell whether the region lies where the policy has it: at its base, or where that base is off a page, at
    /// the start of the page, because a carveout has to cover whole pages.
    #[must_use]
    pub fn is_at(&self, base: u64) -> bool {
        self.span().is_some_and(|span| span.base() == base || span.base() == align_down(base, self.page))
    }

    /// Start a finding about it, with the repair that restores it.
    #[must_use]
    pub fn finding(&self, rule: RuleId, message: impl AsRef<str>) -> Report {
        let finding = Report::new(rule, Severity::Error, self.path.as_str(), message);
        let wanted = match self.required.span() {
            Some(span) => format!("{span}"),
            None => format!("{}", crate::span::Size(self.required.size)),
        };
        let flag = if self.required.no_map { " with `no-map`" } else { "" };
        let help = match self.region {
            None => format!("add a region of {wanted}{flag}, or change the policy"),
            Some(region) if !region.enabled => String::from("remove its `status`, or change the policy"),
            Some(_) => format!("give it {wanted}{flag} again, or change the policy"),
        };
        let finding = match self.required.span() {
            Some(span) => finding.with_span(span, "required by the policy"),
            None => finding,
        };
        let finding = match self.span() {
            Some(span) => finding.with_span(span, "in the tree"),
            None => finding,
        };
        finding.with_help(help).with_repair(RepairKind::Restore(self.index), format!("restore {wanted}"))
    }
}

/// Every required carveout of the policy with its answer.
pub(super) fn answers<'s>(analysis: &'s Analysis<'s, '_>) -> impl Iterator<Item = Answer<'s>> {
    let required = analysis.policy.map_or(&[][..], |policy| &policy.carveouts);
    required.iter().enumerate().map(|(index, required)| answer(analysis, index, required))
}

/// Find what answers to one required carveout. A unit address that was corrected, or went with a region that
/// was moved, does not hide it: where no node has the exact path, one of the same name before the `@` answers,
/// at the required base, or, where none is required, the only one of that name.
#[must_use]
pub fn answer<'s>(analysis: &Analysis<'s, '_>, index: usize, required: &'s Required) -> Answer<'s> {
    let path = analysis.required_path(index).unwrap_or_default();
    let page = analysis.profile.page.bytes();
    let regions = if required.is_range() { &[][..] } else { &analysis.map.regions };
    let region = regions.iter().find(|region| region.path == path).or_else(|| {
        let mut named = regions.iter().filter(|region| base_name(&region.path) == base_name(path));
        let Some(base) = required.base else {
            let only = named.next();
            return only.filter(|_| named.next().is_none());
        };
        named.find(|region| {
            let first = region.spans().first();
            first.is_some_and(|s| s.base() == base || s.base() == align_down(base, page))
        })
    });
    Answer { index, required, region, path: region.map_or(path, |region| &region.path).into(), page }
}

/// The paths that the keys of required carveouts name, in their order.
pub(super) fn paths(tree: &Tree<'_>, required: &[Required]) -> Vec<String> {
    let symbols = tree.find("/__symbols__");
    let path = |required: &Required| match &required.key {
        Key::Path(path) => path.clone(),
        Key::Label(label) => labelled(symbols, label),
        Key::Range(name) => format!("/reserved-memory/{name}"),
    };
    required.iter().map(path).collect()
}

/// The path behind a label: what `/__symbols__` says, even of a node that is gone, else one made of the label.
fn labelled(symbols: Option<Node<'_, '_>>, label: &str) -> String {
    let symbol = symbols.and_then(|symbols| symbols.prop(label)?.as_str());
    symbol.map_or_else(|| format!("/reserved-memory/{label}"), String::from)
}

fn base_name(path: &str) -> &str {
    path.split('@').next().unwrap_or(path)
}

/// What of a range that Linux must not reach is RAM and in none of the ascending, disjoint `carveouts`. Where RAM is
/// unknown, all of it may be.
pub(crate) fn reachable(analysis: &Analysis<'_, '_>, range: Span, carveouts: &[Span]) -> Vec<Span> {
    let ram = &analysis.map.ram;
    let ram = if ram.is_known() { ram.within(range).collect() } else { alloc::vec![range] };
    ledger::subtract(&ram, carveouts)
}

/// What of the guards beside a required carveout is RAM and in none of the ascending, disjoint `carveouts`. `standing` is
/// where it lies when the policy does not say.
pub(crate) fn guards(
    analysis: &Analysis<'_, '_>,
    answer: &Answer<'_>,
    standing: Option<Span>,
    carveouts: &[Span],
) -> Vec<Span> {
    let page = analysis.profile.page.bytes();
    let own = answer.region.is_some_and(|region| analysis.tree.node(region.node).has_prop(OWN_GUARDS));
    let guard = analysis.policy.and_then(|policy| policy.guard).filter(|_| answer.required.no_map);
    let Some(guard) = guard.filter(|&guard| !own || guard > OWN_GUARD) else {
        return Vec::new();
    };
    let Some(span) = answer.required.span().or(standing).and_then(|span| span.outward(page)) else {
        return Vec::new();
    };
    let guard = guard.max(page);
    let wide = Span::from_ends(span.base().saturating_sub(guard), span.end().saturating_add(guard));
    let ram: Vec<Span> = wide.into_iter().flat_map(|wide| analysis.map.ram.within(wide)).collect();
    ledger::subtract(&ledger::subtract(&ram, carveouts), &[span])
}
