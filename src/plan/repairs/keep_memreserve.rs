//! Gives regions to what only `/memreserve/` protects, where the EFI stub deletes that.

use super::Repair;
use crate::plan::layout::{Layout, Slot};
use crate::plan::{RepairKind, Repaired};
use crate::rules::lost_entries;
use crate::span::KIB;
use alloc::format;

pub(super) const REPAIR: Repair<()> = Repair::safe("keep-memreserve").requires(reserve);

fn reserve(layout: &mut Layout<'_, '_, '_>, (): ()) {
    for span in lost_entries(layout.analysis) {
        // An entry may end anywhere; a region is whole pages.
        let Some(pages) = span.outward(4 * KIB) else { continue };
        let what = format!("reserved {pages}, of which EFI drops the entry");
        let line = Repaired::new(RepairKind::KeepMemreserve, "/memreserve/", what);
        layout.put(Slot::new("memreserve", pages, false, line));
    }
}
