//! Drops the flags that contradict what else a region says.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "drop-flags", permission: Permission::Policy("drop-flags", |allow| allow.drop_flags) };
