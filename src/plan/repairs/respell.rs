//! Moves every region of a node with nearly that name into `/reserved-memory`.

use super::Repair;
use crate::fdt::NodeId;
use crate::plan::RepairKind;

pub(super) const REPAIR: Repair<NodeId> = Repair::permitted_by("respell", "enable", |allow| allow.enable)
    .gathers(|gathering, misspelled| gathering.bring_children(RepairKind::Respell(misspelled), misspelled));
