//! The crates that are linked into a program: those of its normal dependencies, with the features and for the
//! target of the build, without procedural macros and what only those need.

use super::super::Listed;
use crate::shell::capture;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::PathBuf;

/// What cargo knows about a crate.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) version: String,
    #[serde(default)]
    pub(super) authors: Vec<String>,
    /// The expression, in the words of the manifest.
    pub(super) license: Option<String>,
    /// A file that the manifest names, from the crate's directory on.
    pub(super) license_file: Option<PathBuf>,
    pub(super) manifest_path: PathBuf,
    /// Where it comes from; nothing for a crate of the workspace.
    source: Option<String>,
}

impl Crate {
    /// Returns the name and the version, in cargo's form.
    pub(super) fn id(&self) -> String {
        format!("{} v{}", self.name, self.version)
    }
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Crate>,
}

/// Returns the crates of others that are linked into a program, sorted.
pub(super) fn linked(ws: &Workspace, listed: Listed) -> Result<Vec<Crate>> {
    let named = listed.packages(ws, "normal,no-proc-macro")?;
    let mut metadata = ws.cargo();
    metadata.args(["metadata", "--locked", "--format-version", "1", "--filter-platform", &listed.target()]);
    let metadata: Metadata = serde_json::from_str(&capture(&mut metadata)?).context("cargo metadata")?;
    let is_linked = |package: &Crate| package.source.is_some() && named.contains(&package.id());
    let mut crates: Vec<Crate> = metadata.packages.into_iter().filter(is_linked).collect();
    crates.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(crates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::dist::Arch;

    /// `core_detect` asks an x86 processor for its features, `serde_derive` runs in the compiler, and
    /// `linked_list_allocator` is the stage's.
    #[test]
    fn only_what_is_linked_for_the_target_is_named() {
        let ws = Workspace::locate();
        let names = |listed| -> Vec<String> {
            linked(&ws, listed).unwrap().into_iter().map(|package| package.name).collect()
        };
        let (x86, arm) = (names(Listed::Tool(Arch::X86_64)), names(Listed::Tool(Arch::Aarch64)));
        let stage = names(Listed::Stage);
        for (name, expected) in [
            ("clap", [true, true, false]),
            ("core_detect", [true, false, false]),
            ("fdt", [true, true, true]),
            ("linked_list_allocator", [false, false, true]),
            ("ringfence", [false, false, false]),
            ("serde_derive", [false, false, false]),
            ("syn", [false, false, false]),
        ] {
            let found = [&x86, &arm, &stage].map(|names| names.iter().any(|known| known == name));
            assert_eq!(found, expected, "{name}");
        }
    }
}
