//! Overlays: the tree that is judged is the one that the kernel will see, with all of them applied.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memchr::memmem;
use ringfence::fdt::{Blob, Node, Tree, apply_overlay, is_overlay};

use super::{Input, Options, Positions, open_plain};
use crate::failure::Failure;

/// What is laid below and above each input, read once for all of them.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// The base that the command line names: every input is an overlay then.
    base: Option<Arc<Layer>>,
    /// Knows the base of an input that is an overlay, where the command line names none.
    bases: Option<Arc<dyn Bases>>,
    overlays: Arc<[Layer]>,
    /// The loader's tree is merged into each input later, when its policy is known.
    is_merged: bool,
}

/// What knows the bases of overlays.
pub trait Bases: Debug + Send + Sync {
    /// Returns the base of the overlay at `path`, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    fn base(&self, path: &Path) -> Result<Option<Arc<Layer>>, Failure>;
}

/// A tree that is laid below or above another.
#[derive(Clone, Debug)]
pub struct Layer {
    path: PathBuf,
    blob: Vec<u8>,
    positions: Option<Positions>,
}

impl Layer {
    /// Reads a base. `includes` are the directories for what it includes.
    ///
    /// # Errors
    /// When it cannot be read, or is an overlay itself.
    pub fn base(path: &Path, includes: Vec<PathBuf>) -> Result<Self, Failure> {
        let base = Self::read(path, includes)?;
        if is_overlay(&Tree::parse(&base.blob).map_err(|error| Failure::of(path, error))?) {
            return Err(Failure::of(path, "this is an overlay itself and cannot be the base")
                .with_help("give the whole tree as the base, and further overlays with --overlay"));
        }
        Ok(base)
    }

    fn read(path: &Path, includes: Vec<PathBuf>) -> Result<Self, Failure> {
        let Input { dtb, positions, .. } = read_one(path, includes)?;
        Ok(Self { path: path.to_path_buf(), blob: dtb, positions })
    }

    /// Returns the blob.
    #[must_use]
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }
}

impl Layers {
    /// Reads a base for inputs that are overlays, and overlays to be applied to every input. `includes` gives
    /// the directories for what a file includes.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn read(
        base: Option<&Path>,
        overlays: &[PathBuf],
        includes: impl Fn(&Path) -> Result<Vec<PathBuf>, Failure>,
    ) -> Result<Self, Failure> {
        let base = base.map(|path| Layer::base(path, includes(path)?)).transpose()?.map(Arc::new);
        let read = |path: &PathBuf| Layer::read(path, includes(path)?);
        let overlays = overlays.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { base, bases: None, overlays, is_merged: false })
    }

    /// Asks for the base of an overlay, unless the command line names one for all.
    #[must_use]
    pub fn or_bases(&self, bases: Arc<dyn Bases>) -> Self {
        Self { bases: self.base.is_none().then_some(bases), ..self.clone() }
    }

    /// Notes that another tree is merged into each input later.
    #[must_use]
    pub fn merged(self, is_merged: bool) -> Self {
        Self { is_merged, ..self }
    }

    /// Tells whether an input that is a whole tree is judged as it is: no base that wants an overlay, no
    /// overlay, nothing merged into it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.overlays.is_empty() && !self.is_merged
    }

    /// Turns what was read into the tree that the kernel will see.
    ///
    /// # Errors
    /// When the input is an overlay without a base, or an overlay cannot be applied.
    pub(super) fn apply(&self, mut input: Input) -> Result<Input, Failure> {
        let named_overlay = input.path.extension().is_some_and(|ext| ext == "dtbo" || ext == "dtso");
        // Few trees hold this name, and the search costs less than to parse.
        if named_overlay || memmem::find(&input.dtb, b"__overlay__\0").is_some() {
            let tree = Tree::parse(&input.dtb).map_err(|error| Failure::of(&input.path, error))?;
            if named_overlay || is_overlay(&tree) {
                let base = self.base_of(&input.path)?;
                let lower = (base.blob.as_slice(), base.positions.clone());
                let (dtb, positions) = laid_over(lower, &input.dtb, input.positions.as_ref(), &input.path)?;
                (input.dtb, input.positions) = (dtb, positions);
                input.base = Some(base.path.clone());
                return self.finish(input);
            }
        }
        if self.base.is_some() {
            return Err(Failure::of(&input.path, "a whole tree, which --base cannot be put under")
                .with_help("apply overlays to it with --overlay"));
        }
        self.finish(input)
    }

    fn base_of(&self, overlay: &Path) -> Result<Arc<Layer>, Failure> {
        let known = match &self.bases {
            Some(bases) => bases.base(overlay)?,
            None => self.base.clone(),
        };
        known.ok_or_else(|| {
            Failure::of(overlay, "an overlay alone has no memory map").with_help(
                "name the tree that it is applied to: --base BASE.dtb, or `base` in ringfence.toml",
            )
        })
    }

    fn finish(&self, mut input: Input) -> Result<Input, Failure> {
        for overlay in self.overlays.iter() {
            let lower = (input.dtb.as_slice(), input.positions.take());
            let upper = overlay.positions.as_ref();
            (input.dtb, input.positions) = laid_over(lower, &overlay.blob, upper, &overlay.path)?;
        }
        // Of what another tree replaces, the source no longer says where it is.
        input.positions = input.positions.filter(|_| !self.is_merged);
        Ok(input)
    }
}

