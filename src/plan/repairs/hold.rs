//! Holds a region in the EFI memory map: no edit of the tree, but what the EFI face does with a proven one.

use super::Repair;
use crate::fdt::NodeId;

pub(super) const REPAIR: Repair<NodeId> = Repair::safe("hold");
