//! A temporary directory in which the tool runs.
#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod board;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The first of January 2027, so that what expires does so on the same day in every run.
const TODAY: &str = "1798761600";

/// A temporary directory in which the tool runs; it is removed when this value is dropped.
pub(crate) struct WorkDir(TempDir);

impl WorkDir {
    /// Makes an empty directory.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn dir(&self) -> &Path {
        self.0.path()
    }

    /// Returns the path of a file in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    /// Writes a file, and the directories on the way to it.
    pub(crate) fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Returns the tool with these arguments, ready to run in the directory.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        command.args(args).current_dir(self.dir()).env("SOURCE_DATE_EPOCH", TODAY);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs the tool and checks its exit code and that both streams together contain all of `words`. Returns
    /// what was printed on both, stdout first.
    #[track_caller]
    pub(crate) fn assert_output(&self, args: &[&str], code: i32, words: &[&str]) -> String {
        let output = self.run(args);
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
        for word in words {
            assert!(text.contains(word), "{args:?}: no `{word}` in:\n{text}");
        }
        text.into_owned()
    }
}
