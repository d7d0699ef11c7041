//! Gives each further `reg` tuple a node of its own.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "split-reg", permission: Permission::Safe };
