//! The device trees of a bundle (a FIT image), one a configuration.

use std::collections::HashMap;
use std::path::Path;

use ringfence::fit::{Fit, FitError, Image};
use ringfence::packing::Stream;

use super::files::MAX_TREE;
use super::{Loaded, apply};
use crate::failure::Failure;

/// Most bytes of device trees out of one bundle. A few bytes of a damaged one could ask for terabytes, by
/// naming one image in thousands of configurations.
const MAX_ALL: u64 = 64 << 20;

/// Returns the trees of a bundle by configuration, or `None` when the bytes are not a bundle. With the names
/// of a board, only the tree of the configuration that the stage boots there is returned. Every image of a
/// configuration whose hash does not match makes that configuration unreadable, as it does for the stage.
///
/// # Errors
/// When it is a damaged bundle, one without any tree, or one that the stage refuses on this board.
pub(super) fn trees(path: &Path, bytes: &[u8], board: Option<&[String]>) -> Result<Option<Trees>, Failure> {
    if !may_be_one(bytes) {
        return Ok(None);
    }
    let fit = match Fit::parse(bytes) {
        Ok(fit) => fit,
        // The parser of device trees reports what is wrong with it.
        Err(FitError::Tree(_) | FitError::NotAFit { .. }) => return Ok(None),
        Err(error) => return Err(Failure::of(path, error)),
    };
    let chosen = board.map(|board| fit.choose(&board.iter().map(String::as_str).collect::<Vec<_>>()));
    let chosen = chosen.transpose().map_err(|error| Failure::of(path, error))?;
    let is_asked = |config: &str| chosen.as_deref().is_none_or(|chosen| chosen == config);
    let (mut out, mut names, mut all, mut hashes) = (Vec::new(), Vec::new(), 0, Hashes::new());
    let trees = fit.device_trees().map_err(|error| Failure::of(path, error))?;
    for (config, images) in trees.into_iter().filter(|(config, _)| is_asked(config)) {
        let name = format!("{}#{config}", path.display());
        // A configuration without a kernel has its trees only.
        let others = fit.configuration(&config).ok();
        let others = others.iter().flat_map(|config| config.images());
        let sound = images.iter().chain(others).try_for_each(|image| verified(image, &mut hashes));
        let tree = sound.map_err(|why| Failure::new(format!("{name}: {why}"))).and_then(|()| {
            let mut dtb = Vec::new();
            for (number, image) in images.iter().enumerate() {
                let blob = unpack(image).map_err(|why| Failure::new(format!("{name}: {why}")))?;
                dtb = match number {
                    0 => blob,
                    // The trees after the first one are overlays.
                    _ => apply(&dtb, &blob, Path::new(&format!("{name}/{}", image.name)))?,
                };
            }
            Ok(dtb)
        });
        all += tree.as_ref().map_or(0, |dtb| dtb.len() as u64);
        if all > MAX_ALL {
            return Err(Failure::of(path, "more than 64 MiB of device trees in one bundle"));
        }
        names.push(images.into_iter().map(|image| image.name).collect());
        out.push(match tree {
            Ok(dtb) => Loaded::new(&name, path, dtb, None),
            Err(failure) => Loaded { name, tree: Err(failure) },
        });
    }
    if let Some(chosen) = chosen.filter(|_| out.is_empty()) {
        let why = format!("configuration `{chosen}`, which is for this board, brings no device tree");
        return Err(Failure::of(path, why).with_help("give the loader's tree as INPUT"));
    }
    if out.is_empty() {
        return Err(Failure::of(path, "no configuration of this bundle brings a device tree"));
    }
    Ok(Some((out, names)))
}

/// Trees, and the names of the images that make up each of them.
type Trees = (Vec<Loaded>, Vec<Vec<String>>);

/// What is wrong with the hashes of images, by the image's offset: configurations share images.
type Hashes = HashMap<u64, Option<String>>;

fn verified(image: &Image<'_>, hashes: &mut Hashes) -> Result<(), String> {
    let verify = || image.verify().err().map(|error| error.to_string());
    // An image without a hash is accepted here: other loaders boot it.
    let checked = || if image.hashes.is_empty() { None } else { verify() };
    hashes.entry(image.data_offset).or_insert_with(checked).clone().map_or(Ok(()), Err)
}

/// Tells whether the start of a file may be one of a bundle. Most blobs are none, and this says so at the
/// speed of memory; a tree that is cut off here has a large image inside, as only bundles have.
pub(super) fn may_be_one(start: &[u8]) -> bool {
    let Some(&[a, b, c, d]) = start.get(4..8) else { return false };
    let tree = start.get(..u32::from_be_bytes([a, b, c, d]) as usize);
    tree.is_none_or(|tree| memchr::memmem::find(tree, b"configurations\0").is_some())
}

fn unpack(image: &Image<'_>) -> Result<Vec<u8>, String> {
    let Some(packing) = image.packing else { return Ok(image.data.to_vec()) };
    let stream = Stream { packing, bytes: image.data };
    ringfence_unpack::to_vec(stream, MAX_TREE).map_err(|_| {
        let (name, packing) = (&image.name, packing.name());
        format!("image {name}: the {packing} stream is damaged, or holds more than 64 MiB: no device tree")
    })
}
