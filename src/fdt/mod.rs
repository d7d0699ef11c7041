//! Reads and writes flattened device trees (Devicetree Specification 0.4, chapter 5).
//!
//! Input is hostile. [`Blob::check`] reads every byte that has a meaning once, without recursion or
//! allocation; [`Tree`] and [`rewrite()`] rely on what it accepts. The rules are stricter than libfdt's where
//! two readers could see different trees:
//!
//! | input | here |
//! |---|---|
//! | `FDT_NOP`, anywhere between tokens | legal; not in a [`Tree`], not written by [`rewrite()`] |
//! | a property twice in one node | tolerated, kept; the first one counts, as in libfdt and Linux |
//! | two siblings with one name | tolerated, kept; the first one is found by path |
//! | a property after a child node | refused |
//! | bytes after `FDT_END` in the structure block | legal, as in Linux; not written by [`rewrite()`] |
//! | overlapping blocks, a root with a name | refused |
//! | names: empty, over 255 bytes, not printable ASCII, a node's with `/` | refused |
//! | memory reserve list | ends at the first entry of size 0, as in Linux; what follows it is not kept |

mod blob;
mod build;
mod bus;
mod compare;
mod edit;
mod emit;
mod error;
mod header;
mod index;
mod new_node;
mod node;
mod overlay;
mod prop;
mod resolve;
mod rewrite;
mod strings;
mod token;
mod tree;

#[cfg(test)]
mod tests;

pub use blob::Blob;
pub use build::{build, build_aligned};
pub use bus::Bus;
pub use compare::{Loss, nothing_lost};
pub(crate) use edit::Edit;
pub use edit::Edits;
pub use error::{Block, EditFault, FdtError, NameFault};
pub use header::stated_len;
pub use new_node::NewNode;
pub use node::{Node, NodeId};
pub use overlay::{OverlayError, OverlayFault, apply_overlay, is_overlay};
pub use prop::Prop;
pub use rewrite::rewrite;
pub use tree::Tree;

/// First word of every flattened device tree, big-endian.
pub const MAGIC: u32 = 0xd00d_feed;
/// Largest DTB that the arm64 boot protocol allows, in bytes
/// (Documentation/arch/arm64/booting.rst, section 2).
pub const MAX_BOOT_SIZE: usize = 2 << 20;
/// Largest DTB that is read, in bytes: more than [`MAX_BOOT_SIZE`], to report what cannot be booted (RF116).
pub const MAX_SIZE: usize = 64 << 20;
/// Most nested nodes, the root included. Linux 6.12 and the `fdt` crate stop at 64 (`FDT_MAX_DEPTH` in
/// drivers/of/fdt.c); no known board is deeper than 12.
pub const MAX_DEPTH: usize = 60;
/// Longest name of a node or property, in bytes. The specification says 31, real trees reach about 70; a
/// bound keeps the cost of reading linear when many properties share one long string.
pub const MAX_NAME: usize = 255;
