//! Removes the `status` for which Linux passes over a region.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "enable", permission: Permission::Policy("enable", |allow| allow.enable) };
