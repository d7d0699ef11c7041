//! The tree that the loader passes, where the input is another.

use std::path::{Path, PathBuf};

use ringfence::facts::Position;
use ringfence::fdt::Tree;
use ringfence::span::Span;

use crate::failure::Failure;
use crate::input;

/// The tree that the loader passes.
#[derive(Clone, Debug)]
pub(super) struct LoaderTree {
    path: PathBuf,
    blob: Vec<u8>,
}

impl LoaderTree {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        Ok(Self { path: path.to_path_buf(), blob: input::read(path)? })
    }

    pub(super) fn parse(&self) -> Result<Tree<'_>, Failure> {
        Tree::parse(&self.blob).map_err(|why| Failure::of(&self.path, why))
    }

    /// Returns the names of its board, the most specific first.
    pub(super) fn board(&self) -> Result<Vec<String>, Failure> {
        Ok(self.parse()?.board_names().map(str::to_owned).collect())
    }
}

/// Returns the place of a tree that has grown to `len` bytes.
pub(super) fn grown(dtb: Position, len: u64) -> Position {
    match dtb {
        Position::Movable(span) => {
            Position::Movable(Span::new(span.base(), span.len().max(len)).unwrap_or(span))
        }
        other => other,
    }
}
