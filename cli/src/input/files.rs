//! Finds and reads the files that the user named.

use std::fs;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use ringfence::fdt;
use ringfence::fit::{self, Fit};
use ringfence::kernel_image::{HEADER_LEN, Header};
use ringfence::payload::MAX_KERNEL;

use super::record;
use crate::failure::{self, Failure};

/// Largest file read as a device tree. What is larger is none, and need not be held in memory to say so.
pub(super) const MAX_TREE: u64 = ringfence::fdt::MAX_SIZE as u64;

/// Which files of a directory are inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Whole trees.
    Trees,
    /// Overlays, which have a base.
    Overlays,
}

impl Wanted {
    /// Returns the endings of names: of blobs, and of sources, which count in directories without blobs.
    const fn endings(self) -> [&'static str; 2] {
        match self {
            Self::Trees => ["dtb", "dts"],
            Self::Overlays => ["dtbo", "dtso"],
        }
    }
}

/// Finds all inputs under the names given: files as they are, directories walked for trees, `-` for stdin.
/// The order is the user's, and by name within a directory. A name that leads nowhere, or to a directory
/// without trees, is an entry with its failure.
///
/// # Errors
/// When stdin is named twice.
pub fn gather(names: &[PathBuf], wanted: Wanted) -> Result<Vec<Found>, Failure> {
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
            Ok(meta) if meta.is_dir() => found.extend(walk(name, wanted)),
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

impl Found {
    /// Checks an input that a configuration names, as [`check_regular`].
    #[must_use]
    pub fn regular(self) -> Self {
        let failure = self.failure.or_else(|| check_regular(&self.path).err());
        Self { failure, ..self }
    }
}

/// Returns the trees in a directory and below, and what of it cannot be read.
fn walk(directory: &Path, wanted: Wanted) -> Vec<Found> {
    let [blob, source] = wanted.endings();
    let (mut blobs, mut sources, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    for entry in walkdir::WalkDir::new(directory).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().unwrap_or(directory).to_path_buf();
                let why = error.io_error().map_or_else(|| error.to_string(), describe);
                let failure = Some(Failure::of(&path, why));
                unreadable.push(Found { path, failure });
                continue;
            }
        };
        // Links to trees count; those to directories are not followed, for they may lead round in circles.
        let is_file = |kind: fs::FileType| kind.is_file() || (kind.is_symlink() && entry.path().is_file());
        let ending = entry.path().extension().and_then(|ending| ending.to_str());
        let list = match ending {
            Some(ending) if ending == blob => &mut blobs,
            Some(ending) if ending == source => &mut sources,
            _ => continue,
        };
        if is_file(entry.file_type()) {
            list.push(Found { path: entry.into_path(), failure: None });
        }
    }
    let mut found = if blobs.is_empty() { sources } else { blobs };
    found.append(&mut unreadable);
    if found.is_empty() {
        let why = format!("no .{blob} and no .{source} in this directory");
        let failure = Some(Failure::of(directory, why));
        found.push(Found { path: directory.to_path_buf(), failure });
    }
    found
}

/// Most sources that are named as the ones to give instead of a part of them.
const MAX_NAMED: usize = 3;

/// The failure of a file that is only a part of sources, with the sources beside it that include it.
pub(super) fn fragment(name: &Path) -> Failure {
    let failure = Failure::of(name, "a part of sources, which is no tree alone: it lacks /dts-v1/");
    let directory = name.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let quoted = name.file_name().map(|file| format!("\"{}\"", file.display())).unwrap_or_default();
    let includes = |path: &PathBuf| {
        let is_source = path.extension().is_some_and(|ending| ending == "dts" || ending == "dtso");
        is_source && memchr::memmem::find(&read_part(path), quoted.as_bytes()).is_some()
    };
    let beside = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut sources: Vec<PathBuf> = beside.filter(includes).collect();
    sources.sort();
    let named: Vec<String> = sources.iter().take(MAX_NAMED).map(|path| path.display().to_string()).collect();
    failure.with_help(match named.is_empty() {
        true => "check a .dts that includes it".to_owned(),
        false => format!("check a source that includes it: {}", named.join(", ")),
    })
}

/// Reads a file of any kind, or stdin.
///
/// # Errors
/// When it cannot be read, or has more than 2 GiB.
pub fn read_any(name: &Path) -> Result<Vec<u8>, Failure> {
    read_whole(name, fit::MAX_LEN as u64, "2 GiB")
}

