//! Inputs: whatever the user named becomes flattened trees, each with a name and, out of source, with the
//! places where that source says what.

mod android;
mod bundle;
pub mod capture;
mod compiler;
mod concatenated;
mod container;
mod dependencies;
mod files;
mod includes;
mod kind;
mod layers;
mod magic;
mod packed_kernel;
mod positions;
pub mod record;
mod repack;
pub mod ring;
mod source;
mod unpacked;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringfence::{fdt, fit};

use crate::failure::Failure;

use kind::Kind;
pub use kind::{text as as_text, without_mark};

pub use container::Container;
pub use files::{Found, Wanted, check_regular, gather, is_stdin, length};
pub use files::{read_any, read_bundle, read_if_tree, read_image, read_target, read_text};
pub use layers::{Bases, Layer, Layers, apply, read_overlay};
pub use packed_kernel::has_tree_after;
pub use positions::{Place, Positions};
use source::Origin;
pub use source::compile_as;

/// How inputs are read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Directories for `#include` and `/include/`, after the source's own directory.
    pub includes: Vec<PathBuf>,
    /// Compile sources without `/__symbols__`, as an ordinary build does.
    pub bare: bool,
    /// The base and the overlays that belong to the input.
    pub layers: Arc<Layers>,
    /// The name of the file that is read from stdin.
    pub stdin: Option<PathBuf>,
    /// The names of the board whose configuration of a bundle is read, the most specific first; `None` for
    /// all configurations.
    pub board: Option<Vec<String>>,
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
    /// The base, if the file has an overlay.
    pub base: Option<PathBuf>,
}

/// A tree of a file, or the reason why it cannot be read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The name that reports use: that of the file, with `#` and the configuration or number of the tree.
    pub name: String,
    /// The tree.
    pub tree: Result<Input, Failure>,
}

impl Loaded {
    fn new(name: &str, path: &Path, dtb: Vec<u8>, positions: Option<Positions>) -> Self {
        let name = name.to_owned();
        let tree = Input { name: name.clone(), path: path.to_path_buf(), dtb, positions, base: None };
        Self { name, tree: Ok(tree) }
    }
}

/// A file, read.
#[derive(Clone, Debug)]
pub struct Opened {
    /// How it holds its trees.
    pub container: Container,
    /// Its trees, in their order.
    pub trees: Vec<Loaded>,
}

/// Reads every tree of a file with all overlays applied: one, or several of a bundle (one a configuration)
/// or of a file with trees one after the other, alone or after a packed kernel. A file that cannot be read
/// is one entry, and a tree that cannot be read does not keep the others from being read.
#[must_use]
pub fn load(name: &Path, options: &Options) -> Vec<Loaded> {
    match open(name, options) {
        Ok(opened) => opened.trees,
        Err(failure) => vec![Loaded { name: name.display().to_string(), tree: Err(failure) }],
    }
}

/// Reads a file, and every tree of it with all overlays applied.
///
/// # Errors
/// When the file cannot be read. A tree of it that cannot be read is an entry.
pub fn open(name: &Path, options: &Options) -> Result<Opened, Failure> {
    // Overlays refer to the symbols of what they are applied to.
    let layers = &options.layers;
    let bare = options.bare && layers.is_empty();
    let Opened { mut container, trees } = open_plain(name, &Options { bare, ..options.clone() })?;
    let apply = |loaded: Loaded| Loaded { tree: loaded.tree.and_then(|tree| layers.apply(tree)), ..loaded };
    let trees: Vec<Loaded> = trees.into_iter().map(apply).collect();
    let has_base = |loaded: &Loaded| loaded.tree.as_ref().is_ok_and(|tree| tree.base.is_some());
    if !layers.is_empty() || trees.iter().any(has_base) {
        container = Container::Merged;
    }
    Ok(Opened { container, trees })
}

/// Compiles a source from memory in the place of the file `name`, as an editor has it, with all overlays
/// applied.
///
/// # Errors
/// When it does not compile, or an overlay cannot be applied.
pub fn load_text(name: &Path, text: &str, options: &Options) -> Result<Input, Failure> {
    let (dtb, positions) = source::compile(name, text.as_bytes(), Origin::Memory, options)?;
    let (path, name) = (name.to_path_buf(), name.display().to_string());
    options.layers.apply(Input { name, path, dtb, positions, base: None })
}

/// Reads every tree of a file that has other things besides a tree, as it is: overlays are not applied.
///
/// # Errors
/// When the file cannot be read, or is a tree and nothing else. A tree of it that cannot be read is an entry.
pub fn open_parts(name: &Path) -> Result<Vec<Loaded>, Failure> {
    let Opened { container, trees } = open_plain(name, &Options::default())?;
    match container {
        Container::Source { .. } => Err(Failure::of(name, "this is source")),
        Container::Blob { rest } if rest.is_empty() => Err(Failure::of(name, "this is one device tree")),
        _ => Ok(trees),
    }
}

