//! The repairs: one file each, with its name, its permission and its edit, gathered in one table.
//!
//! To add a repair, write its file with a [`Repair`] and name it in `table.rs`.

#[macro_use]
mod table;
mod kind;

pub use kind::RepairKind;

use super::changes::Changes;
use super::gather::Gathering;
use super::layout::Layout;
use super::place::Placed;
use crate::policy::Allow;

/// What the planner knows about one sort of repair, which is about a `T`: a node, a required carveout by its
/// index in the policy, or nothing in particular.
struct Repair<T> {
    /// Its stable name, for machines.
    name: &'static str,
    /// Who has to agree.
    permission: Permission,
    /// What it does in the first phase: brings regions to where they are read.
    gather: Option<fn(&mut Gathering<'_, '_, '_>, T)>,
    /// What it does in the second: puts regions where they must be.
    require: Option<fn(&mut Layout<'_, '_, '_>, T)>,
    /// What it does in the third, once overlaps are separated.
    separate: Option<fn(&mut Layout<'_, '_, '_>, T)>,
    /// What it does in the last: edits the tree.
    write: Option<fn(&Placed<'_, '_, '_>, T, &mut Changes<'_, '_, '_>)>,
}

impl<T> Repair<T> {
    /// Returns one that needs no permission, and so far does nothing.
    const fn safe(name: &'static str) -> Self {
        let permission = Permission::Safe;
        Self { name, permission, gather: None, require: None, separate: None, write: None }
    }

    /// Returns one that needs a switch of the policy to be on.
    const fn permitted_by(name: &'static str, switch: &'static str, on: fn(&Allow) -> bool) -> Self {
        let permission = Permission::Policy(switch, on);
        Self { name, permission, gather: None, require: None, separate: None, write: None }
    }

    /// Sets its part of the first phase.
    const fn gathers(mut self, gather: fn(&mut Gathering<'_, '_, '_>, T)) -> Self {
        self.gather = Some(gather);
        self
    }

    /// Sets its part of the second phase.
    const fn requires(mut self, require: fn(&mut Layout<'_, '_, '_>, T)) -> Self {
        self.require = Some(require);
        self
    }

    /// Sets its part of the third phase.
    const fn separates(mut self, separate: fn(&mut Layout<'_, '_, '_>, T)) -> Self {
        self.separate = Some(separate);
        self
    }

    /// Sets its part of the last phase.
    const fn writes(mut self, write: fn(&Placed<'_, '_, '_>, T, &mut Changes<'_, '_, '_>)) -> Self {
        self.write = Some(write);
        self
    }
}

/// Who has to agree to a repair.
#[derive(Clone, Copy, Debug)]
pub enum Permission {
    /// No permission is needed: no memory changes owner.
    Safe,
    /// The policy, with the switch of this name under `allow`.
    Policy(&'static str, fn(&Allow) -> bool),
}

macro_rules! dispatch {
    ($($(#[$doc:meta])* $file:ident: $kind:ident $(($subject:ident: $type:ty))?,)*) => {
        $(pub(super) mod $file;)*

        impl RepairKind {
            /// Returns the stable name of the sort of repair, for machines.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind { .. } => $file::REPAIR.name,)*
                }
            }

            /// Returns who has to agree to it.
            #[must_use]
            pub const fn permission(self) -> Permission {
                match self {
                    $(Self::$kind { .. } => $file::REPAIR.permission,)*
                }
            }

            /// Does its part of the first phase.
            pub(super) fn gather(self, gathering: &mut Gathering<'_, '_, '_>) {
                match self {
                    $(Self::$kind $(($subject))? => {
                        if let Some(gather) = $file::REPAIR.gather {
                            gather(gathering, ($($subject)?));
                        }
                    })*
                }
            }

            /// Does its part of the second phase.
            pub(super) fn require(self, layout: &mut Layout<'_, '_, '_>) {
                match self {
                    $(Self::$kind $(($subject))? => {
                        if let Some(require) = $file::REPAIR.require {
                            require(layout, ($($subject)?));
                        }
                    })*
                }
            }

            /// Does its part of the third phase.
            pub(super) fn separate(self, layout: &mut Layout<'_, '_, '_>) {
                match self {
                    $(Self::$kind $(($subject))? => {
                        if let Some(separate) = $file::REPAIR.separate {
                            separate(layout, ($($subject)?));
                        }
                    })*
                }
            }

            /// Does its part of the last phase.
            #[inline(never)]
            pub(super) fn write(self, placed: &Placed<'_, '_, '_>, changes: &mut Changes<'_, '_, '_>) {
                match self {
                    $(Self::$kind $(($subject))? => {
                        if let Some(write) = $file::REPAIR.write {
                            write(placed, ($($subject)?), changes);
                        }
                    })*
                }
            }
        }
    };
}
with_repairs!(dispatch);

impl RepairKind {
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
            Permission::Policy(_, on) => on(allow),
        }
    }
}
