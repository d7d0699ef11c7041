//! The tree that overlays of a board are applied to.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::failure::Failure;
use crate::input::{self, Layer};

/// A base, read when the first overlay needs it: a project may not have built it yet.
#[derive(Clone, Debug)]
pub struct Base {
    path: PathBuf,
    /// The configuration, its text, and the bytes that name the base.
    place: (Arc<str>, Arc<str>, Range<usize>),
    read: Arc<OnceLock<Result<Arc<Layer>, Failure>>>,
}

impl Base {
    pub(super) fn new(path: PathBuf, name: Arc<str>, text: Arc<str>, span: Range<usize>) -> Self {
        Self { path, place: (name, text, span), read: Arc::default() }
    }

    /// Reads it, once.
    pub(super) fn read(
        &self,
        includes: impl Fn(&Path) -> Result<Vec<PathBuf>, Failure>,
    ) -> Result<Arc<Layer>, Failure> {
        let read = || {
            input::check_regular(&self.path)?;
            Ok(Arc::new(Layer::base(&self.path, includes(&self.path)?)?))
        };
        self.read.get_or_init(|| read().map_err(|failure| self.failure(failure))).clone()
    }

    /// Adds the line of the configuration to what is wrong. What has a place of its own keeps it.
    fn failure(&self, failure: Failure) -> Failure {
        let (name, text, span) = &self.place;
        let at = |failure: Failure| failure.at(name, text, span.clone(), "the base of overlays");
        match failure.place() {
            None => at(failure),
            Some(_) => Failure::all([failure, at(Failure::new("configuration: `base` cannot be read"))]),
        }
    }
}
