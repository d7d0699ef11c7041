//! What is there before anything is done: the loader's device tree, its words, and the firmware's map.

use crate::firmware::image::{self, Image};
use crate::firmware::{map, secure_boot, table};
use crate::hold::Pieces;
use crate::options::Options;
use crate::refusal::{Result, refusal};
use ringfence::efi::{EfiMap, EfiUse};
use ringfence::fdt::Tree;
use ringfence::span::Span;

/// What the loader left.
pub(crate) struct Loader {
    /// The running image.
    pub(crate) image: Option<Image>,
    /// The load options.
    pub(crate) options: Options,
    /// Whether Secure Boot is on: only what is signed may then decide about memory.
    pub(crate) secure: bool,
    /// The device tree in the configuration table.
    pub(crate) tree: Option<Tree<'static>>,
    /// The map before anything was held.
    pub(crate) map: EfiMap,
    /// What was held at once.
    pub(crate) early: Pieces,
}

impl Loader {
    /// Reads everything, and holds what the loader's tree protects: a bundle that is read next would
    /// otherwise lie in a carveout, if that is where the firmware finds room.
    pub(crate) fn read() -> Result<Self> {
        let map = map::read()?;
        let tree = table::installed()?
            .map(|bytes| {
                Tree::parse(lasting(bytes, &map))
                    .map_err(|why| refusal!("the loader's device tree is damaged: {why}"))
            })
            .transpose()?;
        let mut early = Pieces::default();
        if let Some(tree) = &tree {
            early.take_early(tree, &map);
        }
        let options = image::load_options()?;
        let options = Options::read(&options).unwrap_or_else(|| {
            console!("load options: {} bytes that are not text: ignored", options.len());
            Options::default()
        });
        let secure = secure_boot::report();
        Ok(Self { image: Image::running(), options, secure, tree, map, early })
    }
}

/// Returns a device tree in memory that the firmware gives to nothing else: a copy where its map calls the
/// tree's memory free.
fn lasting(bytes: &'static [u8], map: &EfiMap) -> &'static [u8] {
    let span = Span::new(bytes.as_ptr() as u64, bytes.len() as u64);
    let is_free = |span| map.within(span).any(|range| range.kind.usage() == EfiUse::Free);
    if span.is_some_and(is_free) { bytes.to_vec().leak() } else { bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::efi::{Descriptor, PAGE};

    #[test]
    fn a_device_tree_in_free_memory_is_copied() {
        static TREE: [u8; 16] = [7; 16];
        let base = TREE.as_ptr() as u64 / PAGE * PAGE;
        let at = |ty| {
            let map = EfiMap::new([Descriptor { ty, base, pages: 2, attributes: 0xf }]);
            let kept = lasting(&TREE, &map);
            assert_eq!(kept, TREE);
            core::ptr::eq(kept, &TREE[..])
        };
        assert!(at(4) && at(9) && !at(7));
        assert!(core::ptr::eq(lasting(&TREE, &EfiMap::default()), &TREE[..]));
    }
}
