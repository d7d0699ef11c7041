//! Errors of device tree blobs and of their edits, with what to do about each.

use crate::packing::format_of;
use alloc::string::String;
use core::fmt;

/// Why a blob was refused or could not be written. Offsets count bytes from the start of the blob.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FdtError {
    /// The input ends before the header does.
    TooShort {
        /// Bytes given.
        have: usize,
        /// Bytes of a header.
        need: usize,
    },
    /// The first word is not `0xd00dfeed`.
    BadMagic {
        /// The word found, read big-endian.
        found: u32,
    },
    /// The format is older than version 16, or needs a reader newer than version 17.
    BadVersion {
        /// `version` of the header.
        version: u32,
        /// `last_comp_version` of the header.
        last_compatible: u32,
    },
    /// `totalsize` promises more bytes than there are.
    Truncated {
        /// `totalsize` of the header, in bytes.
        total: u32,
        /// Bytes given.
        have: usize,
    },
    /// The blob is, or would become, larger than the limit.
    TooLarge {
        /// Size in bytes.
        size: u64,
        /// Limit in bytes, inclusive.
        limit: usize,
    },
    /// A block is not inside `totalsize`.
    BlockOutside {
        /// Which block.
        block: Block,
        /// Its offset.
        offset: u32,
        /// Its size in bytes.
        size: u32,
    },
    /// A block starts at an offset that the format does not allow.
    BlockUnaligned {
        /// Which block.
        block: Block,
        /// Its offset.
        offset: u32,
        /// The alignment that the format demands, in bytes.
        align: u32,
    },
    /// Two blocks share bytes.
    BlockOverlap {
        /// One block.
        first: Block,
        /// The other block.
        second: Block,
        /// First shared byte.
        offset: u64,
    },
    /// The memory reserve list runs out of the blob without an entry of size 0.
    ReserveUnterminated {
        /// Offset of the entry that does not fit.
        offset: usize,
    },
    /// A word in the structure block is not a token.
    BadToken {
        /// Its offset.
        offset: usize,
        /// The word.
        token: u32,
    },
    /// The structure block ends inside a token, a name or a value, or before `FDT_END`.
    StructTruncated {
        /// Offset of the token that does not fit.
        offset: usize,
    },
    /// A node's name cannot be used.
    BadNodeName {
        /// Offset of the name.
        offset: usize,
        /// The fault.
        fault: NameFault,
    },
    /// A property's name cannot be used.
    BadPropName {
        /// Offset of the property's token.
        offset: usize,
        /// The fault.
        fault: NameFault,
    },
    /// A property follows a child node, or outside every node.
    PropMisplaced {
        /// Offset of its token.
        offset: usize,
    },
    /// `FDT_END_NODE` without an open node.
    UnbalancedEnd {
        /// Its offset.
        offset: usize,
    },
    /// `FDT_END` while nodes are open.
    Unclosed {
        /// Its offset.
        offset: usize,
        /// How many nodes are open.
        open: usize,
    },
    /// There is not a node at all.
    NoRoot,
    /// A second node is beside the root.
    SecondRoot {
        /// Offset of its token.
        offset: usize,
    },
    /// Nodes are nested deeper than [`super::MAX_DEPTH`].
    TooDeep {
        /// Offset of the node's token.
        offset: usize,
    },
    /// `#address-cells` or `#size-cells` is not one word of at most 4.
    BadCells {
        /// Offset of its value.
        offset: usize,
        /// Length of the value in bytes.
        len: usize,
    },
    /// No memory for this many bytes.
    OutOfMemory {
        /// Bytes asked for.
        bytes: usize,
    },
    /// An edit cannot be made; nothing was written.
    Edit {
        /// Path of the node that the edit names.
        node: String,
        /// The fault.
        fault: EditFault,
    },
}

/// A part of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// The header.
    Header,
    /// The memory reserve list.
    Reserve,
    /// The structure block.
    Struct,
    /// The strings block.
    Strings,
}

/// A fault of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFault {
    /// It has no bytes.
    Empty,
    /// It holds a byte that is not printable ASCII.
    NotPrintable,
    /// A node's name holds a `/`.
    Slash,
    /// It has more than [`super::MAX_NAME`] bytes.
    TooLong,
    /// No NUL ends it inside its block.
    Unterminated,
    /// Its offset is outside the strings block.
    Outside,
    /// The root's name is not empty.
    NamedRoot,
}

/// A fault of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditFault {
    /// The tree has no such node.
    NoSuchNode,
    /// The node has no property of this name to remove.
    NoSuchProp(String),
    /// A name that a device tree cannot hold.
    BadName(String, NameFault),
    /// Two properties of one new node, or two edits of one node, have this name.
    DuplicateProp(String),
    /// Another child of this node has this name already.
    DuplicateNode(String),
    /// The root can be neither renamed nor removed, and has no siblings.
    Root,
    /// The node, or one above it, is removed by another edit; or it is removed or renamed twice.
    Conflict,
    /// The new node would be nested deeper than [`super::MAX_DEPTH`].
    TooDeep,
    /// A memory reserve entry of size 0 would end the list.
    EmptyReserve,
}

