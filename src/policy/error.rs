//! Says what is wrong with a policy.

use alloc::string::String;
use core::fmt;

use super::Key;
use crate::fdt::FdtError;
use crate::span::{Size, Span};

/// Why a policy cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// The blob is no flattened tree, or cannot be written as one.
    Tree(FdtError),
    /// A flattened tree, but no policy: the root lacks `compatible = "ringfence,policy"`.
    NotAPolicy,
    /// Written in a form that this ringfence does not know.
    Version {
        /// The version found; `None` when missing or malformed.
        found: Option<u32>,
    },
    /// A node or property that this ringfence does not know. It is refused and not skipped: what is not
    /// understood cannot be enforced.
    Unknown {
        /// The node that holds it.
        node: String,
        /// Its name.
        name: String,
    },
    /// A property that is missing where it must stand.
    Missing {
        /// The node that should hold it.
        node: String,
        /// Its name.
        name: &'static str,
    },
    /// A property with a value of the wrong type or outside the permitted words.
    Malformed {
        /// The node that holds it.
        node: String,
        /// Its name.
        name: String,
    },
    /// A size of zero.
    Empty {
        /// What it is the size of.
        what: String,
    },
    /// Base plus size exceed the address space.
    Wraps {
        /// What lies there.
        what: String,
        /// First address.
        base: u64,
        /// Size in bytes.
        size: u64,
    },
    /// An alignment that is no power of two.
    Alignment {
        /// The alignment in bytes.
        align: u64,
    },
    /// The CMA range has no room for the CMA size.
    RangeTooSmall {
        /// The range.
        range: Span,
        /// The size in bytes.
        size: u64,
    },
    /// A carveout named by something that is no absolute path and no label.
    BadKey {
        /// The name.
        key: Key,
    },
    /// Two entries for one carveout.
    Twice {
        /// The name.
        key: Key,
    },
    /// Two required carveouts share memory, so that no tree could satisfy both.
    Overlap {
        /// The lower one.
        first: Key,
        /// The other.
        second: Key,
        /// What they share.
        shared: Span,
    },
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree(error) => write!(f, "policy blob: {error}"),
            Self::NotAPolicy => f.write_str(
                "no policy blob: the root lacks compatible = \"ringfence,policy\"; make one with `ringfence policy build`",
            ),
            Self::Version { found: Some(found) } => {
                write!(f, "policy blob version {found} is not known here: build it again with this ringfence")
            }
            Self::Version { found: None } => f.write_str("policy blob without a version: build it again"),
            Self::Unknown { node, name } => {
                write!(f, "{node}: `{name}` is not known to this ringfence, so it could not be enforced")
            }
            Self::Missing { node, name } => write!(f, "{node}: `{name}` is missing"),
            Self::Malformed { node, name } => write!(f, "{node}: `{name}` has a value of the wrong form"),
            Self::Empty { what } => write!(f, "{what}: the size is zero"),
            Self::Wraps { what, base, size } => {
                write!(f, "{what}: {base:#x} plus {size:#x} bytes exceeds the address space")
            }
            Self::Alignment { align } => write!(f, "cma: alignment {align:#x} is no power of two"),
            Self::RangeTooSmall { range, size } => {
                write!(f, "cma: {} do not fit into the range {range}", Size(*size))
            }
            Self::BadKey { key: Key::Path(path) } => {
                write!(f, "carveout `{path}`: not an absolute node path such as /reserved-memory/name@base")
            }
            Self::BadKey { key: Key::Range(name) } => {
                write!(f, "protected range `{name}`: it takes a base, and a name of up to 31 letters, digits, `_` and `-`")
            }
            Self::BadKey { key } => write!(f, "carveout `{key}`: a label is letters, digits and `_`"),
            Self::Twice { key } => write!(f, "carveout {key} is required twice"),
            Self::Overlap { first, second, shared } => {
                write!(f, "carveouts {first} and {second} both require {shared}: no tree can satisfy both")
            }
        }
    }
}

impl core::error::Error for PolicyError {}

impl From<FdtError> for PolicyError {
    fn from(error: FdtError) -> Self {
        Self::Tree(error)
    }
}
