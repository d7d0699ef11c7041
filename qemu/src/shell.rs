//! Runs other programs and turns their failure into an error that says which one and why.

use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs a command to its end with inherited output; anything but success is an error naming it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = words(command);
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Runs a command silently and returns its standard output; a failure carries its standard error.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let line = words(command);
    let out = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{line}`"))?;
    if !out.status.success() {
        bail!("`{line}` failed: {}\n{}", out.status, String::from_utf8_lossy(&out.stderr).trim_end());
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Returns the command as a person would type it.
pub(crate) fn words(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&quoted(arg));
    }
    line
}

/// Returns a program's path when it is in `PATH`.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Returns what `zstd` makes of a file that it reads from a pipe.
pub(crate) fn piped_through_zstd(options: &[&str], file: &Path) -> Result<Vec<u8>> {
    let mut zstd = Command::new("zstd");
    zstd.args(["-q", "-c"]).args(options).stdin(File::open(file)?);
    let out = zstd.output().context("cannot start zstd")?;
    ensure!(out.status.success(), "zstd: {}", String::from_utf8_lossy(&out.stderr));
    Ok(out.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_named_with_what_it_said() {
        let error =
            capture(Command::new("sh").args(["-c", "echo broken >&2; exit 3"])).unwrap_err().to_string();
        assert!(error.contains("sh -c 'echo broken >&2; exit 3'"), "{error}");
        assert!(error.contains("exit status: 3") && error.contains("broken"), "{error}");
    }

    #[test]
    fn a_missing_program_is_not_found() {
        assert!(find_program("no-such-program-here").is_none());
        assert!(find_program("sh").is_some());
    }
}
