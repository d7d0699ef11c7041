//! Finds the configuration that holds for an input: the nearest one upwards from it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Config;
use crate::failure::Failure;
use crate::input::is_stdin;

/// The file's name.
pub const NAME: &str = "ringfence.toml";

/// What was found for a directory, an error too.
type Found = Result<Option<Arc<Config>>, Failure>;

/// Where configurations come from.
#[derive(Debug)]
pub enum Lookup {
    /// Nowhere.
    Off,
    /// One file for all inputs.
    Fixed(Arc<Config>),
    /// Upwards from each input, by the directory where the way begins, and by file.
    Upwards(Mutex<HashMap<PathBuf, Found>>),
}

impl Lookup {
    /// Takes the given file, or none at all, or looks for one.
    ///
    /// # Errors
    /// When the given file is not a configuration.
    pub fn new(file: Option<&Path>, none: bool) -> Result<Self, Failure> {
        match (none, file) {
            (true, _) => Ok(Self::Off),
            (false, Some(file)) => Ok(Self::Fixed(Arc::new(Config::load(file)?))),
            (false, None) => Ok(Self::Upwards(Mutex::default())),
        }
    }

    /// Returns the configuration for the input at `path`, if there is one; for stdin the working directory is
    /// asked.
    ///
    /// # Errors
    /// When there is one, but it is not sound.
    pub fn find(&self, path: &Path) -> Found {
        let cache = match self {
            Self::Off => return Ok(None),
            Self::Fixed(config) => return Ok(Some(config.clone())),
            Self::Upwards(cache) => cache,
        };
        let start = match path.parent() {
            Some(parent) if !is_stdin(path) => parent,
            _ => Path::new(""),
        };
        let start = if start.as_os_str().is_empty() { Path::new(".") } else { start };
        // The way up follows the name that the user gave, through no link.
        let Ok(start) = std::path::absolute(start) else { return Ok(None) };
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = cache.get(&start) {
            return found.clone();
        }
        let file = start.ancestors().map(|directory| directory.join(NAME)).find(|file| file.is_file());
        // A file is read once, from whatever directory the way up to it began.
        let found = match file {
            None => Ok(None),
            Some(file) => {
                let load = || Config::load(&shown(&file)).map(|config| Some(Arc::new(config)));
                cache.entry(file.clone()).or_insert_with(load).clone()
            }
        };
        cache.insert(start, found.clone());
        found
    }
}

/// Returns the path as messages should show it: relative if it is below the working directory.
fn shown(file: &Path) -> PathBuf {
    let here = std::env::current_dir().ok();
    here.and_then(|here| file.strip_prefix(here).ok().map(Path::to_path_buf)).unwrap_or(file.to_path_buf())
}
