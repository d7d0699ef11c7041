//! Writes results in one step: a reader finds the old file or the new one, never a part.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::failure::{self, Failure};
use crate::input::{is_stdin, record};
use crate::terminal::interrupt::Unfinished;

/// Writes `bytes` to `path` in one step, or to stdout for `-`.
///
/// The bytes go to a temporary file beside the target, which takes the target's place only when complete. An
/// existing target keeps its permissions; a symbolic link is followed.
///
/// # Errors
/// When the target is a file that was read in this run, or the directory cannot be written to; the target is
/// then as it was.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    keep_apart(path)?;
    overwrite(path, bytes)
}

/// As [`write()`], also where the target is an input: the user asked for that.
///
/// # Errors
/// When the directory cannot be written to; the target is then as it was.
pub fn overwrite(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failure = |error: std::io::Error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "no such directory".to_string(),
            std::io::ErrorKind::PermissionDenied => "no permission to write there".to_string(),
            _ => failure::io(&error),
        };
        Failure::of(path, format!("cannot write: {why}"))
    };
    if is_stdin(path) {
        let mut stdout = std::io::stdout().lock();
        return stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(failure);
    }
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if let Ok(meta) = fs::metadata(&target)
        && !meta.is_file()
    {
        // A device or a pipe cannot be replaced, and has no old content to lose.
        return if meta.is_dir() {
            Err(Failure::of(path, "cannot write: this is a directory"))
        } else {
            fs::write(&target, bytes).map_err(failure)
        };
    }
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".ringfence-").tempfile_in(directory).map_err(failure)?;
    let unfinished = Unfinished::new(file.path());
    file.write_all(bytes).map_err(failure)?;
    let permissions = match fs::metadata(&target) {
        Ok(meta) => meta.permissions(),
        Err(_) => default_permissions(),
    };
    file.as_file().set_permissions(permissions).map_err(failure)?;
    let written = file.persist(&target).map(|_| ()).map_err(|error| failure(error.error));
    drop(unfinished);
    written
}

/// Appends `bytes` to a file, which is created if missing.
///
/// # Errors
/// When it is a file that was read in this run, or cannot be written.
pub fn append(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    keep_apart(path)?;
    let file = fs::OpenOptions::new().append(true).create(true).open(path);
    let written = file.and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| Failure::of(path, format!("cannot write: {}", failure::io(&error))))
}

/// Refuses a target that was read in this run, under whatever name.
///
/// # Errors
/// When it was.
pub fn keep_apart(target: &Path) -> Result<(), Failure> {
    match record::name_of(target).filter(|_| !is_stdin(target)) {
        None => Ok(()),
        Some(input) if input == target => Err(Failure::of(target, "this is an input; give another output")),
        Some(input) => {
            let input = input.display();
            Err(Failure::of(
                target,
                format!("this is the same file as the input {input}; give another output"),
            ))
        }
    }
}

/// Returns the permissions of an ordinary new file; temporary files are readable by their owner only.
fn default_permissions() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(0o644)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_file_is_readable_and_an_old_one_keeps_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.dtb");
        write(&path, b"one").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing temporary is left");
    }

    #[test]
    fn a_target_that_cannot_be_written_is_an_error_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let error = write(&dir.path().join("missing/out.dtb"), b"x").unwrap_err();
        assert!(error.message().contains("missing/out.dtb"), "{}", error.message());
        assert!(write(dir.path(), b"x").is_err());
    }

    #[test]
    fn an_input_is_not_written_unless_that_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let [input, link] = ["input", "link"].map(|name| dir.path().join(name));
        fs::write(&input, b"old").unwrap();
        fs::hard_link(&input, &link).unwrap();
        crate::input::read_any(&input).unwrap();
        assert!(write(&input, b"new").unwrap_err().message().contains("this is an input"));
        assert!(write(&link, b"new").unwrap_err().message().contains("same file as the input"));
        assert!(append(&input, b"new").is_err());
        assert_eq!(fs::read(&input).unwrap(), b"old");
        overwrite(&input, b"new").unwrap();
        assert_eq!(fs::read(&input).unwrap(), b"new");
    }

    #[test]
    fn a_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        let link = dir.path().join("link");
        fs::write(&target, b"old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write(&link, b"new").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
