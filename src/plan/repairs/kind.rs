//! Which repairs there are, and what each is about. Findings name repairs by this alone.

use crate::fdt::NodeId;

macro_rules! kinds {
    ($($(#[$doc:meta])* $file:ident: $kind:ident $(($subject:ident: $type:ty))?,)*) => {
        /// A repair that the planner can make, and what it is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum RepairKind {
            $($(#[$doc])* $kind $(($type))?,)*
        }

        /// The rows of the table.
        #[derive(Clone, Copy)]
        enum Row {
            $($kind,)*
        }

        impl RepairKind {
            /// Returns where it is in the table, and what it is about: what repairs are ordered by.
            pub(crate) fn key(self) -> u64 {
                let (row, subject) = match self {
                    $(Self::$kind $(($subject))? => (Row::$kind, Subject::number(($($subject)?))),)*
                };
                (row as u64) << 32 | u64::from(subject)
            }

            /// Returns the node that it is about.
            #[must_use]
            pub fn node(self) -> Option<NodeId> {
                match self {
                    $(Self::$kind $(($subject))? => Subject::node(($($subject)?)),)*
                }
            }
        }
    };
}
with_repairs!(kinds);

/// What a repair is about.
trait Subject: Copy {
    /// Orders repairs of one kind.
    fn number(self) -> u32;

    fn node(self) -> Option<NodeId> {
        None
    }
}

impl Subject for () {
    fn number(self) -> u32 {
        0
    }
}

impl Subject for NodeId {
    fn number(self) -> u32 {
        self.0
    }

    fn node(self) -> Option<NodeId> {
        Some(self)
    }
}

/// The index of a required carveout in the policy.
impl Subject for usize {
    fn number(self) -> u32 {
        self as u32
    }
}
