//! Moves every region of a second `/reserved-memory` into the first.

use super::Repair;
use crate::fdt::NodeId;
use crate::plan::RepairKind;

pub(super) const REPAIR: Repair<NodeId> = Repair::safe("gather")
    .gathers(|gathering, second| gathering.bring_children(RepairKind::Gather(second), second));
