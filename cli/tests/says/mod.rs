//! A directory in which the tool runs, and what it says there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Whatever holds such a directory.
pub(crate) trait Says {
    /// The directory.
    fn dir(&self) -> &Path;

    /// The tool in it, with these arguments.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        command.args(args).current_dir(self.dir());
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Run, and expect this exit code and these words. Returns all that was said.
    #[track_caller]
    fn says(&self, args: &[&str], code: i32, words: &[&str]) -> String {
        let output = self.run(args);
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{args:?}: no `{word}` in:\n{said}");
        }
        said.into_owned()
    }
}
