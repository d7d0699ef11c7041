//! Inputs: whatever the user named becomes flattened trees, each with a name and, out of source, with the
//! places where that source says what.

mod bundle;
mod files;
mod layers;
mod positions;
pub mod ring;
mod source;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringfence::{fdt, fit};

use crate::failure::Failure;

pub use files::{gather, is_stdin, read_any, read_bundle};
pub use layers::{Layers, apply, read_overlay};
pub use positions::{Place, Positions};

/// How inputs are read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Directories for `#include` and `/include/`, after the source's own directory.
    pub includes: Vec<PathBuf>,
    /// Compile sources without `/__symbols__`, as an ordinary build does.
    pub bare: bool,
    /// The base and the overlays that belong to the input.
    pub layers: Arc<Layers>,
}

/// One flattened tree to be judged.
#[derive(Clone, Debug)]
pub struct Input {
    /// The name that the user gave, with `#` and the configuration for a tree from a bundle.
    pub name: String,
    /// The file that it was read from.
    pub path: PathBuf,
    /// The blob.
    pub dtb: Vec<u8>,
    /// Where the source says what, when there is source.
    pub positions: Option<Positions>,
}

/// Reads every tree that a file holds, one, or for a bundle one a configuration, with all overlays applied.
///
/// # Errors
/// When the file cannot be read, or its compiler refuses it, or a bundle is damaged, or an overlay does not
/// fit.
pub fn load(name: &Path, options: &Options) -> Result<Vec<Input>, Failure> {
    // Overlays refer to the symbols of what they are applied to.
    let bare = options.bare && options.layers.is_empty();
    let trees = load_plain(name, &Options { bare, ..options.clone() })?;
    trees.into_iter().map(|tree| options.layers.apply(tree)).collect()
}

/// Reads every tree that a file holds, as it is.
fn load_plain(name: &Path, options: &Options) -> Result<Vec<Input>, Failure> {
    let mut bytes = files::read_limited(name, files::MAX_TREE + 1)?;
    if bytes.is_empty() {
        return Err(Failure::of(name, "the file is empty"));
    }
    if bytes.starts_with(&fdt::MAGIC.to_be_bytes()) {
        // The images of a bundle follow its tree; no other input may be so long.
        if bytes.len() as u64 > files::MAX_TREE && bundle::may_be_one(&bytes) {
            let rest = files::read_limited(name, fit::MAX_LEN as u64)?;
            // What was read of stdin does not come again.
            if is_stdin(name) { bytes.extend(rest) } else { bytes = rest }
        }
        if let Some(trees) = bundle::trees(name, &bytes)? {
            return Ok(trees);
        }
    }
    if bytes.len() as u64 > files::MAX_TREE {
        return Err(Failure::of(name, "larger than 64 MiB: this is not a device tree"));
    }
    let is_source = name.extension().is_some_and(|ext| ext == "dts") || bytes.starts_with(b"/dts-v1/");
    let (dtb, positions) = match is_source {
        true => source::compile(name, &bytes, options)?,
        false => (bytes, None),
    };
    Ok(vec![Input { name: name.display().to_string(), path: name.to_path_buf(), dtb, positions }])
}

/// Reads the one tree of a file.
///
/// # Errors
/// As [`load`], and when a bundle holds several.
pub fn load_one(name: &Path, options: &Options) -> Result<Input, Failure> {
    let mut trees = load(name, options)?;
    match (trees.pop(), trees.is_empty()) {
        (Some(tree), true) => Ok(tree),
        _ => Err(Failure::of(name, "a bundle with several device trees").with_help(
            "`ringfence check` checks all of them; `ringfence unpack --configuration NAME` extracts one",
        )),
    }
}

/// Reads the one tree of a file as a blob alone, a source compiled as an ordinary build does.
///
/// # Errors
/// As [`load_one`].
pub fn read(name: &Path) -> Result<Vec<u8>, Failure> {
    load_one(name, &Options { bare: true, ..Options::default() }).map(|input| input.dtb)
}
