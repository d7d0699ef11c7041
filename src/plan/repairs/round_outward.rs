//! Rounds a region outward to whole pages.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "round-outward", permission: Permission::Safe };