/// Reads an overlay, compiled or not.
///
/// # Errors
/// When it cannot be read.
pub fn read_overlay(path: &Path) -> Result<Vec<u8>, Failure> {
    let blob = read_one(path, Vec::new())?.dtb;
    // Padding that a loader may leave is not part of it.
    let blob = Blob::check(&blob).map_err(|error| Failure::of(path, error))?;
    Ok(blob.bytes().to_vec())
}

fn read_one(path: &Path, includes: Vec<PathBuf>) -> Result<Input, Failure> {
    let options = Options { includes, ..Options::default() };
    let mut trees = open_plain(path, &options)?.trees;
    match (trees.pop(), trees.is_empty()) {
        (Some(loaded), true) => loaded.tree,
        _ => Err(Failure::of(path, "a file with several device trees")),
    }
}

/// Applies an overlay, and returns the tree with the places of all that has a source.
fn laid_over(
    (lower, mut positions): (&[u8], Option<Positions>),
    overlay: &[u8],
    upper: Option<&Positions>,
    path: &Path,
) -> Result<(Vec<u8>, Option<Positions>), Failure> {
    let dtb = apply(lower, overlay, path)?;
    if let Some(upper) = upper
        && let (Ok(base), Ok(overlay)) = (Tree::parse(lower), Tree::parse(overlay))
    {
        positions.get_or_insert_default().extend(upper.clone().moved(&targets(&base, &overlay)));
    }
    Ok((dtb, positions))
}

/// Returns the path of what each fragment of an overlay holds, and that of the node it goes to.
fn targets(base: &Tree<'_>, overlay: &Tree<'_>) -> Vec<(String, String)> {
    let label = |fragment: &str| {
        let place = format!("{fragment}:target:0");
        let fixups = overlay.find("/__fixups__")?;
        fixups.props().find(|prop| prop.strings().any(|text| text == place)).map(|prop| prop.name)
    };
    let symbols = base.find("/__symbols__");
    let target = |fragment: &Node<'_, '_>| match fragment.prop("target-path") {
        Some(path) => path.as_str().map(str::to_owned),
        None => Some(symbols?.prop(label(&fragment.path())?)?.as_str()?.to_owned()),
    };
    let fragments = overlay.root().children().filter(|fragment| fragment.child("__overlay__").is_some());
    fragments
        .filter_map(|fragment| Some((format!("{}/__overlay__", fragment.path()), target(&fragment)?)))
        .collect()
}

/// Applies an overlay that was read from `path`.
///
/// # Errors
/// When one of the two is not a tree, or the overlay cannot be applied.
pub fn apply(base: &[u8], overlay: &[u8], path: &Path) -> Result<Vec<u8>, Failure> {
    let read = |bytes| Tree::parse(bytes).map_err(|error| Failure::of(path, error));
    apply_overlay(&read(base)?, &read(overlay)?).map_err(|error| Failure::of(path, error))
}
