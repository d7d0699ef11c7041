//! The trees that a plan makes, one from the other.

use crate::fdt::{Edits, FdtError, Loss, Tree, nothing_lost, rewrite};
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

    /// Checks that `new` holds everything of `old` that no edit names. `Ok(Err(loss))` names what is lost.
    ///
    /// # Errors
    /// Memory ran out.
    pub(crate) fn nothing_lost(&self, old: &Tree<'_>, new: &Tree<'_>) -> Result<Result<(), Loss>, FdtError> {
        let mut before: Option<Tree<'_>> = None;
        for (edits, blob) in &self.on_the_way {
            let after = Tree::parse(blob)?;
            if let Err(loss) = nothing_lost(before.as_ref().unwrap_or(old), edits, &after) {
                return Ok(Err(loss));
            }
            before = Some(after);
        }
        Ok(nothing_lost(before.as_ref().unwrap_or(old), &self.last, new))
    }
}
