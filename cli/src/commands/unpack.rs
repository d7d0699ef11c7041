//! `ringfence show` and `ringfence unpack`: the contents of a bundle.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use ringfence::fdt::{Blob, Tree, is_overlay};
use ringfence::fit::{Config, Fit, Image};
use ringfence::kernel_image::Header;
use ringfence::packing::{Packing, Stream};
use ringfence::payload::PayloadError;
use serde::Serialize;

use super::Outcome;
use crate::args::{Plain, Show, Unpack};
use crate::failure::{Failure, io};
use crate::input::{self, Input};
use crate::terminal::style::{BOLD, DIM, ERROR, WARNING};
use crate::terminal::text::{self, printable};
use crate::{terminal, write_out};

/// Maximum number of configurations: each costs a walk over all images.
const MAX_SHOWN: usize = 1024;

/// A bundle as `show` prints it. All text comes from the bundle, and is not trusted.
#[derive(Serialize)]
struct BundleJson {
    schema: u32,
    path: String,
    /// Offset in bytes of the bundle in the file, when it is appended to a stage.
    offset: u64,
    configurations: Vec<Configuration>,
}

#[derive(Serialize)]
struct Configuration {
    name: String,
    default: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    images: Vec<ImageOf>,
    /// Ramdisks that the stage does not use, because there is one before them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unused_ramdisks: Vec<String>,
}

#[derive(Clone, Serialize)]
struct ImageOf {
    role: &'static str,
    name: String,
    /// Offset in bytes from the bundle's start.
    offset: u64,
    size: u64,
    compression: String,
    hashes: Vec<&'static str>,
    /// Why the stage would refuse it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(super) fn show(args: &Show) -> Result<Outcome, Failure> {
    let (offset, bytes) = input::read_bundle(&args.bundle)?;
    let failure = |error| Failure::of(&args.bundle, error);
    let fit = Fit::parse(&bytes).map_err(failure)?;
    let default = fit.choose(&[]).ok();
    let mut seen = HashMap::new();
    let mut configurations = Vec::new();
    let names = fit.configurations().map_err(failure)?;
    if names.len() > MAX_SHOWN {
        return Err(Failure::of(&args.bundle, format!("too many configurations ({})", names.len())));
    }
    for name in names {
        let default = default.as_ref() == Some(&name);
        configurations.push(match fit.configuration(&name) {
            Ok(config) => {
                let images = roles(&config).map(|(role, image)| described(role, image, &mut seen)).collect();
                Configuration { name, default, error: None, images, unused_ramdisks: config.further_ramdisks }
            }
            Err(error) => {
                let error = Some(error.to_string());
                Configuration { name, default, error, images: Vec::new(), unused_ramdisks: Vec::new() }
            }
        });
    }
    let shown = BundleJson { schema: 1, path: args.bundle.display().to_string(), offset, configurations };
    terminal::out(&match args.format {
        Plain::Human => human(&shown),
        Plain::Json => text::json(&shown),
    })?;
    let sound = |configuration: &Configuration| {
        configuration.error.is_none() && configuration.images.iter().all(|image| image.error.is_none())
    };
    Ok(if shown.configurations.iter().all(sound) { Outcome::Clean } else { Outcome::Unusable })
}

/// Returns the images of a configuration with what they are for.
fn roles<'c, 'a>(config: &'c Config<'a>) -> impl Iterator<Item = (&'static str, &'c Image<'a>)> {
    let one = [
        ("kernel", Some(&config.kernel)),
        ("initrd", config.ramdisk.as_ref()),
        ("policy", config.policy.as_ref()),
        ("dtb", config.fdt.as_ref()),
    ];
    let one = one.into_iter().filter_map(|(role, image)| Some((role, image?)));
    one.chain(config.overlays.iter().map(|image| ("overlay", image)))
}

/// Describes an image. Configurations share images, and each is hashed once.
fn described(role: &'static str, image: &Image<'_>, seen: &mut HashMap<String, Option<String>>) -> ImageOf {
    let verify = || image.verify().err().map(|error| error.to_string());
    let damage = seen.entry(image.name.clone()).or_insert_with(verify).clone();
    let label = image.foreign.as_deref().or(image.packing.map(Packing::name));
    ImageOf {
        role,
        name: image.name.clone(),
        offset: image.data_offset,
        size: image.data.len() as u64,
        compression: label.unwrap_or("none").to_owned(),
        hashes: image.hashes.iter().map(|hash| hash.algorithm.name()).collect(),
        error: damage.or_else(|| refusal(role, image)),
    }
}

/// Returns why the stage refuses an image whose hashes are right.
fn refusal(role: &str, image: &Image<'_>) -> Option<String> {
    // A ramdisk is passed on as it is.
    if role == "initrd" {
        return None;
    }
    if let Err(why) = image.check_label() {
        return Some(why.to_string());
    }
    match (role, image.packing) {
        ("kernel", _) => match Stream::find(image.data) {
            Ok(Some(_)) => None,
            Ok(None) => Header::parse(image.data).err().map(|why| PayloadError::from(why).to_string()),
            Err(why) => Some(PayloadError::from(why).to_string()),
        },
        (_, Some(packing)) => {
            Some(PayloadError::PackedImage { image: image.name.clone(), packing }.to_string())
        }
        (_, None) => None,
    }
}

