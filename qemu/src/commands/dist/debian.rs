//! Packages for Debian and what derives from it: the tool, and the stage's images.

use super::Release;
use super::archive::copy_all;
use super::notice::NOTICE;
use super::tool::Built;
use crate::shell::run;
use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

mod maintainer;

pub(super) use maintainer::warn_without_address;

/// What is written about a package into its control file, beside version and processor.
struct About {
    name: &'static str,
    section: &'static str,
    relations: &'static str,
    description: &'static str,
    /// Complaints of lintian that do not apply, each with the reason.
    overrides: &'static str,
}

const TOOL: About = About {
    name: "ringfence",
    section: "devel",
    relations: "Recommends: device-tree-compiler\nSuggests: cpp, ringfence-stage\n",
    description: "checks the memory map that a device tree gives to Linux\n \
                  ringfence finds what is wrong with the reserved memory of an arm64 device\n \
                  tree: regions that overlap, carveouts that Linux would use, pools in the wrong\n \
                  place. It repairs trees and sources, predicts what a kernel makes of a tree,\n \
                  draws maps, and packs bundles.\n",
    overrides: include_str!("debian/ringfence.overrides"),
};

const STAGE: About = About {
    name: "ringfence-stage",
    section: "kernel",
    relations: "Enhances: ringfence\n",
    description: "keeps Linux out of firmware's memory on arm64 boards\n \
                  The stage runs just before Linux. It checks and repairs the device tree's\n \
                  memory map, unmaps every carveout, and enters Linux with a proven tree. This\n \
                  package has its images, for `ringfence pack --append-to` and for boot loaders.\n",
    overrides: include_str!("debian/ringfence-stage.overrides"),
};

/// The list of parts among the documents of a package.
const PARTS: &str = "parts.cdx.json";

/// Packs `ringfence_VERSION_PROCESSOR.deb`.
pub(super) fn pack_tool(release: &Release<'_>, built: &Built, parts: &Path, notice: &Path) -> Result<()> {
    let root = release.work.join(format!("deb-{}", built.arch.debian()));
    place(&built.program, &root.join("usr/bin/ringfence"))?;
    for page in fs::read_dir(release.texts.join("man/man1"))? {
        let page = page?;
        let name = format!("{}.gz", page.file_name().to_string_lossy());
        compress(&page.path(), &root.join("usr/share/man/man1").join(name))?;
    }
    for (shell, to) in [
        ("bash", "usr/share/bash-completion/completions/ringfence"),
        ("zsh", "usr/share/zsh/vendor-completions/_ringfence"),
        ("fish", "usr/share/fish/vendor_completions.d/ringfence.fish"),
    ] {
        place(&release.texts.join(format!("completions/ringfence.{shell}")), &root.join(to))?;
    }
    let documents = root.join("usr/share/doc/ringfence");
    copy_all(&release.ws.root.join("docs"), &documents.join("docs"))?;
    for file in ["README.md", "SECURITY.md"] {
        place(&release.ws.root.join(file), &documents.join(file))?;
    }
    place(parts, &documents.join(PARTS))?;
    pack(release, &root, &TOOL, built.arch.debian(), notice)
}

/// Packs `ringfence-stage_VERSION_all.deb` with these files.
pub(super) fn pack_stage(
    release: &Release<'_>,
    files: &[PathBuf],
    parts: &Path,
    notice: &Path,
) -> Result<()> {
    let root = release.work.join("deb-stage");
    place(parts, &root.join("usr/share/doc/ringfence-stage").join(PARTS))?;
    for file in files {
        let name = file.file_name().context("a file without a name")?;
        place(file, &root.join("usr/lib/ringfence").join(name))?;
    }
    pack(release, &root, &STAGE, "all", notice)
}

