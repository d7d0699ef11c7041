//! Gives a dynamic region the fixed address that the planner chose.

use super::Repair;
use crate::fdt::NodeId;

pub(super) const REPAIR: Repair<NodeId> = Repair::safe("pin");
