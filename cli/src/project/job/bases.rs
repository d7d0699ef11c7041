//! The bases that a configuration names for overlays.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::includes;
use crate::failure::Failure;
use crate::input::{Bases, Layer, Layers};
use crate::project::config::{Config, Lookup};

/// Returns the layers for an input that has this configuration. `includes` are the directories that the
/// command line names for what a base includes.
pub(super) fn over(
    layers: &Arc<Layers>,
    config: Option<Arc<Config>>,
    includes: &[PathBuf],
    lookup: &Arc<Lookup>,
) -> Arc<Layers> {
    match config.filter(|config| config.boards.iter().any(|board| board.base.is_some())) {
        Some(config) => {
            let bases = BoardBases { config, includes: includes.to_vec(), lookup: Arc::clone(lookup) };
            Arc::new(layers.or_bases(Arc::new(bases)))
        }
        None => Arc::clone(layers),
    }
}

/// The boards of a configuration.
#[derive(Debug)]
struct BoardBases {
    config: Arc<Config>,
    includes: Vec<PathBuf>,
    /// Knows the directories that the configuration of a base names.
    lookup: Arc<Lookup>,
}

impl Bases for BoardBases {
    fn base(&self, path: &Path) -> Result<Option<Arc<Layer>>, Failure> {
        let includes = |base: &Path| Ok(includes(&self.includes, self.lookup.find(base)?.as_deref()));
        self.config.base(path, includes)
    }
}
