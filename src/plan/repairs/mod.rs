//! The repairs: one file each, with its name, its permission and its edit, gathered in one table.
//!
//! To add a repair, write its file with a [`Repair`] and name it in `table.rs`.

#[macro_use]
mod table;
mod kind;

pub use kind::RepairKind;

use crate::policy::Allow;

/// What the planner knows about one sort of repair.
struct Repair {
    /// Its stable name, for machines.
    name: &'static str,
    /// Who has to agree.
    permission: Permission,
}

/// Who has to agree to a repair.
#[derive(Clone, Copy, Debug)]
pub enum Permission {
    /// Nobody has to: no memory changes owner.
    Safe,
    /// The policy, with the switch of this name under `allow`.
    Policy(&'static str, fn(&Allow) -> bool),
}

macro_rules! files {
    ($($(#[$doc:meta])* $file:ident: $kind:ident $(($subject:ident: $type:ty))?,)*) => {
        $(mod $file;)*

        impl RepairKind {
            const fn repair(self) -> &'static Repair {
                match self {
                    $(Self::$kind { .. } => &$file::REPAIR,)*
                }
            }
        }
    };
}
with_repairs!(files);

impl RepairKind {
    /// Returns the stable name of the sort of repair, for machines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.repair().name
    }

    /// Returns who has to agree to it.
    #[must_use]
    pub const fn permission(self) -> Permission {
        self.repair().permission
    }

    /// Checks that it needs no policy permission: no memory changes owner.
    #[must_use]
    pub const fn is_safe(self) -> bool {
        matches!(self.permission(), Permission::Safe)
    }

    /// Checks that it may be made: it is safe, or the policy permits it.
    #[must_use]
    pub fn permitted(self, allow: &Allow) -> bool {
        match self.permission() {
            Permission::Safe => true,
            Permission::Policy(_, given) => given(allow),
        }
    }
}
