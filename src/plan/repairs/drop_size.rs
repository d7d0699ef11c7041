//! Drops the `size` that means nothing beside `reg`.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "drop-size", permission: Permission::Safe };
