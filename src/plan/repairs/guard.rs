//! Puts guards beside a required carveout.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "guard", permission: Permission::Safe };
