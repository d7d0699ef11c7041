//! Holds a region in the EFI memory map: no edit of the tree, but what the EFI face does with a proven one.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "hold", permission: Permission::Safe };
