//! The trees that a plan makes, one from the other.

use crate::fdt::{Edits, FdtError, Tree, rewrite};
use alloc::vec::Vec;

/// Edits of a tree and, where regions had to be moved to where Linux reads them, of the trees in between.
#[derive(Debug, Default)]
pub struct Rewrites {
    /// Each tree on the way, with the edits that make it.
    on_the_way: Vec<(Edits, Vec<u8>)>,
    last: Edits,
}

impl Rewrites {
    /// Starts with the edits of the last tree.
    pub(crate) const fn ending_with(last: Edits) -> Self {
        Self { on_the_way: Vec::new(), last }
    }

    /// Adds a tree from which the first so far is made, and the edits that make it.
    pub(crate) fn starting_with(mut self, edits: Edits, blob: Vec<u8>) -> Self {
        self.on_the_way.insert(0, (edits, blob));
        self
    }

    /// Returns whether there is nothing to edit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.on_the_way.is_empty() && self.last.is_empty()
    }

    /// Makes all edits in a new blob, or returns `None` if there are none. `tree` is the tree that was
    /// planned for.
    ///
    /// # Errors
    /// The tree cannot be written so, or memory for it ran out.
    pub fn make(&self, tree: &Tree<'_>) -> Result<Option<Vec<u8>>, FdtError> {
        match self.on_the_way.last() {
            None if self.last.is_empty() => Ok(None),
            None => rewrite(tree, &self.last).map(Some),
            Some((_, blob)) => rewrite(&Tree::parse(blob)?, &self.last).map(Some),
        }
    }

    /// Calls `check` with each tree, the edits of it, and the tree that these make: first `old`, which was
    /// planned for, and last `new`.
    ///
    /// # Errors
    /// The first error of `check`, or a tree on the way cannot be read.
    pub(crate) fn each<E: From<FdtError>>(
        &self,
        old: &Tree<'_>,
        new: &Tree<'_>,
        mut check: impl FnMut(&Tree<'_>, &Edits, &Tree<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut before: Option<Tree<'_>> = None;
        for (edits, blob) in &self.on_the_way {
            let after = Tree::parse(blob)?;
            check(before.as_ref().unwrap_or(old), edits, &after)?;
            before = Some(after);
        }
        check(before.as_ref().unwrap_or(old), &self.last, new)
    }
}
