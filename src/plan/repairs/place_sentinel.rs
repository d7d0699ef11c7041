//! Reserves the memory in which the sentinel lives.

use super::Repair;
use crate::plan::changes::Changes;
use crate::plan::place::Placed;
use crate::plan::{RepairKind, Repaired};
use crate::sentinel;
use alloc::format;

pub(super) const REPAIR: Repair<()> = Repair::safe("place-sentinel").writes(write);

fn write(placed: &Placed<'_, '_, '_>, (): (), changes: &mut Changes<'_, '_, '_>) {
    let Some(span) = placed.sentinel else { return };
    let Some(node) = sentinel::node(span, placed.layout.analysis.map.region_cells()) else {
        return changes.fail("sentinel", format!("{span} does not fit the cells of /reserved-memory"));
    };
    let what = format!("{}@{:x} holds the sentinel: {span}", sentinel::NAME, span.base());
    let line = Repaired::new(RepairKind::PlaceSentinel, "/reserved-memory", what);
    changes.repair(alloc::vec![line], |edits| edits.add_region(node));
}
