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
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        enum Row {
            $($kind,)*
        }

        impl RepairKind {
            fn row_and_subject(self) -> (Row, (Option<NodeId>, usize)) {
                match self {
                    $(Self::$kind $(($subject))? => (Row::$kind, Subject::key(($($subject)?))),)*
                }
            }
        }
    };
}
with_repairs!(kinds);

impl RepairKind {
    /// Returns where it stands in the table, and what it is about: what repairs are ordered by.
    pub(crate) fn key(self) -> impl Ord + use<> {
        self.row_and_subject()
    }

    /// Returns the node that it is about.
    #[must_use]
    pub fn node(self) -> Option<NodeId> {
        self.row_and_subject().1.0
    }
}

/// What a repair is about.
trait Subject {
    fn key(self) -> (Option<NodeId>, usize);
}

impl Subject for () {
    fn key(self) -> (Option<NodeId>, usize) {
        (None, 0)
    }
}

impl Subject for NodeId {
    fn key(self) -> (Option<NodeId>, usize) {
        (Some(self), 0)
    }
}

/// The index of a required carveout in the policy.
impl Subject for usize {
    fn key(self) -> (Option<NodeId>, usize) {
        (None, self)
    }
}
