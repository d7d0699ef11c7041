//! How a file holds its trees, and the same file with other trees in their places.

use std::ops::Range;

use super::repack;

/// How a file holds its trees.
#[derive(Clone, Debug)]
pub enum Container {
    /// One blob, and the bytes after it.
    Blob {
        /// What follows the tree.
        rest: Vec<u8>,
    },
    /// Several blobs, one after the other, or one or several after a packed kernel.
    Trees {
        /// The file.
        bytes: Vec<u8>,
        /// The bytes of each tree.
        ranges: Vec<Range<usize>>,
    },
    /// A bundle.
    Bundle {
        /// The file.
        bytes: Vec<u8>,
        /// The names of the images that make up each tree: a device tree, and overlays for it.
        images: Vec<Vec<String>>,
    },
    /// An image of an Android board, which other tools put together and sign.
    Android {
        /// The file.
        bytes: Vec<u8>,
    },
    /// Source.
    Source {
        /// The file.
        bytes: Vec<u8>,
    },
    /// A tree with overlays applied, which is in no file.
    Merged,
}

impl Container {
    /// Returns the file with other trees: `trees` has one for each tree that changed, in their order.
    /// Everything else stays as it is: the kind of file, other images, their order, and hashes that match.
    ///
    /// # Errors
    /// A sentence, when the file cannot hold the trees.
    pub fn with(&self, original: &[u8], trees: &[Option<Vec<u8>>]) -> Result<Vec<u8>, String> {
        if trees.iter().all(Option::is_none) {
            return Ok(self.file().unwrap_or(original).to_vec());
        }
        match self {
            Self::Source { .. } => Err("a source is edited, not replaced".to_owned()),
            Self::Android { .. } => {
                Err("the sizes and signatures of an Android image are mkbootimg's and avbtool's".to_owned())
            }
            Self::Merged => Ok(trees.iter().flatten().next().cloned().unwrap_or_default()),
            Self::Blob { rest } => match rest.iter().any(|&byte| byte != 0) {
                // Padding is not worth keeping: the tree has another length now.
                false => Ok(trees.iter().flatten().next().cloned().unwrap_or_default()),
                true => Err(format!("{} bytes after the tree are of an unknown kind", rest.len())),
            },
            Self::Trees { bytes, ranges } => Ok(join(bytes, ranges, trees)),
            Self::Bundle { bytes, images } => repack::repack(bytes, images, trees),
        }
    }

    fn file(&self) -> Option<&[u8]> {
        match self {
            Self::Trees { bytes, .. }
            | Self::Bundle { bytes, .. }
            | Self::Source { bytes }
            | Self::Android { bytes } => Some(bytes),
            Self::Blob { .. } | Self::Merged => None,
        }
    }
}

/// Puts trees one after the other, aligned as they were: to the largest power of two up to a page that all of
/// them began at.
fn join(bytes: &[u8], ranges: &[Range<usize>], trees: &[Option<Vec<u8>>]) -> Vec<u8> {
    let starts = ranges.iter().fold(0x1000, |all, range| all | range.start);
    let align = 1 << starts.trailing_zeros();
    // What precedes the first one is a kernel, and stays.
    let first = ranges.first().map_or(0, |range| range.start);
    let mut out = bytes.get(..first).unwrap_or_default().to_vec();
    for (range, tree) in ranges.iter().zip(trees) {
        out.resize(out.len().next_multiple_of(align), 0);
        out.extend(tree.as_deref().or(bytes.get(range.clone())).unwrap_or_default());
    }
    // What padded the file's end goes on doing so.
    if bytes.len().is_multiple_of(align) {
        out.resize(out.len().next_multiple_of(align), 0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_stay_in_order_and_aligned() {
        let bytes = [&[1; 8][..], &[0; 8], &[2; 8]].concat();
        let container = Container::Trees { bytes: bytes.clone(), ranges: vec![0..8, 16..24] };
        assert_eq!(container.with(&bytes, &[None, None]).unwrap(), bytes);
        let longer = container.with(&bytes, &[Some(vec![3; 20]), None]).unwrap();
        assert_eq!(longer, [&[3; 20][..], &[0; 12], &[2; 8]].concat());
    }

    #[test]
    fn bytes_of_an_unknown_kind_are_not_thrown_away() {
        let blob = |rest: &[u8]| Container::Blob { rest: rest.to_vec() };
        assert_eq!(blob(&[0; 3]).with(b"old", &[Some(b"new".to_vec())]).unwrap(), b"new");
        assert!(blob(b"kernel").with(b"old", &[Some(b"new".to_vec())]).is_err());
        assert_eq!(blob(b"kernel").with(b"oldkernel", &[None]).unwrap(), b"oldkernel");
    }
}