fn pack(release: &Release<'_>, root: &Path, about: &About, arch: &str, notice: &Path) -> Result<()> {
    let documents = root.join("usr/share/doc").join(about.name);
    fs::create_dir_all(&documents)?;
    fs::write(documents.join("copyright"), copyright(release, about.name)?)?;
    place(notice, &documents.join(NOTICE))?;
    place(&release.ws.root.join("CHANGELOG.md"), &documents.join("CHANGELOG.md"))?;
    let maintainer = maintainer::maintainer()?;
    let changelog = release.work.join("changelog");
    fs::write(&changelog, maintainer::changelog(release, about.name, &maintainer)?)?;
    compress(&changelog, &documents.join("changelog.gz"))?;
    let overrides = root.join("usr/share/lintian/overrides");
    fs::create_dir_all(&overrides)?;
    fs::write(overrides.join(about.name), about.overrides)?;
    set_modes(&root.join("usr"))?;
    let mut control = format!("Package: {}\nVersion: {}\n", about.name, release.version);
    write!(control, "Architecture: {arch}\nMaintainer: {maintainer}\n")?;
    writeln!(control, "Installed-Size: {}", kibibytes(&root.join("usr"))?)?;
    write!(control, "Section: {}\nPriority: optional\n{}", about.section, about.relations)?;
    write!(control, "Description: {}", about.description)?;
    fs::create_dir_all(root.join("DEBIAN"))?;
    fs::write(root.join("DEBIAN/control"), control)?;
    fs::write(root.join("DEBIAN/md5sums"), sums(root)?)?;
    set_modes(&root.join("DEBIAN"))?;
    fs::set_permissions(root, fs::Permissions::from_mode(0o755))?;
    let deb = release.dist.join(format!("{}_{}_{arch}.deb", about.name, release.version));
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.args(["--root-owner-group", "-Zxz", "--build"]).arg(root).arg(deb);
    run(dpkg.env(super::epoch::EPOCH, &release.epoch).stdout(std::process::Stdio::null()))
}

/// Returns the licences in Debian's machine-readable form, version 1.0.
fn copyright(release: &Release<'_>, package: &str) -> Result<String> {
    let mit = fs::read_to_string(release.ws.root.join("LICENSE-MIT"))?;
    let mut text = format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: ringfence\n\
         Comment: The programs are linked with software of others, which has licences of its own.\n \
         /usr/share/doc/{package}/{NOTICE} names it and has their texts.\n\n\
         Files: *\nCopyright: The ringfence authors\nLicense: Apache-2.0 or MIT\n\n\
         License: Apache-2.0\n On Debian systems, the text is in /usr/share/common-licenses/Apache-2.0.\n\n\
         License: MIT\n",
    );
    for line in mit.lines() {
        let line = if line.is_empty() { "." } else { line };
        writeln!(text, " {line}")?;
    }
    Ok(text)
}

fn place(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("a file without a directory")?)?;
    fs::copy(from, to).with_context(|| from.display().to_string())?;
    Ok(())
}

/// Compresses as `gzip -9n` does: without a name and a time.
fn compress(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("a file without a directory")?)?;
    let mut writer = GzBuilder::new().write(fs::File::create(to)?, Compression::best());
    writer.write_all(&fs::read(from)?)?;
    writer.finish()?;
    Ok(())
}

/// Gives files and directories the modes that policy wants, whatever the umask is here.
fn set_modes(path: &Path) -> Result<()> {
    let is_program = path.parent().is_some_and(|parent| parent.ends_with("usr/bin"));
    let mode = if path.is_dir() || is_program { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            set_modes(&entry?.path())?;
        }
    }
    Ok(())
}

/// Returns every file below a directory, sorted.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { out.extend(files(&path)?) } else { out.push(path) }
    }
    out.sort();
    Ok(out)
}

fn kibibytes(directory: &Path) -> Result<u64> {
    let mut sum = 0;
    for file in files(directory)? {
        sum += fs::metadata(file)?.len().div_ceil(1024);
    }
    Ok(sum)
}

/// Returns the sums by which `dpkg --verify` finds a changed file.
fn sums(root: &Path) -> Result<String> {
    let files = files(&root.join("usr"))?;
    let names = files.iter().map(|file| file.strip_prefix(root));
    let mut md5sum = Command::new("md5sum");
    md5sum.current_dir(root).arg("--").args(names.collect::<Result<Vec<_>, _>>()?);
    crate::shell::capture(&mut md5sum)
}
