//! Moves every region of a second `/reserved-memory` into the first.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "gather", permission: Permission::Safe };
