//! Errors of applying an overlay, with what to do about each.

use alloc::string::String;
use core::fmt;

use crate::fdt::{FdtError, NodeId, Tree};

/// Why an overlay was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverlayError {
    /// The overlay does not fit the base, or contradicts itself.
    Overlay {
        /// The fault.
        fault: OverlayFault,
        /// Path of the overlay's node that is at fault.
        node: String,
        /// The property, label, child or target at fault; may be empty.
        name: String,
    },
    /// The result cannot be written.
    Tree(FdtError),
}

/// A fault of an overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OverlayFault {
    /// No fragment has an `__overlay__` node.
    NoFragment,
    /// A fragment names no target, or one that was never resolved.
    NoTarget,
    /// The base has no node of that path or phandle.
    NoSuchTarget,
    /// The base was compiled without labels.
    NoSymbols,
    /// The base does not have the label.
    UnknownLabel,
    /// The base's label leads to no node.
    LostLabel,
    /// The base's node has no phandle, so nothing can refer to it.
    NoPhandle,
    /// An entry of `/__fixups__` is not `path:property:offset`, or that place does not exist.
    BadFixup,
    /// An entry of `/__local_fixups__` names a place that does not exist, or no phandle.
    BadLocalFixup,
    /// A phandle is not one word, or is 0 or -1.
    BadPhandle,
    /// A phandle above those of the base would exceed 32 bits.
    PhandleOverflow,
    /// An entry of the overlay's `/__symbols__` is not a path, or leads to no fragment that was merged.
    BadSymbol,
    /// The paths of the overlay's labels would be longer than the largest blob.
    TooManyLabels,
    /// The result would be nested deeper than [`crate::fdt::MAX_DEPTH`].
    TooDeep,
}

/// A fault and its place. It becomes an [`OverlayError`] only at the end, so that the code here, most of
/// which can fail, does not allocate.
pub(super) struct Fail<'t> {
    fault: OverlayFault,
    node: u32,
    name: &'t str,
}

impl<'t> Fail<'t> {
    /// Records a fault of a node of the overlay, and the name at fault.
    pub(super) fn new(fault: OverlayFault, node: u32, name: &'t str) -> Self {
        Self { fault, node, name }
    }

    /// Names the place.
    pub(super) fn named(self, overlay: &Tree<'_>) -> OverlayError {
        let node = overlay.node(NodeId(self.node)).path();
        OverlayError::Overlay { fault: self.fault, node, name: self.name.into() }
    }
}

impl core::error::Error for OverlayError {}

impl fmt::Display for OverlayFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoFragment => {
                "not an overlay, no node has `__overlay__`: compile it from a source with /plugin/"
            }
            Self::NoTarget => "the fragment has no target: give it `target` or `target-path`",
            Self::NoSuchTarget => "the base has no such node: is this overlay for another board?",
            Self::NoSymbols => "the base has no __symbols__, so labels lead nowhere: compile it with dtc -@",
            Self::UnknownLabel => "the base has no such label: is this overlay for another board?",
            Self::LostLabel => "the base's label leads to no node: compile the base again with dtc -@",
            Self::NoPhandle => "the base's node has no phandle: compile the base again with dtc -@",
            Self::BadFixup => "not a list of `path:property:offset` that exist: compile the overlay again",
            Self::BadLocalFixup => "names a place that does not exist: compile the overlay again",
            Self::BadPhandle => "the phandle is not one word from 1 to 0xfffffffe: let dtc number the nodes",
            Self::PhandleOverflow => {
                "the phandle does not fit above the base's: let dtc number the nodes of both"
            }
            Self::BadSymbol => "the label leads to no fragment: compile the overlay again",
            Self::TooManyLabels => "the labels' paths would exceed the largest tree: keep fewer labels",
            Self::TooDeep => "would be nested deeper than 60 levels: choose a higher target",
        })
    }
}

impl fmt::Display for OverlayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overlay { fault, node, name } if name.is_empty() => write!(f, "{node}: {fault}"),
            Self::Overlay { fault, node, name } => write!(f, "{node}: {name:?}: {fault}"),
            Self::Tree(error) => error.fmt(f),
        }
    }
}
