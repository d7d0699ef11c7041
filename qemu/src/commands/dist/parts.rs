//! The lists of parts (SBOM) of the tool and the stage: CycloneDX, from the lock file. Each is beside the
//! archive that it describes.

use super::Release;
use super::notice::NOTICE;
use super::tool::Arch;
use crate::setup::{TARGET, Tool};
use crate::shell::{capture, run};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// What has a list of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    Tool(Arch),
    /// The images, with what each of them has.
    Stage,
}

impl Listed {
    /// Returns the package of the workspace, and its directory.
    pub(crate) fn package(self) -> (&'static str, &'static str) {
        match self {
            Self::Tool(_) => ("ringfence-cli", "cli"),
            Self::Stage => ("ringfence-boot", "boot"),
        }
    }

    /// Returns the target that it is compiled for.
    pub(crate) fn target(self) -> String {
        match self {
            Self::Tool(arch) => arch.target(),
            Self::Stage => TARGET.into(),
        }
    }

    /// Returns the options with which cargo takes the parts that are compiled.
    pub(crate) fn options(self) -> Vec<String> {
        let mut options = vec!["--target".into(), self.target()];
        options.extend((self == Self::Stage).then(|| "--all-features".into()));
        options
    }

    /// Returns name and version of each package of its build that these kinds of dependencies lead to, those
    /// of the workspace with them. `cargo metadata` would take the features of the whole workspace; `cargo
    /// tree` takes those of the one build.
    pub(crate) fn packages(self, ws: &Workspace, edges: &str) -> Result<BTreeSet<String>> {
        let mut tree = ws.cargo();
        tree.args(["tree", "--locked", "--package", self.package().0, "--edges", edges]);
        tree.args(["--prefix", "none", "--no-dedupe", "--format", "{p}"]).args(self.options());
        let tree = capture(&mut tree)?;
        // The kind or the path of a package follows its version.
        let name = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
        Ok(tree.lines().filter(|line| !line.is_empty()).map(name).collect())
    }

    /// Returns the name of the list.
    pub(crate) fn file(self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        match self {
            Self::Tool(arch) => format!("ringfence-{version}-{}-linux.cdx.json", arch.name()),
            Self::Stage => format!("ringfence-stage-{version}.cdx.json"),
        }
    }

    /// Returns the name of the notice about what is linked in, beside the archives.
    pub(crate) fn notice(self) -> String {
        match self {
            Self::Tool(arch) => format!("{NOTICE}-{}", arch.name()),
            Self::Stage => format!("{NOTICE}-stage"),
        }
    }

    /// Names it for a person.
    pub(crate) fn title(self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        match self {
            Self::Tool(arch) => format!("ringfence {version} for Linux on {}", arch.name()),
            Self::Stage => format!("the images of ringfence-stage {version}"),
        }
    }
}

/// Writes a list and returns its path.
pub(super) fn write(release: &Release<'_>, listed: Listed) -> Result<PathBuf> {
    let ws = release.ws;
    let (_, directory) = listed.package();
    let mut cyclonedx = Command::new(Tool::Cyclonedx.program(ws));
    cyclonedx.args(["cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5"]);
    cyclonedx.args(listed.options()).args(["--override-filename", "parts", "--manifest-path"]);
    cyclonedx.arg(ws.root.join(directory).join("Cargo.toml")).current_dir(&ws.root);
    let written = run(cyclonedx.env(super::epoch::EPOCH, &release.epoch));
    let text = fs::read_to_string(ws.root.join(directory).join("parts.json"));
    clean(ws)?;
    written?;
    let list = release.dist.join(listed.file());
    // Packages of the workspace are named by their path, which is of this machine.
    fs::write(
        &list,
        text.context("no list of parts")?.replace(&ws.root.display().to_string(), "/ringfence"),
    )?;
    Ok(list)
}

/// Removes the lists that are written beside every manifest of the workspace.
fn clean(ws: &Workspace) -> Result<()> {
    for entry in fs::read_dir(&ws.root)? {
        let _ = fs::remove_file(entry?.path().join("parts.json"));
    }
    let _ = fs::remove_file(ws.root.join("parts.json"));
    Ok(())
}
