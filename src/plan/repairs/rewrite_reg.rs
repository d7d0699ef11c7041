//! Writes the one tuple of a region in the cells that hold.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "rewrite-reg", permission: Permission::Safe };
