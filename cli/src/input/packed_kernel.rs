//! The device trees after a packed kernel, `Image.gz-dtb`.

use std::ops::Range;

use ringfence::kernel_image::Header;
use ringfence::packing::{Packing, Stream};
use ringfence_unpack::AppendedTreeError;

use super::concatenated;

/// Returns the places of the trees after a kernel in a gzip stream, or `None` when the bytes are no such
/// kernel.
///
/// # Errors
/// A sentence, when no tree follows it.
pub(super) fn trees(bytes: &[u8]) -> Option<Result<Vec<Range<usize>>, String>> {
    let stream = Stream { packing: Packing::Gzip, bytes };
    bytes.starts_with(stream.packing.magic()).then_some(())?;
    Header::parse(&ringfence_unpack::measure(stream).ok()?.head).ok()?;
    let trees = match ringfence_unpack::tree_after(stream) {
        Ok((at, tree)) => Ok(std::iter::once(at..at + tree.len()).collect()),
        // The stage cannot choose one of them; here, each is judged.
        Err(AppendedTreeError::Several) => several(stream).ok_or(AppendedTreeError::Trailing),
        Err(why) => Err(why),
    };
    Some(trees.map_err(|why| why.to_string()))
}

/// Tells whether device trees follow a packed kernel.
#[must_use]
pub fn has_tree_after(bytes: &[u8]) -> bool {
    trees(bytes).is_some_and(|trees| trees.is_ok())
}

fn several(stream: Stream<'_>) -> Option<Vec<Range<usize>>> {
    let rest = stream.bytes.get(ringfence_unpack::end(stream).ok()?..)?;
    let trees = rest.get(rest.iter().position(|&byte| byte != 0)?..)?;
    let start = stream.bytes.len() - trees.len();
    let shifted = |tree: Range<usize>| start + tree.start..start + tree.end;
    Some(concatenated::split(trees)?.into_iter().map(shifted).collect())
}
