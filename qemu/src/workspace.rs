//! Directories: the project, what cargo builds, and what set-up keeps.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable with the directory of a copy of the sources, which are to be worked on in the place of those
/// that this program was compiled from.
pub(crate) const ROOT: &str = "RINGFENCE_SOURCES";

/// The project's directories. Nothing outside of `target` is ever written.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    /// Directory of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Directory that cargo builds into, `CARGO_TARGET_DIR` respected.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Finds the project from where this program was compiled, unless [`ROOT`] names another.
    pub(crate) fn locate() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let here = here.parent().unwrap_or(here).to_path_buf();
        let root = std::env::var_os(ROOT).map_or(here, PathBuf::from);
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => std::path::absolute(PathBuf::from(dir)).unwrap_or_else(|_| root.join("target")),
            None => root.join("target"),
        };
        Self { root, target }
    }

    /// Returns what set-up fetched or built once, and the next run finds again.
    pub(crate) fn cache(&self) -> PathBuf {
        self.target.join("ringfence-cache")
    }

    /// Scratch space of one kind of work, made if missing.
    pub(crate) fn scratch(&self, what: &str) -> std::io::Result<PathBuf> {
        let dir = self.target.join("ringfence-work").join(what);
        std::fs::create_dir_all(&dir)?;
        Ok(dir)
    }

    /// Returns a file in scratch space, by a name that may hold dots.
    pub(crate) fn scratch_file(&self, what: &str, name: &str, extension: &str) -> std::io::Result<PathBuf> {
        Ok(self.scratch(what)?.join(format!("{name}.{extension}")))
    }

    /// Returns the board descriptions and scenarios of the proving ground.
    pub(crate) fn proving_ground(&self) -> PathBuf {
        self.root.join("qemu")
    }

    /// Returns the cargo that runs us, in the project's root and with the same target directory.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        // What `cargo run` tells this program about itself would only mislead a nested build.
        for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
            cargo.env_remove(name);
        }
        cargo
    }
}
