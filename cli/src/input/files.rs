//! Finds and reads the files that the user named.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use ringfence::fdt;
use ringfence::fit::{self, Fit};
use ringfence::kernel_image::{HEADER_LEN, Header};

use crate::failure::Failure;

/// Largest file read as a device tree. What is larger is none, and need not be held in memory to say so.
pub(super) const MAX_TREE: u64 = ringfence::fdt::MAX_SIZE as u64;

/// Finds all inputs under the names given: files as they are, directories walked for `.dtb`, `-` for stdin.
/// The order is the user's, and by name within a directory. A name that leads nowhere, or to a directory
/// without trees, is an entry with its failure.
///
/// # Errors
/// When stdin is named twice.
pub fn gather(names: &[PathBuf]) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    if names.iter().filter(|name| is_stdin(name)).count() > 1 {
        return Err(Failure::new("stdin is named twice, and can be read once"));
    }
    for name in names {
        let unreadable = |failure| Found { path: name.clone(), failure: Some(failure) };
        let readable = |path: PathBuf| Found { path, failure: None };
        match fs::metadata(name) {
            _ if is_stdin(name) => found.push(readable(name.clone())),
            Err(error) => found.push(unreadable(Failure::of(name, describe(&error)))),
            Ok(meta) if meta.is_dir() => match walk(name) {
                Ok(paths) => found.extend(paths.into_iter().map(readable)),
                Err(failure) => found.push(unreadable(failure)),
            },
            Ok(_) => found.push(readable(name.clone())),
        }
    }
    Ok(found)
}

/// An input that was named, or found in a directory.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its path.
    pub path: PathBuf,
    /// Why there is nothing to read.
    pub failure: Option<Failure>,
}

fn walk(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(directory).sort_by_file_name() {
        let entry = entry.map_err(|error| Failure::of(directory, error))?;
        // Links to trees count; those to directories are not followed, for they may lead round in circles.
        let is_file = |kind: fs::FileType| kind.is_file() || (kind.is_symlink() && entry.path().is_file());
        if entry.path().extension().is_some_and(|ext| ext == "dtb") && is_file(entry.file_type()) {
            found.push(entry.into_path());
        }
    }
    if found.is_empty() {
        return Err(Failure::of(directory, "no .dtb in this directory")
            .with_help("sources may need include paths, so a .dts is read only when it is named itself"));
    }
    Ok(found)
}

/// Reads a file of any size, or stdin.
///
/// # Errors
/// When it cannot be read.
pub fn read_any(name: &Path) -> Result<Vec<u8>, Failure> {
    read_limited(name, u64::MAX)
}

/// Reads a bundle, alone or appended to a stage: the offset in bytes where it starts, and the bytes from
/// there on.
///
/// # Errors
/// When it cannot be read, is longer than a bundle can be, or is none.
pub fn read_bundle(name: &Path) -> Result<(u64, Vec<u8>), Failure> {
    let none = || {
        Failure::of(name, "not a bundle: neither a FIT image nor a stage with one appended")
            .with_help("`ringfence pack` makes one")
    };
    let is_tree = |bytes: &[u8]| bytes.starts_with(&fdt::MAGIC.to_be_bytes());
    if !is_stdin(name) {
        // What is none shall not be read to its end first.
        let start = read_limited(name, HEADER_LEN as u64)?;
        if !is_tree(&start) && Header::parse(&start).is_err() {
            return Err(none());
        }
    }
    let too_large = || Failure::of(name, "larger than 2 GiB: this is not a bundle");
    if fs::metadata(name).is_ok_and(|meta| meta.len() > fit::MAX_LEN as u64) {
        return Err(too_large());
    }
    let mut bytes = read_limited(name, fit::MAX_LEN as u64 + 1)?;
    if bytes.len() > fit::MAX_LEN {
        return Err(too_large());
    }
    if is_tree(&bytes) {
        return Ok((0, bytes));
    }
    Header::parse(&bytes).map_err(|_| none())?;
    let magic = fdt::MAGIC.to_be_bytes();
    // The stage's own size gave way to that of the whole; both are whole pages.
    let starts = memchr::memmem::find_iter(&bytes, &magic).filter(|at| at % 4096 == 0);
    let starts: Vec<usize> = starts.collect();
    let found = starts.into_iter().find(|&at| Fit::parse(bytes.get(at..).unwrap_or_default()).is_ok());
    let at = found.ok_or_else(none)?;
    Ok((at as u64, bytes.split_off(at)))
}

/// Reads at most `limit` bytes.
pub(super) fn read_limited(name: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let failure = |error: std::io::Error| Failure::of(name, describe(&error));
    let mut bytes = Vec::new();
    let reader: Box<dyn Read> = match is_stdin(name) {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(fs::File::open(name).map_err(failure)?),
    };
    reader.take(limit).read_to_end(&mut bytes).map_err(failure)?;
    Ok(bytes)
}

/// Tells whether a name stands for stdin or stdout.
#[must_use]
pub fn is_stdin(name: &Path) -> bool {
    name.as_os_str() == "-"
}

/// Describes an I/O error without its number.
pub(super) fn describe(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_string(),
        std::io::ErrorKind::PermissionDenied => "no permission to read it".to_string(),
        std::io::ErrorKind::IsADirectory => "this is a directory".to_string(),
        _ => error.to_string(),
    }
}
