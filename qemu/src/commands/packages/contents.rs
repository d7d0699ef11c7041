//! What is in the files of a release: the same program in every form for a processor, and the same files
//! around it for every processor.

use crate::commands::dist::{Arch, Listed, NOTICE, wheel_name, wheel_platforms};
use crate::setup::Tool;
use crate::shell::{capture, run};
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use object::Endianness;
use object::elf::{EM_AARCH64, EM_X86_64, FileHeader64};
use object::read::elf::FileHeader;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The files of the stage in its archive and package, which are beside them, too.
const STAGE: [&str; 6] = [
    "ringfence.elf",
    "ringfence.img",
    "ringfence-full.elf",
    "ringfence-full.img",
    "ringfence-sentinel.elf",
    "ringfence-sentinel.img",
];

/// Files by their name, with their bytes.
type Contents = BTreeMap<PathBuf, Vec<u8>>;

/// The three forms of the tool for a processor, by the names of their files.
pub(super) struct Forms {
    pub(super) arch: Arch,
    archive: PathBuf,
    pub(super) deb: PathBuf,
    pub(super) wheel: PathBuf,
}

impl Forms {
    /// Names the forms in the directory of a release.
    pub(super) fn of(dist: &Path, arch: Arch) -> Self {
        let name = arch.name();
        Self {
            arch,
            archive: dist.join(format!("ringfence-{VERSION}-{name}-linux.tar.gz")),
            deb: dist.join(format!("ringfence_{VERSION}_{}.deb", arch.debian())),
            wheel: dist.join(wheel_name(arch)),
        }
    }

    /// Tells whether a release has none of them: it was made where the tool cannot be compiled for this
    /// processor.
    pub(super) fn are_left_out(&self) -> bool {
        ![&self.archive, &self.deb, &self.wheel].iter().any(|file| file.exists())
    }

    /// Unpacks each form below a directory, checks it, and returns the program and all that surrounds it.
    pub(super) fn unpack(&self, ws: &Workspace, to: &Path) -> Result<(PathBuf, Contents)> {
        let to = to.join(self.arch.name());
        let mut around = Contents::new();
        let program = self.unpack_archive(&to.join("archive"), &mut around)?;
        for (form, other) in [
            (&self.deb, self.unpack_deb(&to.join("deb"), &mut around)?),
            (&self.wheel, self.unpack_wheel(ws, &to.join("wheel"), &mut around)?),
        ] {
            let is_same = fs::read(&other)? == fs::read(&program)?;
            is_for(self.arch, &other)?;
            ensure!(is_same, "{} has another program than {}", form.display(), self.archive.display());
        }
        Ok((program, around))
    }

    fn unpack_archive(&self, to: &Path, around: &mut Contents) -> Result<PathBuf> {
        fs::create_dir_all(to)?;
        run(Command::new("tar").arg("-C").arg(to).arg("-xzf").arg(&self.archive))?;
        let top = to.join(format!("ringfence-{VERSION}-{}-linux", self.arch.name()));
        ensure!(fs::read_dir(to)?.count() == 1, "{} has more than one directory", self.archive.display());
        let (program, notice) = (top.join("ringfence"), top.join(NOTICE));
        self.is_notice(&notice, &self.archive)?;
        collect(&top, "archive", &[&program, &notice], around)?;
        Ok(program)
    }

    fn unpack_deb(&self, to: &Path, around: &mut Contents) -> Result<PathBuf> {
        unpack_deb(&self.deb, "ringfence", self.arch.debian(), to)?;
        let program = to.join("usr/bin/ringfence");
        let documents = to.join("usr/share/doc/ringfence");
        let (parts, notice) = (documents.join("parts.cdx.json"), documents.join(NOTICE));
        let list = self.archive.with_file_name(Listed::Tool(self.arch).file());
        ensure!(fs::read(&parts)? == fs::read(list)?, "{} lists other parts", self.deb.display());
        self.is_notice(&notice, &self.deb)?;
        collect(&to.join("usr"), "deb", &[&program, &parts, &notice], around)?;
        Ok(program)
    }

    /// Lets pip install it as on a machine with this processor, and checks that no other would take it.
    fn unpack_wheel(&self, ws: &Workspace, to: &Path, around: &mut Contents) -> Result<PathBuf> {
        let pip = |platform: &str, to: &Path| {
            // The interpreter, because a script names the directory that it was installed in.
            let python = Tool::Maturin.program(ws).with_file_name("python3");
            let mut pip = Command::new(python);
            pip.args(["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index"]);
            pip.args(["--only-binary=:all:", "--platform", platform]);
            pip.arg("--target").arg(to).arg(&self.wheel);
            pip
        };
        for other in Arch::ALL.into_iter().filter(|other| *other != self.arch) {
            for platform in wheel_platforms(other) {
                let is_taken = capture(&mut pip(&platform, to)).is_ok();
                ensure!(!is_taken, "{} installs on {platform}, too", self.wheel.display());
            }
        }
        let [gnu, musl] = wheel_platforms(self.arch);
        capture(&mut pip(&gnu, to))?;
        capture(&mut pip(&musl, &to.with_file_name("wheel-musl")))?;
        let about = to.join(format!("ringfence-{VERSION}.dist-info"));
        let program = to.join("bin/ringfence");
        // Pip's own note of where it comes from.
        let _ = fs::remove_file(about.join("direct_url.json"));
        let notice = about.join("licenses").join(NOTICE);
        self.is_notice(&notice, &self.wheel)?;
        // These name the processor, and the sum of the program.
        let own = [&program, &notice, &about.join("WHEEL"), &about.join("RECORD")];
        collect(to, "wheel", &own.map(PathBuf::as_path), around)?;
        Ok(program)
    }

