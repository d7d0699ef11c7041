//! Errors of bundles.

use alloc::string::{String, ToString};
use core::fmt;

use crate::fdt::{FdtError, Node};
use crate::kernel_image::ImageError;
use crate::packing::Names;

/// Why a bundle cannot be used or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FitError {
    /// The bytes are not a sound flattened tree.
    Tree(FdtError),
    /// A flattened tree, but not a FIT.
    NotAFit {
        /// The node that is missing under the root.
        missing: &'static str,
    },
    /// No configuration matches, none is the default, and there is not exactly one.
    NoDefault {
        /// How many there are.
        count: usize,
    },
    /// The configurations name boards, but not this one.
    NoMatch {
        /// The board.
        board: String,
        /// The boards that the configurations are for.
        boards: String,
    },
    /// Several configurations match equally well, and none of them is the default.
    Tie {
        /// Their names.
        configs: String,
    },
    /// The default names a configuration that does not exist.
    NoSuchConfiguration {
        /// The name.
        name: String,
    },
    /// A configuration without a kernel.
    NoKernel {
        /// The configuration's name.
        config: String,
    },
    /// A configuration names an image that does not exist.
    NoSuchImage {
        /// The configuration's name.
        config: String,
        /// The image's name.
        image: String,
    },
    /// A property that has the wrong form.
    Malformed {
        /// Path of the node that holds it.
        node: String,
        /// Its name.
        name: &'static str,
    },
    /// An image without `data`, `data-offset` or `data-position`.
    NoData {
        /// The image's name.
        image: String,
    },
    /// External data after the end of the bundle: the bundle was cut short, or loaded in part.
    DataOutside {
        /// The image's name.
        image: String,
        /// Offset of the data in bytes, from the bundle's start.
        offset: u64,
        /// Size of the data in bytes.
        size: u64,
        /// Size of the bundle in bytes.
        bundle: u64,
    },
    /// A compression that ringfence cannot unpack.
    Compression {
        /// The image's name.
        image: String,
        /// Its `compression`.
        found: String,
    },
    /// A hash algorithm that ringfence does not compute. It is refused, because skipping it would verify
    /// nothing.
    UnknownHash {
        /// The image's name.
        image: String,
        /// The algorithm.
        algorithm: String,
    },
    /// A hash whose value has the wrong length.
    HashLength {
        /// The image's name.
        image: String,
        /// The algorithm.
        algorithm: &'static str,
        /// Length of the value in bytes.
        found: usize,
    },
    /// The data does not match the recorded hash.
    HashMismatch {
        /// The image's name.
        image: String,
        /// The algorithm.
        algorithm: &'static str,
    },
    /// The image has no hash.
    Unhashed {
        /// The image's name.
        image: String,
    },
    /// More entries than ringfence reads. Reading all of them could take forever.
    TooMany {
        /// The kind of entry.
        what: &'static str,
        /// The node that has them.
        node: String,
        /// The limit.
        limit: usize,
    },
    /// The kernel to pack is not an arm64 `Image`.
    Kernel(ImageError),
    /// Overlays to pack without a device tree to apply them to.
    OverlaysAlone,
    /// The bundle would exceed its 32-bit offsets, or memory.
    TooLarge,
}

impl FitError {
    pub(super) fn malformed(node: Node<'_, '_>, name: &'static str) -> Self {
        Self::Malformed { node: node.path(), name }
    }

    pub(super) fn no_such_image(config: Node<'_, '_>, image: &str) -> Self {
        Self::NoSuchImage { config: config.name().to_string(), image: image.to_string() }
    }
}

impl fmt::Display for FitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree(error) => write!(f, "{error}"),
            Self::NotAFit { missing } => {
                write!(
                    f,
                    "not a FIT bundle: the flattened tree has no /{missing}; make one with `ringfence pack`"
                )
            }
            Self::NoDefault { count } => {
                write!(f, "no configuration of {count} matches this board, and there is no default")
            }
            Self::NoMatch { board, boards } => write!(
                f,
                "no configuration is for this board, `{board}`: they are for {boards}; add one, or name the \
                 board of the default's device tree as `board` in its policy"
            ),
            Self::Tie { configs } => {
                write!(f, "configurations {configs} match this board equally; make one of them the default")
            }
            Self::NoSuchConfiguration { name } => {
                write!(f, "the default configuration `{name}` does not exist")
            }
            Self::NoKernel { config } => write!(f, "configuration `{config}` has no kernel"),
            Self::NoSuchImage { config, image } => {
                write!(f, "configuration `{config}` names image `{image}`, which does not exist")
            }
            Self::Malformed { node, name } => {
                write!(f, "{node}: `{name}` has a value of the wrong form")
            }
            Self::NoData { image } => write!(f, "image `{image}` has no data"),
            Self::DataOutside { image, offset, size, bundle } => write!(
                f,
                "image `{image}` needs {size:#x} bytes at {offset:#x}, but only {bundle:#x} bytes are \
                 there: the bundle was cut short"
            ),
            Self::Compression { image, found } => {
                write!(f, "image `{image}`: compression `{found}` cannot be unpacked; use none, {Names}")
            }
            Self::UnknownHash { image, algorithm } => write!(
                f,
                "image `{image}`: hash `{algorithm}` is not known and so cannot be verified; use sha256"
            ),
            Self::HashLength { image, algorithm, found } => {
                write!(f, "image `{image}`: {found} bytes are not a {algorithm} value")
            }
            Self::HashMismatch { image, algorithm } => write!(
                f,
                "image `{image}` is damaged: its {algorithm} is not the one recorded; pack or load it again"
            ),
            Self::Unhashed { image } => {
                write!(f, "image `{image}` has no hash: add `hash-1 {{ algo = \"sha256\"; }};`")
            }
            Self::TooMany { what, node, limit } => {
                write!(f, "{node}: more than {limit} {what}, which is the most that ringfence reads")
            }
            Self::Kernel(error) => write!(f, "{error}"),
            Self::OverlaysAlone => f.write_str("overlays need a device tree in the bundle to be applied to"),
            Self::TooLarge => f.write_str("larger than the 2 GiB limit of a FIT, or than memory"),
        }
    }
}

impl core::error::Error for FitError {}

impl From<FdtError> for FitError {
    fn from(error: FdtError) -> Self {
        Self::Tree(error)
    }
}

impl From<ImageError> for FitError {
    fn from(error: ImageError) -> Self {
        Self::Kernel(error)
    }
}
