//! Puts back a required carveout.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "restore", permission: Permission::Policy("restore", |allow| allow.restore) };
