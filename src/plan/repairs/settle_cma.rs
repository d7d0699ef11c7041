//! Settles which of node and `cma=` says where the default CMA pool is, and places it.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "settle-cma", permission: Permission::Safe };