impl core::error::Error for FdtError {}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Reserve => "memory reserve list",
            Self::Struct => "structure block",
            Self::Strings => "strings block",
        })
    }
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::NotPrintable => "holds a byte that is not printable ASCII",
            Self::Slash => "holds a `/`",
            Self::TooLong => "is longer than 255 bytes",
            Self::Unterminated => "has no NUL at its end",
            Self::Outside => "is outside the strings block",
            Self::NamedRoot => "should be empty for the root",
        })
    }
}

impl fmt::Display for EditFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchNode => f.write_str("there is no such node"),
            Self::NoSuchProp(name) => write!(f, "there is no property `{name}` to remove"),
            Self::BadName(name, fault) => write!(f, "the name {name:?} {fault}"),
            Self::DuplicateProp(name) => write!(f, "property `{name}` is given twice; merge the two"),
            Self::DuplicateNode(name) => write!(f, "a child `{name}` exists already; choose another name"),
            Self::Root => f.write_str("the root can be neither renamed nor removed, and has no siblings"),
            Self::Conflict => f.write_str("another edit removes or renames this node; drop one of the two"),
            Self::TooDeep => f.write_str("the new node would be nested deeper than 60 levels; put it higher"),
            Self::EmptyReserve => {
                f.write_str("a memory reserve entry of size 0 would end the list; leave it out")
            }
        }
    }
}

const REBUILD: &str = "rebuild it with dtc";
const RELOAD: &str = "load the whole file again";

impl fmt::Display for FdtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { have, need } => {
                write!(f, "{have} bytes are not a device tree, its header alone has {need}: {RELOAD}")
            }
            Self::BadMagic { found } => {
                f.write_str("not a device tree")?;
                if let Some(format) = format_of(&found.to_be_bytes()) {
                    write!(f, " but {}", format.name)?;
                }
                write!(
                    f,
                    ": the word at offset 0 is {found:#010x}, not 0xd00dfeed; give a compiled tree (.dtb)"
                )
            }
            Self::BadVersion { version, last_compatible } => write!(
                f,
                "format version {version} (readable by {last_compatible}) at offset 20: \
                 only 16 and 17 are known, convert it with dtc -V 17"
            ),
            Self::Truncated { total, have } => {
                write!(f, "totalsize at offset 4 is {total} bytes, but there are {have}: {RELOAD}")
            }
            Self::TooLarge { size, limit } => {
                write!(f, "the device tree of {size} bytes (offset 4) exceeds {limit} bytes: make it smaller")
            }
            Self::BlockOutside { block, offset, size } => {
                write!(f, "the {block} at offset {offset:#x} ({size} bytes) leaves the blob: {REBUILD}")
            }
            Self::BlockUnaligned { block, offset, align } => {
                write!(f, "the {block} at offset {offset:#x} is not {align}-byte aligned: {REBUILD}")
            }
            Self::BlockOverlap { first, second, offset } => {
                write!(f, "{first} and {second} share the byte at offset {offset:#x}: {REBUILD}")
            }
            Self::ReserveUnterminated { offset } => write!(
                f,
                "the memory reserve list has no end, its entry at offset {offset:#x} leaves the blob: \
                 {REBUILD}"
            ),
            Self::BadToken { offset, token } => {
                write!(f, "{token:#010x} at offset {offset:#x} is not a token: the file is damaged, {RELOAD}")
            }
            Self::StructTruncated { offset } => {
                write!(f, "the structure block ends inside the token at offset {offset:#x}: {RELOAD}")
            }
            Self::BadNodeName { offset, fault } => {
                write!(f, "the node name at offset {offset:#x} {fault}: {REBUILD}")
            }
            Self::BadPropName { offset, fault } => {
                write!(f, "the name of the property at offset {offset:#x} {fault}: {REBUILD}")
            }
            Self::PropMisplaced { offset } => {
                write!(
                    f,
                    "the property at offset {offset:#x} follows a child node or is in no node: {REBUILD}"
                )
            }
            Self::UnbalancedEnd { offset } => {
                write!(f, "FDT_END_NODE at offset {offset:#x} closes no node: {REBUILD}")
            }
            Self::Unclosed { offset, open } => {
                write!(f, "FDT_END at offset {offset:#x} leaves {open} nodes open: {REBUILD}")
            }
            Self::NoRoot => write!(f, "the structure block (offset 8) holds no root node: {REBUILD}"),
            Self::SecondRoot { offset } => {
                write!(f, "a second root node starts at offset {offset:#x}: {REBUILD}")
            }
            Self::TooDeep { offset } => {
                write!(f, "the node at offset {offset:#x} is nested deeper than 60 levels: flatten the tree")
            }
            Self::BadCells { offset, len } => write!(
                f,
                "the cell count at offset {offset:#x} ({len} bytes) is not one word of at most 4: \
                 write it as <1> or <2>"
            ),
            Self::OutOfMemory { bytes } => {
                write!(f, "no memory for {bytes} bytes: give a larger heap or a smaller tree")
            }
            Self::Edit { node, fault } => write!(f, "cannot edit {node}: {fault}"),
        }
    }
}