fn human(shown: &BundleJson) -> String {
    let mut out = String::new();
    if shown.offset > 0 {
        out += &format!("{DIM}appended to a stage, at offset {:#x} of the file{DIM:#}\n", shown.offset);
    }
    for configuration in &shown.configurations {
        let default = if configuration.default { " (default)" } else { "" };
        out += &format!("{BOLD}{}{BOLD:#}{default}\n", printable(&configuration.name));
        if let Some(error) = &configuration.error {
            out += &format!("  {ERROR}{}{ERROR:#}\n", printable(error));
        }
        for image in &configuration.images {
            let packed = match image.compression.as_str() {
                "none" => String::new(),
                packing => format!(" {}", printable(packing)),
            };
            let verdict = match &image.error {
                None => format!("{} ok", image.hashes.join(", ")),
                Some(error) => format!("{ERROR}{}{ERROR:#}", printable(error)),
            };
            out += &format!(
                "  {:#010x} {:>10} bytes  {:7} {}{packed}: {verdict}\n",
                image.offset,
                image.size,
                image.role,
                printable(&image.name)
            );
        }
        for unused in &configuration.unused_ramdisks {
            out += &format!(
                "  {WARNING}not used{WARNING:#}: {}, because a ramdisk is before it\n",
                printable(unused)
            );
        }
    }
    out
}

pub(super) fn unpack(args: &Unpack) -> Result<Outcome, Failure> {
    let failure = |error| Failure::of(&args.bundle, error);
    let read = input::read_bundle(&args.bundle);
    let read = read.and_then(|(_, bytes)| Fit::parse(&bytes).map(|_| ()).map_err(failure).map(|()| bytes));
    let bytes = match read {
        Ok(bytes) => bytes,
        // What was read of stdin does not come again.
        Err(failure) if input::is_stdin(&args.bundle) => return Err(failure),
        Err(failure) => return trees(args, failure),
    };
    let fit = Fit::parse(&bytes).map_err(failure)?;
    let config = match &args.configuration {
        None => fit.select(&[]).map_err(failure)?,
        Some(wanted) => {
            let names = fit.configurations().map_err(failure)?;
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            if !names.contains(&wanted.as_str()) {
                return Err(Failure::of(&args.bundle, format!("no configuration `{wanted}`"))
                    .with_help(crate::suggest::question(wanted, &names)));
            }
            fit.configuration(wanted).map_err(failure)?
        }
    };
    // Files are named by their role: a name from the bundle could be any path.
    let mut overlays = 0;
    let files: Vec<_> = roles(&config)
        .map(|(role, image)| {
            let name = match (role, image.packing) {
                ("kernel", Some(packing)) => format!("Image.{}", packing.extension()),
                ("kernel", None) => "Image".to_string(),
                ("initrd", _) => "initrd.img".to_string(),
                ("policy", _) => "board.policy".to_string(),
                ("dtb", _) => "board.dtb".to_string(),
                _ => {
                    overlays += 1;
                    format!("overlay-{overlays}.dtbo")
                }
            };
            (args.output.join(name), image)
        })
        .collect();
    for (_, image) in &files {
        image.verify().map_err(failure)?;
    }
    write(&args.output, files.iter().map(|(file, image)| (file.as_path(), image.data)))?;
    Ok(Outcome::Clean)
}

/// Extracts the trees of a file that is not a bundle: an Android image, or several trees in a row.
fn trees(args: &Unpack, no_bundle: Failure) -> Result<Outcome, Failure> {
    let trees = match input::open_parts(&args.bundle) {
        Ok(trees) => trees,
        // Why an Android image has no trees says more.
        Err(failure) if failure.message().contains("Android image") => return Err(failure),
        Err(_) => return Err(no_bundle),
    };
    if let Some(name) = &args.configuration {
        return Err(Failure::of(&args.bundle, format!("has trees and no configuration `{name}`")));
    }
    let trees = trees.into_iter().map(|loaded| loaded.tree).collect::<Result<Vec<_>, _>>()?;
    if !trees.iter().any(|tree| Tree::parse(&tree.dtb).is_ok()) {
        return Err(no_bundle);
    }
    let name = |(number, tree): (usize, &Input)| {
        let is_overlay = Tree::parse(&tree.dtb).is_ok_and(|tree| is_overlay(&tree));
        args.output.join(format!("tree-{number}.{}", if is_overlay { "dtbo" } else { "dtb" }))
    };
    let names: Vec<_> = (1..).zip(&trees).map(name).collect();
    let len = |dtb: &[u8]| Blob::check(dtb).map_or(dtb.len(), |blob| blob.bytes().len());
    let blobs = trees.iter().map(|tree| tree.dtb.get(..len(&tree.dtb)).unwrap_or_default());
    write(&args.output, names.iter().map(PathBuf::as_path).zip(blobs))?;
    Ok(Outcome::Clean)
}

/// Writes files to a directory, or none when one of them exists.
fn write<'f>(
    directory: &Path,
    files: impl Iterator<Item = (&'f Path, &'f [u8])> + Clone,
) -> Result<(), Failure> {
    for (file, _) in files.clone() {
        if fs::symlink_metadata(file).is_ok() {
            return Err(Failure::of(file, "exists already; nothing was written")
                .with_help("use another directory with -o DIR"));
        }
    }
    make(directory)?;
    for (file, data) in files {
        write_out::write(file, data)?;
        terminal::out(&format!("{} ({} bytes)\n", file.display(), data.len()))?;
    }
    Ok(())
}

fn make(directory: &Path) -> Result<(), Failure> {
    fs::create_dir_all(directory)
        .map_err(|error| Failure::of(directory, format!("cannot create the directory: {}", io(&error))))
}
