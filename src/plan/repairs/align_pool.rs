//! Aligns a static CMA pool for the kernel's pageblock.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "align-pool", permission: Permission::Safe };
