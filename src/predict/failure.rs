//! What a kernel refuses, drops or dies of.

use crate::fdt::NodeId;

/// Something that a kernel does not do as the tree asks, with a line in its log or a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What fails.
    pub kind: FailureKind,
    /// The region; `None` where it is no single one.
    pub node: Option<NodeId>,
    /// The line in the log, by its index; `None` for a panic.
    pub line: Option<usize>,
}

/// The sorts of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// `/reserved-memory` is ignored as a whole.
    Ignored,
    /// A property of a region cannot be read.
    Malformed,
    /// A static region is not reserved, since something else is there.
    Refused,
    /// A region is not reserved, since memblock has no entry left.
    NoRoom,
    /// A dynamic region finds no place.
    Unplaced,
    /// All tuples of a region but the first are ignored.
    Tuples,
    /// A region beyond those that the kernel's table holds.
    TableFull,
    /// A region overlaps another one.
    Overlap,
    /// `cma=` takes the place of the tree's default pool.
    Replaced,
    /// A CMA pool is not aligned.
    Misaligned,
    /// There are more CMA pools than areas.
    NoArea,
    /// The set-up of a region fails, and its memory is given away.
    SetUp,
    /// The default pool cannot be reserved.
    DefaultPool,
    /// The kernel dies.
    Panic,
}