/// Reads every tree of a file, without overlays.
fn open_plain(name: &Path, options: &Options) -> Result<Opened, Failure> {
    let stdin = options.stdin.as_deref().filter(|stdin| is_stdin(name) || *stdin == name);
    let (name, origin) = stdin.map_or((name, Origin::File), |stdin| (stdin, Origin::Memory));
    let is_piped = is_stdin(name) || origin == Origin::Memory;
    let place = if is_piped { Path::new("-") } else { name };
    let mut bytes = files::read_limited(place, files::MAX_TREE + 1)?;
    if bytes.is_empty() {
        return Err(Failure::of(name, "the file is empty"));
    }
    if bytes.starts_with(&fdt::MAGIC.to_be_bytes()) {
        // The images of a bundle follow its tree; no other input may be so long.
        if bytes.len() as u64 > files::MAX_TREE && bundle::may_be_one(&bytes) {
            let rest = files::read_limited(place, fit::MAX_LEN as u64)?;
            // What was read of stdin does not come again.
            if is_piped { bytes.extend(rest) } else { bytes = rest }
        }
        if let Some((trees, images)) = bundle::trees(name, &bytes, options.board.as_deref())? {
            return Ok(Opened { container: Container::Bundle { bytes, images }, trees });
        }
    }
    if android::may_be_one(&bytes) {
        if bytes.len() as u64 > files::MAX_TREE {
            let rest = files::read_limited(place, fit::MAX_LEN as u64)?;
            if is_piped { bytes.extend(rest) } else { bytes = rest }
        }
        let trees = android::trees(name, &bytes);
        let trees = trees.map_err(|why| Failure::of(name, format!("an Android image: {why}")))?;
        return Ok(Opened { trees, container: Container::Android { bytes } });
    }
    if bytes.len() as u64 > files::MAX_TREE {
        return Err(Failure::of(name, "larger than 64 MiB: this is not a device tree"));
    }
    if let Some(ranges) = packed_kernel::trees(&bytes) {
        let ranges = ranges.map_err(|why| {
            let failure = Failure::of(name, format!("a packed kernel: {why}"));
            failure.with_help(magic::KERNEL)
        })?;
        let trees = numbered(name, &bytes, &ranges);
        return Ok(Opened { container: Container::Trees { bytes, ranges }, trees });
    }
    let shown = name.display().to_string();
    if let Some(ranges) = concatenated::split(&bytes) {
        let trees = numbered(name, &bytes, &ranges);
        return Ok(Opened { container: Container::Trees { bytes, ranges }, trees });
    }
    match Kind::of(name, &bytes) {
        Kind::Source => {
            let (dtb, positions) = source::compile(name, &bytes, origin, options)?;
            let trees = vec![Loaded::new(&shown, name, dtb, positions)];
            return Ok(Opened { container: Container::Source { bytes }, trees });
        }
        Kind::Fragment => return Err(files::fragment(name)),
        Kind::Other => {}
    }
    if let Some(failure) = magic::refusal(name, &bytes) {
        return Err(failure);
    }
    let len = fdt::stated_len(&bytes).unwrap_or(bytes.len());
    let container = Container::Blob { rest: bytes.get(len..).unwrap_or_default().to_vec() };
    Ok(Opened { container, trees: vec![Loaded::new(&shown, name, bytes, None)] })
}

/// Returns the trees of a file that has several, each with its number.
fn numbered(name: &Path, bytes: &[u8], ranges: &[Range<usize>]) -> Vec<Loaded> {
    let blob = |(number, range): (usize, &Range<usize>)| {
        let dtb = bytes.get(range.clone()).unwrap_or_default().to_vec();
        Loaded::new(&format!("{}#{number}", name.display()), name, dtb, None)
    };
    (1..).zip(ranges).map(blob).collect()
}

/// Reads the one tree of a file.
///
/// # Errors
/// When it cannot be read, or the file has several.
pub fn load_one(name: &Path, options: &Options) -> Result<Input, Failure> {
    let Opened { container, mut trees } = open(name, options)?;
    match (trees.pop(), trees.is_empty()) {
        (Some(loaded), true) => loaded.tree,
        _ => {
            let name = name.display();
            let help = match container {
                Container::Bundle { .. } => {
                    format!("`ringfence unpack --configuration NAME {name} -o parts` extracts one")
                }
                _ => format!("`ringfence unpack {name} -o parts` extracts each"),
            };
            Err(Failure::new(format!("{name}: a file with several device trees")).with_help(help))
        }
    }
}

/// Reads the one tree of a file as a blob alone, a source compiled as an ordinary build does.
///
/// # Errors
/// As [`load_one`].
pub fn read(name: &Path) -> Result<Vec<u8>, Failure> {
    load_one(name, &Options { bare: true, ..Options::default() }).map(|input| input.dtb)
}
