//! The default CMA pool: one authority, one place.

use super::RepairKind;
use super::draft::{Draft, Origin, Request, RequestKind};
use crate::bootargs::{self, CmaArg, MAX_LEN};
use crate::early;
use crate::fdt::NodeId;
use crate::order;
use crate::policy::{CmaWant, Via};
use crate::span::{GIB, Span, align_up};
use crate::survey::Region;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Ask for a place for the default pool, when the findings want it settled and it needs one.
pub(super) fn request(draft: &Draft<'_, '_>) -> Option<Request> {
    if !draft.wants(RepairKind::SettleCma) {
        return None;
    }
    let arg = draft.analysis.cma_arg();
    match draft.analysis.policy.and_then(|policy| policy.cma) {
        Some(want) => wanted_by_policy(draft, &want, arg),
        None => {
            let arg = arg.filter(|arg| arg.fixed().is_some())?;
            Some(sized(draft, RequestKind::CmaArg, arg.size, 1, None, arg.fixed())?)
        }
    }
}

fn wanted_by_policy(draft: &Draft<'_, '_>, want: &CmaWant, arg: Option<CmaArg>) -> Option<Request> {
    let align = want.align.unwrap_or(1);
    match want.via {
        Via::Bootargs => {
            let kept = arg.filter(|arg| arg.size >= want.size).and_then(|arg| arg.fixed());
            let size = kept.map_or(want.size, Span::len);
            sized(draft, RequestKind::CmaArg, size, align, want.range, kept)
        }
        // A pool that is there is placed with the others, by what [`constrain`] adds.
        Via::Node if draft.analysis.default_pool().is_some() => None,
        Via::Node => sized(draft, RequestKind::CmaNode, want.size, align, want.range, None),
    }
}

/// Keep off the place that `cma=` asks for, when it is to stay there: what is yet to be placed must not take it.
pub(super) fn reserve_fixed_cma(draft: &mut Draft<'_, '_>) {
    let fixed = draft.analysis.cma_arg().and_then(|arg| arg.fixed());
    if let Some(span) = fixed.filter(|_| !draft.wants(RepairKind::SettleCma)) {
        draft.take(span);
    }
}

/// What the policy wants of the default pool, when `region` is that pool.
fn wanted_of(draft: &Draft<'_, '_>, region: &Region) -> Option<CmaWant> {
    let want = draft.analysis.policy?.cma.filter(|want| want.via == Via::Node)?;
    draft.analysis.default_pool().filter(|pool| pool.node == region.node).map(|_| want)
}

/// Tell whether `region` is the default pool, and `span` is not what the policy wants of it.
pub(super) fn displeases(draft: &Draft<'_, '_>, region: &Region, span: Span) -> bool {
    draft.wants(RepairKind::SettleCma) && wanted_of(draft, region).is_some_and(|want| !satisfies(span, &want))
}

/// Add what the policy wants of the default pool to the request for it.
pub(super) fn constrain(draft: &Draft<'_, '_>, mut request: Request) -> Option<Request> {
    let RequestKind::Region(index, 0) = request.what else { return Some(request) };
    let Some(want) = draft.analysis.map.regions.get(index).and_then(|region| wanted_of(draft, region)) else {
        return Some(request);
    };
    let unit = draft.analysis.profile.cma_align();
    request.size = request.size.max(align_up(want.size, unit)?);
    request.align = request.align.max(want.align.unwrap_or(1).checked_next_power_of_two()?);
    request.prefer.retain(|&span| satisfies(span, &want));
    if let Some(range) = want.range {
        let windows = core::mem::take(&mut request.windows);
        request.windows = match windows.is_empty() {
            true => vec![range],
            false => windows.into_iter().filter_map(|window| window.intersection(range)).collect(),
        };
        // No window of its own meets the policy's range, so the policy's word is the one that counts.
        if request.windows.is_empty() {
            request.windows.push(range);
        }
    }
    Some(request)
}

fn satisfies(span: Span, want: &CmaWant) -> bool {
    span.len() >= want.size
        && span.base().is_multiple_of(want.align.unwrap_or(1).max(1))
        && want.range.is_none_or(|range| range.covers(span))
}

fn sized(
    draft: &Draft<'_, '_>,
    what: RequestKind,
    size: u64,
    align: u64,
    range: Option<Span>,
    kept: Option<Span>,
) -> Option<Request> {
    let unit = draft.analysis.profile.cma_align();
    let align = align.checked_next_power_of_two()?.max(unit);
    let fits = |span: &Span| {
        span.len() >= size
            && span.len().is_multiple_of(unit)
            && span.base().is_multiple_of(align)
            && range.is_none_or(|range| range.covers(*span))
    };
    let windows = match what {
        RequestKind::CmaArg => vec![reach(draft, range)?],
        _ => range.map_or_else(Vec::new, |range| vec![range]),
    };
    let reachable =
        |span: &Span| what != RequestKind::CmaArg || windows.iter().any(|window| window.covers(*span));
    Some(Request {
        what,
        size: align_up(size, unit)?,
        align,
        prefer: kept.filter(fits).filter(reachable).into_iter().collect(),
        windows,
        cma: true,
    })
}

