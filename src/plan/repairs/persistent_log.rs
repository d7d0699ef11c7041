//! Reserves a place for the log that outlives the stage.

use super::Repair;
use crate::plan::changes::Changes;
use crate::plan::place::Placed;
use crate::plan::{RepairKind, Repaired};
use crate::ramoops;
use alloc::format;

pub(super) const REPAIR: Repair<()> = Repair::safe("keep-log").writes(write);

fn write(placed: &Placed<'_, '_, '_>, (): (), changes: &mut Changes<'_, '_, '_>) {
    let Some(span) = placed.log else { return };
    let Some(node) = ramoops::node(span, placed.layout.analysis.map.region_cells()) else {
        return changes.fail("log", format!("{span} does not fit the cells of /reserved-memory"));
    };
    let what = format!("ramoops@{:x} keeps the log: {span}", span.base());
    let line = Repaired::new(RepairKind::PersistentLog, "/reserved-memory", what);
    changes.repair(alloc::vec![line], |edits| edits.add_region(node));
}
