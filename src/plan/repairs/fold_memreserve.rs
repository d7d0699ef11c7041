//! Drops `/memreserve/` entries that carveouts cover: no need to say it twice, and kernels up to 6.3 refuse
//! the carveout then.

use super::Repair;
use crate::ledger::{self, Coverage};
use crate::plan::changes::Changes;
use crate::plan::place::Placed;
use crate::plan::{RepairKind, Repaired};

pub(super) const REPAIR: Repair<()> = Repair::safe("fold-memreserve");

/// Drops what carveouts cover, when a finding wants it or a repair may have put a carveout over an entry.
pub(in crate::plan) fn fold(placed: &Placed<'_, '_, '_>, changes: &mut Changes<'_, '_, '_>) {
    let layout = &placed.layout;
    if !layout.wanted.has(RepairKind::FoldMemreserve) && changes.log().is_empty() {
        return;
    }
    let carveouts = layout.carveouts();
    let entries = &layout.analysis.map.memreserve;
    if entries.iter().all(|&entry| ledger::coverage(&carveouts, entry) == Coverage::None) {
        return;
    }
    let left = entries.iter().flat_map(|&entry| ledger::subtract(&[entry], &carveouts));
    let left = left.map(|span| (span.base(), span.len())).collect();
    let what = "dropped what carveouts already cover";
    let line = Repaired::new(RepairKind::FoldMemreserve, "/memreserve/", what);
    changes.repair(alloc::vec![line], |edits| edits.set_memreserve(left));
}
