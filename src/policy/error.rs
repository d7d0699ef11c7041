//! Errors of policies.

use alloc::string::String;
use core::fmt;

use super::Key;
use crate::fdt::FdtError;
use crate::span::{Size, Span};

/// Why a policy cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// The blob is not a flattened tree, or cannot be written as one.
    Tree(FdtError),
    /// A flattened tree, but not a policy: the root lacks `compatible = "ringfence,policy"`.
    NotAPolicy,
    /// Text, such as a policy in TOML that was not compiled.
    Text,
    /// A form that this version of ringfence does not know.
    Version {
        /// The version found; `None` when missing or malformed.
        found: Option<u32>,
    },
    /// A node or property that this version of ringfence does not know. It is refused, because it could not
    /// be enforced.
    Unknown {
        /// The node that holds it.
        node: String,
        /// Its name.
        name: String,
    },
    /// A required property is missing.
    Missing {
        /// The node that should hold it.
        node: String,
        /// Its name.
        name: &'static str,
    },
    /// A property with a value of the wrong type, or one that is not permitted.
    Malformed {
        /// The node that holds it.
        node: String,
        /// Its name.
        name: String,
    },
    /// `board` is empty, or has blanks or characters beyond ASCII.
    BadBoard,
    /// `kernel` is not a version of Linux, or one older than those that are known.
    UnknownKernel,
    /// A size of zero.
    Empty {
        /// The entry with this size.
        what: String,
    },
    /// Base plus size exceed the address space.
    Wraps {
        /// The entry at this address.
        what: String,
        /// First address.
        base: u64,
        /// Size in bytes.
        size: u64,
    },
    /// A number outside its bounds.
    Bounds {
        /// The key in TOML, such as `guard`, or `log.size`.
        key: &'static str,
        /// Its value.
        value: u64,
        /// What is allowed.
        allowed: Allowed,
    },
    /// The CMA range has no room for the CMA size.
    RangeTooSmall {
        /// The range.
        range: Span,
        /// The size in bytes.
        size: u64,
    },
    /// The name of a carveout is neither an absolute path nor a label.
    BadKey {
        /// The name.
        key: Key,
    },
    /// The name of a protected range is not a node name.
    BadName {
        /// The name.
        name: String,
    },
    /// What is to be taken from the loader's tree is neither a node nor a property.
    BadPlace {
        /// The entry.
        place: String,
    },
    /// Two entries for one carveout or one range.
    Twice {
        /// The name.
        what: String,
    },
    /// Two required carveouts share memory, so that no tree could satisfy both.
    Overlap {
        /// The lower one.
        first: Key,
        /// The other.
        second: Key,
        /// The shared memory.
        shared: Span,
    },
}

/// Which numbers are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Powers of two.
    PowerOfTwo {
        /// The smallest, in bytes.
        min: u64,
        /// The largest, in bytes.
        max: u64,
    },
    /// Addresses that are multiples of so many bytes.
    MultipleOf(u64),
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree(error) => write!(f, "policy blob: {error}"),
            Self::NotAPolicy => f.write_str(
                "not a policy blob: the root lacks compatible = \"ringfence,policy\"; \
                                 make one with `ringfence policy build`",
            ),
            Self::Text => {
                f.write_str("this is text, not a policy blob; compile it with `ringfence policy build`")
            }
            Self::Version { found: Some(found) } => {
                write!(f, "policy blob version {found} is not known: build it again with this ringfence")
            }
            Self::Version { found: None } => f.write_str("policy blob without a version: build it again"),
            Self::Unknown { node, name } => {
                write!(f, "{node}: `{name}` is not known to this ringfence, so it cannot be enforced")
            }
            Self::Missing { node, name } => write!(f, "{node}: `{name}` is missing"),
            Self::Malformed { node, name } => write!(f, "{node}: `{name}` has a value of the wrong form"),
            Self::BadBoard => f.write_str(
                "`board` must be a root `compatible` such as acme,board: printable ASCII without blanks",
            ),
            Self::UnknownKernel => f.write_str(
                "`kernel` is not a version of Linux that is known, such as 6.6 or 6.12.95, or 6.12:64k with \
                     its page size",
            ),
            Self::Empty { what } => write!(f, "{what}: the size is zero"),
            Self::Wraps { what, base, size } => {
                write!(f, "{what}: {base:#x} plus {size:#x} bytes exceeds the address space")
            }
            Self::Bounds { key, value, allowed: Allowed::MultipleOf(unit) } => {
                write!(
                    f,
                    "`{key}` is {value:#x}: it must be a multiple of {} in the address space",
                    Size(*unit)
                )
            }
            Self::Bounds { key, value, allowed: Allowed::PowerOfTwo { min, max } } => {
                write!(f, "`{key}` is {}: it must be a power of two", Size(*value))?;
                match *min {
                    1 => Ok(()),
                    min => write!(f, " from {} to {}", Size(min), Size(*max)),
                }
            }
            Self::RangeTooSmall { range, size } => {
                write!(f, "`cma.range` is {range}: `cma.size`, {}, does not fit", Size(*size))
            }
            Self::BadKey { key: Key::Path(path) } => {
                write!(f, "carveout `{path}`: not an absolute node path such as /reserved-memory/name@base")
            }
            Self::BadName { name } => {
                write!(f, "protected range `{name}`: a name is at most 31 letters, digits, `_` and `-`")
            }
            Self::BadPlace { place } => {
                write!(f, "take `{place}`: write a node as /path and a property as /path:property")
            }
            Self::BadKey { key } => write!(f, "carveout `{key}`: a label is letters, digits and `_`"),
            Self::Twice { what } => write!(f, "{what} is required twice"),
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
