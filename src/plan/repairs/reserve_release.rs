//! Reserves the memory in which processors wait for their release.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "reserve-release", permission: Permission::Safe };
