//! A boot through the stage: which Linux, which tree, which policy, packed and ready to be started.

use crate::boards::virt;
use crate::machine::{Board, Entry, Level, Ram};
use crate::setup::Series;
use crate::shell::run;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Added where many boots are made: leaves out what a Debian kernel does at each start for a third of the
/// time and what no test asks for, its self-tests of ciphers and its own certificates and BPF helpers. None
/// of it reserves memory.
pub(crate) const QUICK: &str = "cryptomgr.notests initcall_blacklist=crypto_algapi_init,jent_mod_init,\
     load_system_certificate_list,bpf_tcp_ca_kfunc_init,bpf_dummy_struct_ops_init";

/// What goes into a bundle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    /// The kernel image.
    pub(crate) kernel: PathBuf,
    /// The initramfs.
    pub(crate) initrd: Option<PathBuf>,
    /// The policy as TOML.
    pub(crate) policy: Option<PathBuf>,
    /// A device tree, in place of the loader's.
    pub(crate) dtb: Option<PathBuf>,
    /// What is laid over it.
    pub(crate) overlay: Option<PathBuf>,
    /// The stage that the bundle is appended to, in one file.
    pub(crate) append_to: Option<PathBuf>,
}

/// The host tool, built.
#[derive(Clone, Debug)]
pub(crate) struct Tool(PathBuf);

impl Tool {
    /// Builds `ringfence` as its own tests do. What takes long in it, hashing and packing, is optimised
    /// there, too.
    pub(crate) fn build(ws: &Workspace) -> Result<Self> {
        Self::built(ws, "dev", "debug")
    }

    /// Builds `ringfence` as people get it, to be measured.
    pub(crate) fn build_optimised(ws: &Workspace) -> Result<Self> {
        Self::built(ws, "release", "release")
    }

    fn built(ws: &Workspace, profile: &str, directory: &str) -> Result<Self> {
        let mut cargo = ws.cargo();
        cargo.args([
            "build",
            "--quiet",
            "--profile",
            profile,
            "--package",
            "ringfence-cli",
            "--bin",
            "ringfence",
        ]);
        run(&mut cargo).context("building the tool")?;
        Ok(Self(ws.target.join(directory).join("ringfence")))
    }

    /// Returns a command of the tool's.
    pub(crate) fn command(&self) -> Command {
        Command::new(&self.0)
    }

    /// Gives an image of the stage this console for refusals without a tree, and returns the new
    /// image's path.
    pub(crate) fn with_console(&self, ws: &Workspace, stage: &Path, console: &str) -> Result<PathBuf> {
        let name = console.replace(['@', ','], "-");
        let image = ws.scratch_file("console", &name, "img")?;
        let mut pack = self.command();
        pack.arg("pack").arg("--append-to").arg(stage).args(["--console", console]).arg("-o").arg(&image);
        crate::shell::capture(&mut pack)?;
        Ok(image)
    }

    /// Packs a bundle into the scratch directory and returns its path.
    pub(crate) fn pack(&self, ws: &Workspace, name: &str, parts: &Parts) -> Result<PathBuf> {
        let bundle = ws.scratch_file("bundles", name, "itb")?;
        let mut pack = self.command();
        pack.arg("pack").arg("--kernel").arg(&parts.kernel);
        let options = [
            ("--initrd", &parts.initrd),
            ("--policy", &parts.policy),
            ("--dtb", &parts.dtb),
            ("--overlay", &parts.overlay),
            ("--append-to", &parts.append_to),
        ];
        for (option, file) in options {
            if let Some(file) = file {
                pack.arg(option).arg(file);
            }
        }
        crate::shell::capture(pack.arg("-o").arg(&bundle))?;
        Ok(bundle)
    }
}

/// Returns the board description that fits the amount of RAM: carveouts must be in it.
pub(crate) fn default_tree(ws: &Workspace, ram: Ram) -> PathBuf {
    let name = if ram < Ram::GIB_4 { "virt-1g.dts" } else { "virt-4g.dts" };
    ws.proving_ground().join("boards").join(name)
}

/// Returns the policy that belongs to a board description, when there is one beside it.
pub(crate) fn policy_of(tree: &Path) -> Option<PathBuf> {
    Some(tree.with_extension("toml")).filter(|policy| policy.is_file())
}

/// Returns a `virt` board that enters `image` as QEMU enters a kernel.
pub(crate) fn board(image: PathBuf, initrd: Option<PathBuf>, dtb: Option<PathBuf>, append: &str) -> Board {
    let append = (!append.is_empty()).then(|| append.to_owned());
    Board {
        machine: &virt::MACHINE,
        level: Level::El2,
        ram: Ram::GIB_4,
        entry: Entry::Linux { kernel: image, initrd, dtb, append },
        plugin: None,
        emulator: None,
        more: Vec::new(),
    }
}

/// Finds the kernel that a command line names: a file, or a series that set-up fetched.
pub(crate) fn kernel(ws: &Workspace, named: &str) -> (PathBuf, Option<Series>) {
    match Series::named(named) {
        Some(series) => (series.image(ws), Some(series)),
        None => (named.into(), None),
    }
}
