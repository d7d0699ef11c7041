//! Gives a dynamic region the fixed address that the planner chose.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "pin", permission: Permission::Safe };
