//! A bundle with other device trees in it: all other images, their order and their data stay as they are, and
//! the hashes match again.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use ringfence::fdt::{Edits, Node, Tree, rewrite};
use ringfence::fit::{Fit, Image};
use ringfence::packing::Packing;
use sha2::{Digest, Sha256};

/// Alignment in bytes of a tree that is put at the end: Linux reads trees at 8-byte boundaries only.
const ALIGN: usize = 8;

/// Returns the bundle with new trees. `images` has the names of the images of each tree, `trees` what
/// changed.
///
/// # Errors
/// A sentence, when a tree cannot go back into the bundle.
pub(super) fn repack(
    bundle: &[u8],
    images: &[Vec<String>],
    trees: &[Option<Vec<u8>>],
) -> Result<Vec<u8>, String> {
    let mut new = BTreeMap::new();
    for (names, tree) in images.iter().zip(trees) {
        let [name] = names.as_slice() else {
            match tree {
                None => continue,
                Some(_) => return Err("a tree with overlays cannot go back into its images".to_owned()),
            }
        };
        // One image can be in several configurations: it can have one content only.
        let before = new.insert(name.as_str(), tree.as_deref());
        if before.is_some_and(|before| before != tree.as_deref()) {
            return Err(format!("configurations that share image `{name}` need different trees"));
        }
    }
    let changed = new.into_iter().filter_map(|(name, tree)| Some((name, tree?)));
    changed.into_iter().try_fold(bundle.to_vec(), |bundle, (name, tree)| replace(&bundle, name, tree))
}

/// Replaces the data of one image.
fn replace(bundle: &[u8], name: &str, tree: &[u8]) -> Result<Vec<u8>, String> {
    let fit = Fit::parse(bundle).map_err(|error| error.to_string())?;
    let blob = Tree::parse(bundle).map_err(|error| error.to_string())?;
    let node = blob.find(&format!("/images/{name}")).ok_or_else(|| format!("no image `{name}`"))?;
    if blob.nodes().any(|node| node.has_base_name("signature") || node.name().starts_with("signature-")) {
        return Err("the bundle is signed, and a repair would make its signature wrong".to_owned());
    }
    let trees = fit.device_trees().map_err(|error| error.to_string())?;
    let mut all = trees.into_iter().flat_map(|(_, images)| images);
    let image = all.find(|image| image.name == name).ok_or_else(|| format!("no image `{name}`"))?;
    let data = packed(&image, tree)?;
    let mut edits = Edits::new();
    for hash in node.children().filter(|node| node.name().starts_with("hash")) {
        edits.set(hash.id(), "value", digest(hash, &data)?);
    }
    if node.has_prop("data") {
        edits.set(node.id(), "data", data);
        return inline(bundle, &blob, &edits);
    }
    external(bundle, &blob, node, &image, &data, edits)
}

/// Returns the data of an image whose bytes are in the tree: what follows the tree moves with its end.
fn inline(bundle: &[u8], tree: &Tree<'_>, edits: &Edits) -> Result<Vec<u8>, String> {
    let mut out = rewrite(tree, edits).map_err(|error| error.to_string())?;
    let end = |len: usize| len.next_multiple_of(4);
    let (old_end, new_end) = (end(tree.blob().bytes().len()), end(out.len()));
    let rest = bundle.get(old_end..).unwrap_or_default();
    if !rest.is_empty() {
        let absolute = tree.nodes().any(|node| node.has_prop("data-position"));
        if absolute && new_end != old_end {
            return Err("other images are at fixed positions, and the tree has no room to grow".to_owned());
        }
        out.resize(new_end, 0);
        out.extend(rest);
    }
    Ok(out)
}

/// Returns the data of an image whose bytes follow the tree: they stay in their place while they fit, and
/// else go to the end of the file.
fn external(
    bundle: &[u8],
    tree: &Tree<'_>,
    node: Node<'_, '_>,
    image: &Image<'_>,
    data: &[u8],
    mut edits: Edits,
) -> Result<Vec<u8>, String> {
    let mut out = bundle.to_vec();
    let start = usize::try_from(image.data_offset).map_err(|error| error.to_string())?;
    let old_end = start + image.data.len();
    let free = gap(tree, bundle, old_end)?;
    let start = if data.len() <= image.data.len() + free {
        out.get_mut(start..old_end).unwrap_or_default().fill(0);
        start
    } else {
        let end = out.len().next_multiple_of(ALIGN);
        let property = if node.has_prop("data-position") { "data-position" } else { "data-offset" };
        let base =
            if property == "data-position" { 0 } else { tree.blob().bytes().len().next_multiple_of(4) };
        edits.set(node.id(), property, number(end - base)?);
        end
    };
    edits.set(node.id(), "data-size", number(data.len())?);
    if out.len() < start + data.len() {
        out.resize(start + data.len(), 0);
    }
    out.iter_mut().skip(start).zip(data).for_each(|(to, byte)| *to = *byte);
    // All values keep their width. Other packers leave room in the tree, which the others' offsets count on.
    let mut rewritten = rewrite(tree, &edits).map_err(|error| error.to_string())?;
    let len = tree.blob().bytes().len();
    if rewritten.len() > len {
        return Err("its description would become longer".to_owned());
    }
    rewritten.resize(len, 0);
    if let Some(size) = rewritten.get_mut(4..8) {
        size.copy_from_slice(&number(len)?);
    }
    out.iter_mut().zip(&rewritten).for_each(|(to, byte)| *to = *byte);
    Ok(out)
}

/// Returns the bytes after `end` that belong to no image: up to the next one, or to the end of the file.
fn gap(tree: &Tree<'_>, bundle: &[u8], end: usize) -> Result<usize, String> {
    let base = tree.blob().bytes().len().next_multiple_of(4);
    let mut next = bundle.len();
    for node in tree.nodes() {
        let value = |name| node.prop(name).and_then(|prop| prop.as_u32()).map(|value| value as usize);
        let start = value("data-position").or(value("data-offset").map(|offset| base.saturating_add(offset)));
        if let Some(start) = start.filter(|&start| start >= end) {
            next = next.min(start);
        }
    }
    Ok(next.saturating_sub(end))
}

/// Returns the tree as the image had it: packed in the same way.
fn packed(image: &Image<'_>, tree: &[u8]) -> Result<Vec<u8>, String> {
    match image.packing {
        None => Ok(tree.to_vec()),
        Some(Packing::Gzip) => {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
            gzip.write_all(tree).and_then(|()| gzip.finish()).map_err(|error| error.to_string())
        }
        Some(packing) => Err(format!(
            "image `{}` is packed with {}, which is not written here",
            image.name,
            packing.name()
        )),
    }
}

fn digest(hash: Node<'_, '_>, data: &[u8]) -> Result<Vec<u8>, String> {
    match hash.prop("algo").and_then(|prop| prop.as_str()) {
        Some("sha256") => Ok(Sha256::digest(data).to_vec()),
        Some("crc32") => {
            let mut crc = flate2::Crc::new();
            crc.update(data);
            Ok(crc.sum().to_be_bytes().to_vec())
        }
        other => Err(format!("hash algorithm `{}` is not known", other.unwrap_or_default())),
    }
}

fn number(value: usize) -> Result<Vec<u8>, String> {
    let value = u32::try_from(value).map_err(|_| "the bundle would be larger than 4 GiB".to_owned())?;
    Ok(value.to_be_bytes().to_vec())
}
