//! Moves every region of a node with nearly that name into `/reserved-memory`.

use super::{Permission, Repair};

pub(super) const REPAIR: Repair = Repair { name: "respell", permission: Permission::Policy("enable", |allow| allow.enable) };