/// Reads a file that begins as a flattened tree does, or stdin; nothing when it begins otherwise, which is
/// said without reading it all.
///
/// # Errors
/// When it cannot be read, or has more than 2 GiB.
pub fn read_if_tree(name: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let failure = |error: std::io::Error| Failure::of(name, describe(&error));
    let (mut bytes, mut reader) = (Vec::new(), open(name)?);
    let magic = fdt::MAGIC.to_be_bytes();
    (&mut reader).take(magic.len() as u64).read_to_end(&mut bytes).map_err(failure)?;
    if bytes != magic {
        return Ok(None);
    }
    reader.take(fit::MAX_LEN as u64).read_to_end(&mut bytes).map_err(failure)?;
    if bytes.len() > fit::MAX_LEN { Err(Failure::of(name, "larger than 2 GiB")) } else { Ok(Some(bytes)) }
}

/// Reads a file that holds what a processor runs, a kernel or firmware, packed or not, or stdin.
///
/// # Errors
/// When it cannot be read, or has more than 512 MiB.
pub fn read_image(name: &Path) -> Result<Vec<u8>, Failure> {
    read_whole(name, MAX_KERNEL, "512 MiB")
}

/// Returns the length in bytes of a file of any kind, or of stdin. What is not a regular file is read for it,
/// and not kept.
///
/// # Errors
/// When it cannot be read, is empty, or has more than 2 GiB.
pub fn length(name: &Path) -> Result<u64, Failure> {
    let reader = open(name)?;
    let stated = fs::metadata(name).ok().filter(|meta| meta.is_file() && !is_stdin(name));
    // Files of `/proc` have content, and no length.
    let len = match stated.map(|meta| meta.len()).filter(|&len| len > 0) {
        Some(len) => len,
        None => std::io::copy(&mut reader.take(fit::MAX_LEN as u64 + 1), &mut std::io::sink())
            .map_err(|error| Failure::of(name, describe(&error)))?,
    };
    match len {
        0 => Err(Failure::of(name, "the file is empty")),
        _ if len > fit::MAX_LEN as u64 => Err(Failure::of(name, "larger than 2 GiB")),
        _ => Ok(len),
    }
}

/// Reads a file that people write, such as a policy, or stdin.
///
/// # Errors
/// When it cannot be read, or has more than 64 MiB.
pub fn read_text(name: &Path) -> Result<Vec<u8>, Failure> {
    read_whole(name, MAX_TREE, "64 MiB")
}

fn read_whole(name: &Path, limit: u64, limit_text: &str) -> Result<Vec<u8>, Failure> {
    let too_large = || Failure::of(name, format!("larger than {limit_text}"));
    // Said without reading it all first.
    if fs::metadata(name).is_ok_and(|meta| meta.is_file() && meta.len() > limit) && !is_stdin(name) {
        return Err(too_large());
    }
    let bytes = read_limited(name, limit + 1)?;
    if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(bytes) }
}

/// Checks a file that another file names, and not the user, before it is opened: what keeps its reader
/// waiting or has no end is refused. A file that is not there is not: the reader says so.
///
/// # Errors
/// When it is a pipe, a socket or a device.
pub fn check_regular(path: &Path) -> Result<(), Failure> {
    match fs::metadata(path) {
        Ok(meta) if is_endless(path, meta.file_type()) => {
            Err(Failure::of(path, "not a regular file").with_help("copy its content to a file and name that"))
        }
        _ => Ok(()),
    }
}

/// The one device that ends at once.
const NULL: &str = "/dev/null";

/// Tells whether a file of this kind may keep its reader waiting, or have no end.
pub(super) fn is_endless(path: &Path, kind: fs::FileType) -> bool {
    kind.is_fifo() || kind.is_socket() || kind.is_char_device() && path != Path::new(NULL)
}

/// Reads a file that a source names, to be shown or searched. What is not a regular file, is too large or
/// cannot be read is empty: the compilers say so.
pub(super) fn read_part(path: &Path) -> Vec<u8> {
    let is_sound = fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_TREE);
    if is_sound { fs::read(path).unwrap_or_default() } else { Vec::new() }
}

/// Reads a file that is to be overwritten, which does not make it an input.
///
/// # Errors
/// When it cannot be read.
pub fn read_target(name: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(name).map_err(|error| Failure::of(name, describe(&error)))
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
    let mut bytes = Vec::new();
    let read = open(name)?.take(limit).read_to_end(&mut bytes);
    read.map_err(|error| Failure::of(name, describe(&error)))?;
    Ok(bytes)
}

/// Opens a file, or stdin, and notes it as an input.
fn open(name: &Path) -> Result<Box<dyn Read>, Failure> {
    let reader: Box<dyn Read> = match is_stdin(name) {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(fs::File::open(name).map_err(|error| Failure::of(name, describe(&error)))?),
    };
    record::note(name);
    Ok(reader)
}

/// Tells whether a name stands for stdin or stdout.
#[must_use]
pub fn is_stdin(name: &Path) -> bool {
    name.as_os_str() == "-"
}

/// Describes why a file cannot be read.
pub(super) fn describe(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_string(),
        std::io::ErrorKind::PermissionDenied => "no permission to read it".to_string(),
        _ => failure::io(error),
    }
}
