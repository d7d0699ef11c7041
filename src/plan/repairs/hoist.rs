//! Moves a region that is nested too deep up to where Linux reads it.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "hoist", permission: Permission::Safe };
