//! Adds the empty `ranges` without which Linux ignores every region.

use super::Repair;
use crate::plan::changes::Changes;
use crate::plan::place::Placed;
use crate::plan::{RepairKind, Repaired};
use crate::survey::Ranges;
use alloc::vec::Vec;

pub(super) const REPAIR: Repair<()> = Repair::safe("add-ranges").writes(write);

fn write(placed: &Placed<'_, '_, '_>, (): (), changes: &mut Changes<'_, '_, '_>) {
    let reserved = placed.layout.analysis.map.reserved.as_ref();
    let Some(reserved) = reserved.filter(|reserved| reserved.ranges == Ranges::Missing) else { return };
    let line = Repaired::new(RepairKind::AddRanges, reserved.path.as_str(), "added the empty `ranges`");
    changes.repair(alloc::vec![line], |edits| edits.set(reserved.node, "ranges", Vec::new()));
}
