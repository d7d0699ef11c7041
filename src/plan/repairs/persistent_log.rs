//! Reserves a place for the log that outlives the stage.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "keep-log", permission: Permission::Safe };
