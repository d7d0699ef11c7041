//! The files that this run has read, so that it overwrites none of them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::is_stdin;

/// One list for the whole run: every file counts, whether it was named, found, or included by another.
static READ: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// What a shell calls the file that it passes as stdin.
const STDIN: &str = "/dev/stdin";

/// Notes that a file is read.
pub(super) fn note(path: &Path) {
    let path = if is_stdin(path) { Path::new(STDIN) } else { path };
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if !read.contains(path) {
        read.insert(path.to_path_buf());
    }
}

/// Returns the name under which the file at `target` was read in this run, if it was: links and other ways to
/// the same file count.
#[must_use]
pub fn name_of(target: &Path) -> Option<PathBuf> {
    let wanted = identity(target)?;
    let read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let same = |path: &&PathBuf| identity(path) == Some(wanted);
    // Of several names the user's own is the one to show.
    let found = read.get(target).filter(same).or_else(|| read.iter().find(same))?;
    Some(if found == Path::new(STDIN) { "stdin".into() } else { found.clone() })
}

/// Device and inode of a file; `None` for what cannot be overwritten, such as a pipe.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let meta = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some((meta.dev(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_every_name() {
        let dir = tempfile::tempdir().unwrap();
        let [input, hard, soft, other] = ["input", "hard", "soft", "other"].map(|name| dir.path().join(name));
        fs::write(&input, b"old").unwrap();
        fs::write(&other, b"old").unwrap();
        fs::hard_link(&input, &hard).unwrap();
        std::os::unix::fs::symlink(&input, &soft).unwrap();
        assert_eq!(name_of(&input), None);
        note(&input);
        for name in [&input, &hard, &soft, &dir.path().join("./input")] {
            assert_eq!(name_of(name).as_ref(), Some(&input), "{}", name.display());
        }
        assert_eq!(name_of(&other), None);
        assert_eq!(name_of(&dir.path().join("new")), None);
        note(Path::new("/dev/null"));
        assert_eq!(name_of(Path::new("/dev/null")), None);
    }
}
