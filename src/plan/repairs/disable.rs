//! Disables a region of size 0 that nothing refers to.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "disable", permission: Permission::Safe };
