//! The device trees of a bundle (a FIT image), one a configuration.

use std::path::Path;

use ringfence::fit::{Fit, FitError, Image};
use ringfence::packing::Stream;

use super::files::MAX_TREE;
use super::{Input, apply};
use crate::failure::Failure;

/// Most bytes of device trees out of one bundle. A few bytes of a damaged one could ask for terabytes, by
/// naming one image in thousands of configurations.
const MAX_ALL: u64 = 64 << 20;

/// Returns the trees of a bundle by configuration, or `None` when the bytes are not a bundle.
///
/// # Errors
/// When it is one, but a damaged one, or one without any tree.
pub(super) fn trees(path: &Path, bytes: &[u8]) -> Result<Option<Vec<Input>>, Failure> {
    if !may_be_one(bytes) {
        return Ok(None);
    }
    let fit = match Fit::parse(bytes) {
        Ok(fit) => fit,
        // The parser of device trees reports what is wrong with it.
        Err(FitError::Tree(_) | FitError::NotAFit { .. }) => return Ok(None),
        Err(error) => return Err(Failure::of(path, error)),
    };
    let (mut out, mut all) = (Vec::new(), 0);
    for (config, images) in fit.device_trees().map_err(|error| Failure::of(path, error))? {
        let name = format!("{}#{config}", path.display());
        let failure = |error| Failure::new(format!("{name}: {error}"));
        let mut dtb = Vec::new();
        for (number, image) in images.iter().enumerate() {
            let blob = unpack(image).map_err(failure)?;
            dtb = match number {
                0 => blob,
                // The trees after the first one are overlays.
                _ => apply(&dtb, &blob, Path::new(&format!("{name}/{}", image.name)))?,
            };
        }
        all += dtb.len() as u64;
        if all > MAX_ALL {
            return Err(Failure::of(path, "more than 64 MiB of device trees in one bundle"));
        }
        out.push(Input { name, path: path.to_path_buf(), dtb, positions: None });
    }
    if out.is_empty() {
        return Err(Failure::of(path, "no configuration of this bundle brings a device tree"));
    }
    Ok(Some(out))
}

/// Tells whether the start of a file may be one of a bundle. Most blobs are none, and this says so at the
/// speed of memory; a tree that is cut off here has a large image inside, as only bundles have.
pub(super) fn may_be_one(start: &[u8]) -> bool {
    let Some(&[a, b, c, d]) = start.get(4..8) else { return false };
    let tree = start.get(..u32::from_be_bytes([a, b, c, d]) as usize);
    tree.is_none_or(|tree| memchr::memmem::find(tree, b"configurations\0").is_some())
}

fn unpack(image: &Image<'_>) -> Result<Vec<u8>, String> {
    if !image.hashes.is_empty() {
        image.verify().map_err(|error| error.to_string())?;
    }
    let Some(packing) = image.packing else { return Ok(image.data.to_vec()) };
    let stream = Stream { packing, bytes: image.data };
    ringfence_unpack::to_vec(stream, MAX_TREE).map_err(|_| {
        let (name, packing) = (&image.name, packing.name());
        format!("image {name}: the {packing} stream is damaged, or holds more than 64 MiB: no device tree")
    })
}