    /// Checks that a form has the notice for its processor.
    fn is_notice(&self, notice: &Path, form: &Path) -> Result<()> {
        is_copy(notice, &self.archive.with_file_name(Listed::Tool(self.arch).notice()), form)
    }
}

/// Checks the archive and the package of the stage against the files beside them.
pub(super) fn check_stage(dist: &Path, to: &Path) -> Result<PathBuf> {
    let name = format!("ringfence-stage-{VERSION}");
    let archive = to.join("archive");
    fs::create_dir_all(&archive)?;
    run(Command::new("tar").arg("-C").arg(&archive).arg("-xzf").arg(dist.join(format!("{name}.tar.gz"))))?;
    let deb = dist.join(format!("ringfence-stage_{VERSION}_all.deb"));
    unpack_deb(&deb, "ringfence-stage", "all", &to.join("deb"))?;
    for directory in [archive.join(&name), to.join("deb/usr/lib/ringfence")] {
        for file in STAGE {
            let bytes = fs::read(directory.join(file)).with_context(|| directory.display().to_string())?;
            ensure!(bytes == fs::read(dist.join(file))?, "{}: another {file}", directory.display());
        }
    }
    for directory in [archive.join(&name), to.join("deb/usr/share/doc/ringfence-stage")] {
        is_copy(&directory.join(NOTICE), &dist.join(Listed::Stage.notice()), &directory)?;
    }
    Ok(deb)
}

/// Checks that a form has the notice that is beside it.
fn is_copy(notice: &Path, beside: &Path, form: &Path) -> Result<()> {
    let text = fs::read(notice).with_context(|| format!("{} has no {NOTICE}", form.display()))?;
    ensure!(text == fs::read(beside)?, "{} has another notice than {}", form.display(), beside.display());
    Ok(())
}

/// Unpacks a package, and checks its fields and its sums.
fn unpack_deb(deb: &Path, name: &str, arch: &str, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    run(Command::new("dpkg-deb").arg("--raw-extract").arg(deb).arg(to))?;
    for (field, expected) in [("Package", name), ("Version", VERSION), ("Architecture", arch)] {
        let value = capture(Command::new("dpkg-deb").arg("--field").arg(deb).arg(field))?;
        ensure!(value.trim_end() == expected, "{}: {field} is {value:?}", deb.display());
    }
    let sums = to.join("DEBIAN/md5sums");
    run(Command::new("md5sum").args(["--check", "--strict", "--quiet"]).arg(&sums).current_dir(to))?;
    let (listed, there) = (fs::read_to_string(&sums)?.lines().count(), super::below(&to.join("usr"))?);
    let there = there.iter().filter(|path| path.is_file()).count();
    ensure!(listed == there, "{}: {listed} sums for {there} files", deb.display());
    Ok(())
}

/// Checks that a program is for this processor, and may be run by all.
fn is_for(arch: Arch, program: &Path) -> Result<()> {
    let mode = fs::metadata(program)?.permissions().mode();
    ensure!(mode & 0o111 == 0o111, "{}: the mode is {mode:o}", program.display());
    let data = fs::read(program)?;
    let header = FileHeader64::<Endianness>::parse(data.as_slice())?;
    let expected = match arch {
        Arch::X86_64 => EM_X86_64,
        Arch::Aarch64 => EM_AARCH64,
    };
    let machine = header.e_machine(header.endian()?);
    ensure!(machine == expected, "{}: the ELF machine is {machine}", program.display());
    Ok(())
}

/// Reads all files below a directory but these, which must be there.
fn collect(directory: &Path, form: &str, except: &[&Path], contents: &mut Contents) -> Result<()> {
    let files = super::below(directory)?;
    for file in except {
        ensure!(files.contains(*file), "{} is missing", file.display());
    }
    for file in files.iter().filter(|file| file.is_file() && !except.contains(&file.as_path())) {
        let name = Path::new(form).join(file.strip_prefix(directory)?);
        contents.insert(name, fs::read(file)?);
    }
    Ok(())
}

/// Checks that what surrounds the program is the same for two processors.
pub(super) fn are_same(first: &Contents, second: &Contents) -> Result<()> {
    let names: BTreeSet<&PathBuf> = first.keys().chain(second.keys()).collect();
    let other: Vec<_> = names.into_iter().filter(|name| first.get(*name) != second.get(*name)).collect();
    ensure!(other.is_empty(), "other files for another processor: {other:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_one_processor_lacks_is_named() {
        let contents = |names: &[&str]| names.iter().map(|name| (name.into(), vec![1])).collect();
        let (both, one): (Contents, Contents) = (contents(&["a", "b"]), contents(&["a"]));
        are_same(&both, &both).unwrap();
        for (first, second) in [(&both, &one), (&one, &both)] {
            assert!(are_same(first, second).unwrap_err().to_string().contains("[\"b\"]"));
        }
    }
}
