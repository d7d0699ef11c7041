//! Reserves the memory in which processors wait for their release.

use super::Repair;
use crate::ledger;
use crate::plan::layout::{Layout, Slot};
use crate::plan::{RepairKind, Repaired};
use crate::rules::unreserved_release_pages;
use alloc::format;

pub(super) const REPAIR: Repair<()> = Repair::safe("reserve-release").requires(reserve);

/// Reserves what nothing else does.
fn reserve(layout: &mut Layout<'_, '_, '_>, (): ()) {
    let reserved = layout.slots().iter().filter(|slot| !slot.is_pool()).map(Slot::span).collect();
    let open = ledger::subtract(&unreserved_release_pages(layout.analysis), &ledger::union(reserved));
    for span in open {
        let what = format!("reserved {span}, where processors wait");
        let line = Repaired::new(RepairKind::ReserveRelease, "/cpus", what);
        layout.put(Slot::new("cpu-release", span, false, line));
    }
}
