//! Corrects a unit address, and follows the node wherever its path is written.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "rename", permission: Permission::Safe };
