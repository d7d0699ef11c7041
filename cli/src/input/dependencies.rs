//! The files that a source is made of besides its own: what the compilers read, told by them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use memchr::memmem;
use tempfile::NamedTempFile;

use super::record;
use crate::failure::Failure;

/// Most blanks in the name of a file that is included.
const MAX_BLANKS: usize = 8;

/// The list of what `dtc` reads, which it writes to a file.
pub(super) struct Dependencies(Option<(NamedTempFile, String)>);

impl Dependencies {
    /// Prepares the list for a source that includes files; other sources need none.
    ///
    /// # Errors
    /// When no temporary file can be made.
    pub(super) fn of(source: &[u8]) -> Result<Self, Failure> {
        let words: [&[u8]; 2] = [b"/include/", b"/incbin/"];
        if !words.iter().any(|word| memmem::find(source, word).is_some()) {
            return Ok(Self(None));
        }
        let failed = |error| Failure::new(format!("cannot make a temporary file for dtc: {error}"));
        let file = NamedTempFile::new().map_err(failed)?;
        let name = file.path().display().to_string();
        Ok(Self(Some((file, name))))
    }

    /// Returns the arguments for `dtc`.
    pub(super) fn args(&self) -> Vec<&str> {
        self.0.as_ref().map(|(_, name)| vec!["-d", name.as_str()]).unwrap_or_default()
    }

    /// Notes every file of the list as read.
    pub(super) fn note(&self) {
        let Some((file, _)) = &self.0 else { return };
        note_list(&std::fs::read(file.path()).unwrap_or_default());
    }
}

/// Notes the files of `TARGET: FILE FILE`. Before 1.7 `dtc` does not mark the blanks of names, so whatever
/// words together name a file count.
fn note_list(list: &[u8]) {
    let words: Vec<&[u8]> = list.trim_ascii().split(|&byte| byte == b' ').collect();
    for start in 0..words.len() {
        let mut name = Vec::new();
        for word in words.iter().skip(start).take(MAX_BLANKS + 1) {
            name.extend_from_slice(word);
            note(&name);
            note(&unescaped(&name));
            name.push(b' ');
        }
    }
}

/// Notes the files that the markers of preprocessed text name: `# 1 "soc.dtsi" 1`.
pub(super) fn note_marked(text: &[u8]) {
    let mut last: &[u8] = b"";
    for line in text.split(|&byte| byte == b'\n').filter(|line| line.starts_with(b"# ")) {
        let mut quotes = memchr::memchr_iter(b'"', line);
        let (start, end) = (quotes.next(), quotes.next_back());
        let name = start.zip(end).and_then(|(start, end)| line.get(start + 1..end)).unwrap_or_default();
        if name != last {
            note(&unescaped(name));
            last = name;
        }
    }
}

fn note(name: &[u8]) {
    let path = Path::new(OsStr::from_bytes(name));
    if path.is_file() {
        record::note(path);
    }
}

/// Removes the backslash before a byte.
fn unescaped(name: &[u8]) -> Vec<u8> {
    let mut is_escaped = false;
    let kept = name.iter().filter(|&&byte| {
        is_escaped = byte == b'\\' && !is_escaped;
        !is_escaped
    });
    kept.copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_with_their_blanks_and_marks() {
        let dir = tempfile::tempdir().unwrap();
        let [a, b, c, d] = ["a.dtsi", "b c.dtsi", "d\\e.h", "logo.bin"].map(|name| dir.path().join(name));
        for path in [&a, &b, &c, &d] {
            std::fs::write(path, "").unwrap();
        }
        let (a, b, c, d) = (a.display(), b.display(), c.display(), d.display());
        note_list(format!("/dev/null: board.dts {a} {b} {d}\n").as_bytes());
        let marked = c.to_string().replace('\\', "\\\\");
        note_marked(format!("# 1 \"{marked}\" 1\n/ {{ }};\n# 2 \"<stdin>\" 2\n# define\n# \"\n").as_bytes());
        for path in [a.to_string(), b.to_string(), c.to_string(), d.to_string()] {
            assert!(record::name_of(Path::new(&path)).is_some(), "{path}");
        }
        assert_eq!(unescaped(b"b\\ c\\\\"), b"b c\\");
    }
}
