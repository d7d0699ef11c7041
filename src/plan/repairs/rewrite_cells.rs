//! Rewrites the cells of `/reserved-memory` to the root's, and every number in it.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "rewrite-cells", permission: Permission::Safe };
