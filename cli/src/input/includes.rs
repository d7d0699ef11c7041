//! Looks through what a source includes before a compiler opens it: a pipe or a terminal would keep the
//! compiler waiting without an end.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use memchr::memmem;

use super::files;
use crate::failure::Failure;

/// What precedes the name of a file: `#include "a"`, `#include <a>`, `/include/ "a"`, `/incbin/("a")`, and a
/// macro that one of them may use.
const WORDS: [&[u8]; 3] = [b"include", b"incbin", b"define"];

/// Checks that nothing that a source includes, or that its files include, keeps its reader waiting. `own` is
/// the source's directory.
///
/// # Errors
/// When a file of them is a pipe, a socket or a device.
pub(super) fn check(name: &Path, source: &[u8], own: &Path, include: &[PathBuf]) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<PathBuf> = Vec::new();
    let mut look = |text: &[u8], directory: &Path, open: &mut Vec<PathBuf>| {
        for file in names(text) {
            let file = Path::new(OsStr::from_bytes(file));
            let mut places = [directory, own].into_iter().chain(include.iter().map(PathBuf::as_path));
            let found = places.find_map(|place| {
                let path = place.join(file);
                fs::metadata(&path).ok().map(|meta| (path, meta))
            });
            let Some((path, meta)) = found else { continue };
            if files::is_endless(&path, meta.file_type()) {
                let why = format!("it includes {}, which is not a regular file", path.display());
                return Err(Failure::of(name, why).with_help("copy its content to a file and include that"));
            }
            if meta.is_file() && seen.insert(path.clone()) {
                open.push(path);
            }
        }
        Ok(())
    };
    look(source, own, &mut open)?;
    while let Some(path) = open.pop() {
        let text = files::read_part(&path);
        look(&text, path.parent().unwrap_or(own), &mut open)?;
    }
    Ok(())
}

/// Returns every name that may be one of an included file.
fn names(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    WORDS.iter().flat_map(move |word| {
        memmem::find_iter(text, word).filter_map(move |at| {
            let rest = text.get(at + word.len()..)?;
            if *word == b"define" {
                let line = rest.split(|&byte| byte == b'\n').next()?;
                let start = line.iter().position(|byte| b"\"<".contains(byte))?;
                return quoted(line.get(start..)?);
            }
            let start = rest.iter().position(|byte| !byte.is_ascii_whitespace() && !b"/(".contains(byte))?;
            quoted(rest.get(start..)?)
        })
    })
}

/// Returns what is between the quotes that a text begins with.
fn quoted(text: &[u8]) -> Option<&[u8]> {
    let (first, rest) = text.split_first()?;
    let end = match first {
        b'"' => b'"',
        b'<' => b'>',
        _ => return None,
    };
    // No name of a file is longer.
    let len = rest.iter().take(4096).position(|&byte| byte == end)?;
    rest.get(..len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_include_a_file_is_seen() {
        let text = b"#include \"a\"\n# include <b>\n/include/ \"c\"\nx = /incbin/(\n \"d\", 0, 4);\n\
            #define E \"e\"\n#define F 1\n#include E\nincluded\nlinux,include-x;\n#include \"open\n";
        let mut found: Vec<&[u8]> = names(text).collect();
        found.sort();
        assert_eq!(found, [&b"a"[..], b"b", b"c", b"d", b"e"]);
    }
}
