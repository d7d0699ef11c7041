//! Adds `no-map` to a region that is of no use while Linux maps it.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "add-no-map", permission: Permission::Safe };
