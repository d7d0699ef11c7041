//! Drops `/memreserve/` entries that carveouts cover.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "fold-memreserve", permission: Permission::Safe };
