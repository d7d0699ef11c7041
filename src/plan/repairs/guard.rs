//! Puts guards beside a required carveout.

use super::Repair;
use crate::analysis::{GUARD, guards};
use crate::plan::layout::{Layout, Slot};
use crate::plan::{RepairKind, Repaired};
use alloc::format;

pub(super) const REPAIR: Repair<usize> = Repair::safe("guard").separates(guard);

/// Keeps Linux off what is beside the carveout.
fn guard(layout: &mut Layout<'_, '_, '_>, carveout: usize) {
    let Some(answer) = layout.analysis.answer(carveout) else { return };
    let place = answer.region.and_then(|region| layout.slot_of(region.node)).map(Slot::span);
    for span in guards(layout.analysis, &answer, place, &layout.carveouts()) {
        let what = format!("its guard {span} is kept from Linux");
        let line = Repaired::new(RepairKind::Guard(carveout), answer.path, what);
        layout.put(Slot::new(GUARD, span, true, line));
    }
}