/// Where the kernel can still reserve what `cma=` asks for: below what it has taken itself by then, and, where
/// there is RAM below 4 GiB, below that (`arm64_dma_phys_limit`, which kernels up to 6.16 never exceed). `None`
/// when nothing of `range` is left: the finding that wanted the pool then stands.
fn reach(draft: &Draft<'_, '_>, range: Option<Span>) -> Option<Span> {
    let ram = draft.analysis.map.usable.spans();
    let low = ram.iter().any(|bank| bank.base() < 4 * GIB);
    let ceiling = early::ceiling(ram, draft.taken.iter().map(|(span, ())| *span), 0);
    let ceiling = ceiling.min(if low { 4 * GIB } else { u64::MAX });
    let reach = Span::from_ends(0, ceiling);
    match (range, reach) {
        (Some(range), Some(reach)) => range.intersection(reach),
        (None, reach) => reach,
        (Some(_), None) => None,
    }
}

/// What settling the default pool changes outside `/reserved-memory`.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// The new command line.
    pub(super) bootargs: Option<Vec<u8>>,
    /// Nodes that lose `linux,cma-default`.
    pub(super) demoted: Vec<NodeId>,
    /// The pool that needs a node of its own.
    pub(super) node: Option<Span>,
}

/// Work out the changes, once every pool has its place.
pub(super) fn settle(draft: &mut Draft<'_, '_>) -> Settled {
    let mut settled = Settled::default();
    if !draft.wants(RepairKind::SettleCma) {
        demote_revived(draft, &mut settled);
        return settled;
    }
    let analysis = draft.analysis;
    let line = analysis.map.chosen.bootargs.clone().unwrap_or_default();
    let arg = analysis.cma_arg();
    let via_node = match analysis.policy.and_then(|policy| policy.cma) {
        Some(want) => want.via == Via::Node,
        None => arg.is_none(),
    };
    let place_of = |what| draft.placed.iter().find(|(w, _)| *w == what).map(|(_, span)| *span);
    settled.node = place_of(RequestKind::CmaNode);
    let new_arg = place_of(RequestKind::CmaArg).map(CmaArg::at);
    let defaults = analysis.map.enabled().filter(|region| region.is_cma() && region.cma_default);
    let kept = if via_node { analysis.default_pool().map(|pool| pool.node) } else { None };
    settled.demoted = defaults.map(|region| region.node).filter(|&node| Some(node) != kept).collect();
    let new_line = match (via_node, new_arg) {
        (true, _) if arg.is_some() => Some(bootargs::with_cma(&line, None)),
        (false, Some(new_arg)) if arg != Some(new_arg) => Some(bootargs::with_cma(&line, Some(&new_arg))),
        _ => None,
    };
    describe(draft, &settled, new_arg.filter(|_| new_line.is_some()));
    demote_revived(draft, &mut settled);
    if via_node && new_line.is_some() {
        draft.repaired(RepairKind::SettleCma, "/chosen", "bootargs have no `cma=` any more");
    }
    if let Some(new_line) = new_line {
        let expected = if via_node { None } else { new_arg };
        if new_line.len() > MAX_LEN || bootargs::cma(&new_line) != expected {
            draft.stuck("/chosen", "bootargs have no room for `cma=`, or a quote that never closes");
        }
        settled.bootargs = Some(new_line);
    }
    settled
}

/// A default pool that was disabled and comes back, because the policy requires it, must not become a second
/// authority beside the one that there is.
fn demote_revived(draft: &mut Draft<'_, '_>, settled: &mut Settled) {
    let analysis = draft.analysis;
    let back = draft.slots.iter().filter_map(|slot| match slot.origin {
        Origin::Region(index, 0) => analysis.map.regions.get(index),
        _ => None,
    });
    let mut revived: Vec<NodeId> = back
        .filter(|region| !region.enabled && region.is_cma() && region.cma_default)
        .map(|region| region.node)
        .collect();
    order::sort(&mut revived);
    let another = analysis.cma_arg().is_some() || analysis.default_pool().is_some() || settled.node.is_some();
    if !another {
        revived.pop();
    }
    for node in revived {
        let path = analysis.tree.node(node).path();
        draft.repaired(RepairKind::SettleCma, &path, "no longer the default CMA pool");
        settled.demoted.push(node);
    }
}

fn describe(draft: &mut Draft<'_, '_>, settled: &Settled, arg: Option<CmaArg>) {
    let kind = RepairKind::SettleCma;
    for &node in &settled.demoted {
        let path = draft.analysis.tree.node(node).path();
        draft.repaired(kind, &path, "no longer the default CMA pool");
    }
    if let Some(arg) = arg {
        let text = String::from_utf8(arg.to_bytes()).unwrap_or_default();
        draft.repaired(kind, "/chosen", format!("bootargs say `{text}`"));
    }
    if let Some(span) = settled.node {
        draft.repaired(kind, "/reserved-memory", format!("default CMA pool added at {span}"));
    }
}
