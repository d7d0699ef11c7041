//! Removes an initrd from `/chosen` that is not there.

use super::Repair;
use crate::plan::gather::Gathering;
use crate::plan::{RepairKind, Repaired};

pub(super) const REPAIR: Repair<()> = Repair::safe("drop-initrd").gathers(drop_entry);

fn drop_entry(gathering: &mut Gathering<'_, '_, '_>, (): ()) {
    let Some(chosen) = gathering.analysis.map.chosen.node else { return };
    let line = Repaired::new(RepairKind::DropInitrd, "/chosen", "removed an initrd that is not this boot's");
    gathering.changes.repair(alloc::vec![line], |edits| {
        edits.remove_prop(chosen, "linux,initrd-start");
        edits.remove_prop(chosen, "linux,initrd-end");
    });
}
