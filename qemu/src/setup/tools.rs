//! Programs that come from the registries of Rust, Python and Node.js: of a fixed version each, in the cache,
//! so that nothing of the machine's own changes.

use crate::shell::{find_program, run};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

/// A program of a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Packs the tool as a Python wheel.
    Maturin,
    /// Names the systems that take a wheel.
    Wheel,
    /// Lists what the tool is made of.
    Cyclonedx,
    /// Runs the hooks.
    PreCommit,
    /// Reads recipes of BitBake.
    OelintAdv,
    /// Runs jobs of GitLab.
    GitlabCiLocal,
    /// Packs the extension for VS Code.
    Vsce,
    /// Makes the book.
    MdBook,
    /// Checks trees against bindings.
    DtSchema,
    /// Edits system trees.
    Lopper,
}

/// Where a program comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Registry {
    Cargo,
    Python,
    Node,
}

impl Tool {
    /// Its registry, the name there, the version, and the name of its program.
    const fn origin(self) -> (Registry, &'static str, &'static str, &'static str) {
        match self {
            Self::Maturin => (Registry::Python, "maturin", "1.16.0", "maturin"),
            Self::Wheel => (Registry::Python, "wheel", "0.48.0", "wheel"),
            Self::Cyclonedx => (Registry::Cargo, "cargo-cyclonedx", "0.5.9", "cargo-cyclonedx"),
            Self::PreCommit => (Registry::Python, "pre-commit", "4.7.0", "pre-commit"),
            Self::OelintAdv => (Registry::Python, "oelint-adv", "9.11.2", "oelint-adv"),
            Self::GitlabCiLocal => (Registry::Node, "gitlab-ci-local", "4.61.0", "gitlab-ci-local"),
            Self::Vsce => (Registry::Node, "@vscode/vsce", "2.32.0", "vsce"),
            Self::MdBook => (Registry::Cargo, "mdbook", "0.5.4", "mdbook"),
            Self::DtSchema => (Registry::Python, "dtschema", "2026.9", "dt-validate"),
            Self::Lopper => (Registry::Python, "lopper", "1.6.0", "lopper"),
        }
    }

    /// Names it for a person.
    pub(crate) fn what(self) -> String {
        let (_, name, version, _) = self.origin();
        format!("{name} {version}")
    }

    /// Says what it is for.
    pub(crate) const fn why(self) -> &'static str {
        match self {
            Self::Maturin => "packs the tool for `pip install`",
            Self::Wheel => "names the systems that take a wheel",
            Self::Cyclonedx => "writes the list of parts (SBOM) of a release",
            Self::PreCommit => "runs the hooks as a project does that uses them",
            Self::OelintAdv => "lints the recipes of the Yocto layer",
            Self::GitlabCiLocal => "runs the component as GitLab does",
            Self::Vsce => "packs the extension for VS Code",
            Self::MdBook => "makes the book of the documents",
            Self::DtSchema | Self::Lopper => "is what the documents compare ringfence with",
        }
    }

    /// Says where it would come from.
    pub(crate) fn how(self) -> String {
        let from = match self.origin().0 {
            Registry::Cargo => "built once by `cargo install`",
            Registry::Python => "installed by pip into a virtual environment",
            Registry::Node => "installed by npm",
        };
        format!("{from} below the target directory")
    }

    /// Returns the host packages without which it cannot be brought in.
    pub(crate) fn packages(self) -> &'static [&'static str] {
        match self.origin().0 {
            Registry::Cargo => &[],
            Registry::Python => &["python3", "python3-venv"],
            // One that is not Debian's conflicts with it.
            Registry::Node if find_program("npm").is_some() => &[],
            Registry::Node => &["npm"],
        }
    }

    /// Returns where its program is kept.
    pub(crate) fn program(self, ws: &Workspace) -> PathBuf {
        let (registry, _, _, program) = self.origin();
        self.home(ws).join(match registry {
            Registry::Cargo | Registry::Python => format!("bin/{program}"),
            Registry::Node => format!("node_modules/.bin/{program}"),
        })
    }

    /// Returns the directory of its own that it is kept in.
    fn home(self, ws: &Workspace) -> PathBuf {
        let (_, name, version, _) = self.origin();
        ws.cache().join("tools").join(format!("{}-{version}", name.replace('/', "-")))
    }

    /// Tells whether it is there already.
    pub(super) fn is_met(self, ws: &Workspace) -> bool {
        self.program(ws).is_file()
    }

    /// Installs it.
    pub(super) fn bring_in(self, ws: &Workspace) -> Result<()> {
        let (registry, name, version, _) = self.origin();
        let home = self.home(ws);
        std::fs::create_dir_all(&home).with_context(|| home.display().to_string())?;
        match registry {
            Registry::Cargo => {
                let mut cargo = ws.cargo();
                cargo
                    .args(["install", "--quiet", "--locked", "--version", version, name, "--root"])
                    .arg(&home);
                // Not the workspace's own, which its locked dependencies would be built into.
                let built = ws.scratch("cargo-install")?;
                run(cargo.env("CARGO_TARGET_DIR", &built))?;
                Ok(std::fs::remove_dir_all(built)?)
            }
            Registry::Python => {
                run(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
                let mut pip = Command::new(home.join("bin/pip"));
                pip.args(["install", "--quiet"]).arg(format!("{name}=={version}"));
                // It does not name what it imports.
                run(pip.args(if self == Self::Lopper { &["pyyaml", "packaging"][..] } else { &[] }))
            }
            Registry::Node => {
                let mut npm = Command::new("npm");
                npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(&home);
                run(npm.arg(format!("{name}@{version}")))
            }
        }
    }
}
