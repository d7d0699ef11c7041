//! Unified kernel images, made by systemd's `ukify`.

use crate::setup::{EfiFile, Release};
use crate::shell::capture;
use crate::test_bed::TestBed;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

/// What goes into a unified image.
#[derive(Clone, Debug)]
pub(crate) struct Sections {
    /// The program that starts the kernel.
    pub(crate) stub: PathBuf,
    pub(crate) kernel: PathBuf,
    pub(crate) initrd: PathBuf,
    /// The kernel's command line.
    pub(crate) line: String,
    /// A device tree, for `.dtb`.
    pub(crate) dtb: Option<PathBuf>,
    /// A policy in TOML, for `.rfpol`.
    pub(crate) policy: Option<PathBuf>,
}

/// Makes the image, once for all boots that ask for the same.
///
/// # Errors
/// When `ukify` or our tool fails.
pub(crate) fn unified(bed: &TestBed, sections: &Sections) -> Result<PathBuf> {
    let what = format!("uki {sections:?}");
    let name = format!("{:08x}", crc32fast::hash(what.as_bytes()));
    bed.made(&format!("uki-{name}"), &[], |_| {
        let image = bed.ws.scratch_file("uki", &name, "efi")?;
        let ukify = Release::Trixie.file(&bed.ws, EfiFile::Ukify);
        let modules = ukify.parent().context("ukify is in a directory")?;
        let mut command = Command::new("python3");
        command.env("PYTHONPATH", modules).env("PYTHONDONTWRITEBYTECODE", "1").arg(&ukify);
        command.args(["build", "--efi-arch=aa64", "--uname=linux"]);
        let option = |name: &str, value: String| format!("--{name}={value}");
        command.arg(option("linux", sections.kernel.display().to_string()));
        command.arg(option("initrd", sections.initrd.display().to_string()));
        command.arg(option("cmdline", sections.line.clone()));
        command.arg(option("stub", sections.stub.display().to_string()));
        if let Some(dtb) = &sections.dtb {
            command.arg(option("devicetree", dtb.display().to_string()));
        }
        if let Some(policy) = &sections.policy {
            let blob = bed.ws.scratch_file("uki", &name, "policy")?;
            capture(bed.tool()?.command().args(["policy", "build"]).arg(policy).arg("-o").arg(&blob))?;
            command.arg(option("section", format!(".rfpol:@{}", blob.display())));
        }
        capture(command.arg(option("output", image.display().to_string()))).context("running ukify")?;
        Ok(image)
    })
}
