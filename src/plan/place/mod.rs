//! The fourth phase: everything that can be anywhere gets a place.
//!
//! First the log that outlives the stage, and the sentinel: before all that may differ between two boots of
//! one board, so that they are the same on each. Then the boot's own things and the pools, in the
//! order that the caller chooses.

mod boot;
mod default_pool;
mod early;
mod pools;
mod settle;
mod space;

pub use boot::Placement;
pub(super) use settle::{Settled, line_with_cma};

use super::layout::{Layout, Slot};
use super::separate::Separated;
use crate::claims::{ClaimKind, Lifetime};
use crate::span::Span;
use alloc::vec::Vec;
use space::Space;

/// Which of the two movable sorts of memory chooses first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Kernel, initrd and DTB, since mostly they can stay where they are.
    BootFirst,
    /// Pools and dynamic regions.
    PoolsFirst,
}

/// The layout with a place for everything.
pub(super) struct Placed<'s, 'c, 'a> {
    pub(super) layout: Layout<'s, 'c, 'a>,
    /// Where kernel, initrd and DTB are to be.
    pub(super) placement: Placement,
    /// Where the log is to be that outlives the stage, if the plan has to reserve it.
    pub(super) log: Option<Span>,
    /// Where the sentinel is to be, if the plan has to reserve its memory.
    pub(super) sentinel: Option<Span>,
    /// What becomes of the default CMA pool.
    pub(super) default_pool: Settled,
}

impl<'s, 'c, 'a> Separated<'s, 'c, 'a> {
    /// Places what is movable, off soft claims unless there is no other room. What finds no place is a
    /// failure of the layout.
    pub(super) fn place(&self) -> Placed<'s, 'c, 'a> {
        let claims = self.analysis().claims().iter();
        // What `cma=` asks for has rules of its own.
        let soft = claims.filter(|claim| claim.kind.lifetime().is_soft() && claim.kind != ClaimKind::CmaArg);
        let soft: Vec<Span> = soft.map(|claim| claim.span).collect();
        let first = self.attempt(Order::BootFirst, &soft);
        if !first.has_failed() {
            return first;
        }
        let others = [(Order::PoolsFirst, &soft[..]), (Order::BootFirst, &[]), (Order::PoolsFirst, &[])];
        let others = others.into_iter().take(if soft.is_empty() { 1 } else { 3 });
        let mut others = others.map(|(order, soft)| self.attempt(order, soft));
        others.find(|placed| !placed.has_failed()).unwrap_or(first)
    }

    fn attempt(&self, order: Order, soft: &[Span]) -> Placed<'s, 'c, 'a> {
        let mut layout = self.layout();
        let mut space = Space::new(layout.analysis);
        take_what_stays(&layout, &mut space);
        let log = early::place_log(&mut layout, &mut space, soft);
        let sentinel = early::place_sentinel(&mut layout, &mut space, soft);
        let displaced = pools::keep_what_is_right(&mut layout, &mut space, &[log, sentinel]);
        default_pool::keep_fixed(&layout, &mut space);
        space.take_all(soft.iter().copied());
        let (placement, pool) = match order {
            Order::BootFirst => {
                let placement = boot::place(&mut layout, &mut space);
                (placement, pools::place(&mut layout, &mut space, &displaced, 0))
            }
            Order::PoolsFirst => {
                let unplaced = boot::unplaced(layout.analysis.facts);
                let pool = pools::place(&mut layout, &mut space, &displaced, unplaced);
                (boot::place(&mut layout, &mut space), pool)
            }
        };
        let default_pool = settle::settle(&mut layout, pool);
        Placed { layout, placement, log, sentinel, default_pool }
    }
}

impl Placed<'_, '_, '_> {
    /// Returns whether `cma=` has to be settled because of what else is placed.
    pub(super) fn reaches_cma(&self) -> bool {
        default_pool::is_reached(self)
    }

    /// Returns whether something found no place.
    fn has_failed(&self) -> bool {
        !self.layout.failures().is_empty()
    }
}

/// Takes everything that cannot give way: carveouts and plain reservations, `/memreserve/`, and whatever the
/// loader placed for good.
fn take_what_stays(layout: &Layout<'_, '_, '_>, space: &mut Space<'_, '_, '_>) {
    let fixed = layout.slots().iter().filter(|slot| slot.stays()).map(Slot::span);
    let kept = layout.analysis.obstacles().filter(|claim| claim.kind.lifetime() != Lifetime::HandOff);
    space.take_all(fixed.chain(kept.map(|claim| claim.span)));
}
