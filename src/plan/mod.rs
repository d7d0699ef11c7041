//! The planner: from findings to one set of edits and placements that answers them all.
//!
//! It works on a draft of the whole map, not on one finding at a time, because repairs meet: a carveout that is
//! restored pushes a neighbour up, which takes the place where a pool would have gone. What must stand where it
//! is comes first, what can give way comes later, and every step asks the ledger. Same input, same plan.

mod boot;
mod cma;
mod draft;
mod emit;
mod gather;
mod no_fit;
mod persistent_log;
mod place;
mod reencode;
mod rename;
mod repairs;
mod report;
mod restore;
mod separate;
mod wanted;

pub use boot::Placement;
pub use repairs::{Permission, RepairKind};

use crate::analysis::Analysis;
use crate::claims::ClaimKind;
use crate::fdt::Edits;
use crate::finding::Finding;
use crate::span::Span;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use draft::Draft;
use wanted::Wanted;

/// What is to be done: edits to the tree, and places for what the boot needs.
#[derive(Debug)]
pub struct Plan {
    /// The edits.
    pub edits: Edits,
    /// The repairs that the edits make, in the order of making.
    pub repairs: Vec<Repaired>,
    /// Where kernel, initrd and DTB are to lie.
    pub placement: Placement,
    /// What was to be placed and could not be: a plan with any of these is never proven.
    pub stuck: Vec<PlacementFailure>,
}

/// One repair that the plan makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// Path of the node, as it was.
    pub node: String,
    /// Stable name of the kind of repair.
    pub kind: &'static str,
    /// What was done, in words.
    pub what: String,
}

impl fmt::Display for Repaired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.node, self.what)
    }
}

/// Something for which no place was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacementFailure {
    /// Path of the node, or the name of the boot object.
    pub node: String,
    /// What was wanted and why it cannot be.
    pub why: String,
}

impl fmt::Display for PlacementFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.node, self.why)
    }
}

/// Make the plan for a judged analysis.
///
/// Boot objects take their places before the pools do, since they mostly lie well already; when a pool then
/// finds no room, the pools go first. What is placed keeps off soft claims, unless there is no other room.
#[must_use]
pub fn plan(analysis: &Analysis<'_, '_>, findings: &[Finding]) -> Plan {
    let wanted = Wanted::new(analysis, findings);
    let soft: Vec<Span> = analysis
        .claims()
        .iter()
        .filter(|claim| claim.kind.lifetime().is_soft() && claim.kind != ClaimKind::CmaArg)
        .map(|claim| claim.span)
        .collect();
    let plan = |order, soft| attempt(analysis, findings, &wanted, order, soft);
    let first = plan(Order::BootFirst, &soft);
    if first.stuck.is_empty() {
        return first;
    }
    let orders = [(Order::PoolsFirst, &soft[..]), (Order::BootFirst, &[]), (Order::PoolsFirst, &[])];
    let tries = if soft.is_empty() { 1 } else { 3 };
    let mut others = orders.into_iter().take(tries).map(|(order, soft)| plan(order, soft));
    others.find(|plan| plan.stuck.is_empty()).unwrap_or(first)
}

/// Which of the two movable sorts of memory chooses first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    BootFirst,
    PoolsFirst,
}

fn attempt(
    analysis: &Analysis<'_, '_>,
    findings: &[Finding],
    wanted: &Wanted,
    order: Order,
    soft: &[Span],
) -> Plan {
    let mut draft = Draft::new(analysis, wanted, soft);
    gather::gather(&mut draft);
    restore::restore(&mut draft);
    restore::reserve_release_pages(&mut draft);
    restore::round_outward(&mut draft);
    separate::separate(&mut draft);
    separate::guard_what_was_vacated(&mut draft);
    separate::guard_what_is_required(&mut draft);
    // What has moved may have room now.
    restore::round_outward(&mut draft);
    draft.settle_carveouts();
    persistent_log::place_log(&mut draft);
    draft.settle_pools_that_are_right();
    cma::reserve_fixed_cma(&mut draft);
    soft.iter().for_each(|&span| draft.take(span));
    let placement = match order {
        Order::BootFirst => {
            let placement = boot::place(&mut draft);
            place::place_pools(&mut draft);
            placement
        }
        Order::PoolsFirst => {
            place::place_pools(&mut draft);
            boot::place(&mut draft)
        }
    };
    emit::emit(draft, &placement, findings)
}
