//! Moves the later of two overlapping regions, and what follows it, upward.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "shift", permission: Permission::Policy("shift", |allow| allow.shift) };
