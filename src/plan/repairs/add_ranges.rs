//! Adds the empty `ranges` without which Linux ignores every region.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "add-ranges", permission: Permission::Safe };
