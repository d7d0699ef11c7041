//! Keeps protecting what a moved carveout left after and nothing else covers: no repair ever gives protected
//! memory to Linux. No finding asks for it; it follows from other repairs.

use super::Repair;
use crate::analysis::GUARD;
use crate::ledger;
use crate::plan::layout::{Layout, Slot};
use crate::plan::{RepairKind, Repaired};
use alloc::format;

pub(super) const REPAIR: Repair<()> = Repair::safe("guard");

/// Puts a guard over every part of the no-map union before that no slot protects any more.
pub(in crate::plan) fn keep(layout: &mut Layout<'_, '_, '_>) {
    let before = ledger::union(layout.analysis.map.carveouts().collect());
    for span in ledger::subtract(&before, &layout.carveouts()) {
        let what = format!("{span} stays protected, though its region has left it");
        let line = Repaired::new(RepairKind::KeepVacated, "/reserved-memory", what);
        layout.put(Slot::new(GUARD, span, true, line));
    }
}
