//! Aligns a static CMA pool for the kernel's pageblock.

use super::Repair;
use crate::fdt::NodeId;

pub(super) const REPAIR: Repair<NodeId> = Repair::safe("align-pool");
