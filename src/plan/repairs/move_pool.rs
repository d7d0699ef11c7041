//! Moves a static CMA pool off memory that UEFI firmware keeps or does not let Linux map.

use super::Repair;
use crate::fdt::NodeId;

pub(super) const REPAIR: Repair<NodeId> = Repair::permitted_by("move-pool", "shift", |allow| allow.shift);
