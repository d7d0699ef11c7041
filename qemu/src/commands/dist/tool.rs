//! The tool as one static file, which runs on any Linux, with its manual and completions.

use crate::renames::{self, renames};
use crate::setup::{self, CROSS_TARGET, Consent, Need};
use crate::shell::{capture, run, words};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use object::elf::{FileHeader64, PT_INTERP};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, FileKind};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Shells that get a completion script, by the name that `ringfence completions` takes.
pub(super) const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// The board of the README with an overlap, below the project's directory.
pub(crate) const BOARD: &str = "cli/tests/book/board.dts";
/// The finding of the README, in the words of the tool.
const FINDING: &str = "error[RF201]: /reserved-memory/camera@84300000: overlaps wpss@84800000 by 2 MiB";

/// A processor that the tool is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arch {
    X86_64,
    Aarch64,
}

impl Arch {
    pub(crate) const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// Returns the name that `uname -m` prints.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// Returns Debian's name.
    pub(crate) const fn debian(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
        }
    }

    pub(crate) fn target(self) -> String {
        format!("{}-unknown-linux-gnu", self.name())
    }

    pub(crate) fn is_host(self) -> bool {
        std::env::consts::ARCH == self.name()
    }

    /// Returns what it takes to run the tool here, and to compile sources with it.
    pub(crate) fn needs(self) -> &'static [Need] {
        if self.is_host() { &[Need::Dtc] } else { &[Need::Dtc, Need::QemuUser] }
    }

    /// Returns a program for this processor, ready to run here with nothing in its environment but where
    /// programs are.
    pub(crate) fn run(self, ws: &Workspace, program: &Path) -> Command {
        let mut command = match self.is_host() {
            true => Command::new(program),
            false => {
                let mut emulator = Command::new(setup::qemu_user(ws));
                emulator.arg(program);
                emulator
            }
        };
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command
    }
}

/// The tool for one processor.
pub(super) struct Built {
    pub(super) arch: Arch,
    pub(super) program: PathBuf,
    /// The variables with which cargo built it, and finds it again.
    pub(super) cargo: Vec<(String, String)>,
}

/// Builds the tool for each processor that it can be built for here, and checks that it needs nothing, holds
/// no path of this machine, and works.
pub(super) fn build(ws: &Workspace, host_only: bool, consent: Consent) -> Result<Vec<Built>> {
    let mut all = Vec::new();
    for arch in Arch::ALL.into_iter().filter(|arch| arch.is_host() || !host_only) {
        let cargo = match variables(ws, arch, consent) {
            Ok(variables) => variables,
            Err(error) if !arch.is_host() => {
                println!("{}: left out: {error:#}", arch.target());
                continue;
            }
            Err(error) => return Err(error),
        };
        let built = compile(ws, arch, cargo)?;
        is_static(&built.program)?;
        renames::is_absent(ws, &built.program)?;
        works(ws, &built, consent)?;
        let size = fs::metadata(&built.program)?.len();
        println!("ringfence for {}: static, runs, {size} bytes", arch.target());
        all.push(built);
    }
    Ok(all)
}

/// Returns the variables for cargo. The flags name the target, so that they do not reach what compiles along
/// the way: procedural macros are shared objects, and cannot be static.
fn variables(ws: &Workspace, arch: Arch, consent: Consent) -> Result<Vec<(String, String)>> {
    let mut flags = vec!["-Ctarget-feature=+crt-static".to_owned(), "-Cstrip=symbols".to_owned()];
    let mut variables = Vec::new();
    let mut target = ws.target.clone();
    if !arch.is_host() {
        ensure!(arch == Arch::Aarch64, "this machine is none, and cross compiles for {CROSS_TARGET} alone");
        let cross = setup::cross(ws, consent)?;
        flags.extend(cross.flags);
        if let Some(rustc) = cross.rustc {
            variables.push(("RUSTC".to_owned(), rustc.display().to_string()));
            // Another compiler would undo what the first has built for the host.
            target = target.join("cross");
        }
    }
    flags.extend(renames(ws)?);
    variables.push(("CARGO_ENCODED_RUSTFLAGS".to_owned(), flags.join("\u{1f}")));
    variables.push(("CARGO_TARGET_DIR".to_owned(), target.display().to_string()));
    Ok(variables)
}

fn compile(ws: &Workspace, arch: Arch, cargo: Vec<(String, String)>) -> Result<Built> {
    let mut command = ws.cargo();
    command.args(["build", "--quiet", "--release", "--locked", "--package", "ringfence-cli"]);
    command.args(["--bin", "ringfence", "--target", &arch.target()]);
    command.env_remove("RUSTFLAGS").envs(cargo.iter().map(|(name, value)| (name, value)));
    run(&mut command).context("a static C library may be missing (Debian: libc6-dev)")?;
    let target = cargo.iter().find(|(name, _)| name == "CARGO_TARGET_DIR");
    let (_, target) = target.context("a build without a target directory")?;
    let program = Path::new(target).join(arch.target()).join("release/ringfence");
    Ok(Built { arch, program, cargo })
}

/// Checks that the kernel starts it by itself: it names no program that would load libraries first.
fn is_static(tool: &Path) -> Result<()> {
    let file = fs::read(tool)?;
    let data = file.as_slice();
    ensure!(FileKind::parse(data)? == FileKind::Elf64, "{}: not a 64-bit ELF file", tool.display());
    let header = FileHeader64::<Endianness>::parse(data)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, data)?;
    if segments.iter().any(|segment| segment.p_type(endian) == PT_INTERP) {
        bail!("{} needs a dynamic loader", tool.display());
    }
    Ok(())
}

/// Runs it, and checks that it finds the error of the README.
fn works(ws: &Workspace, built: &Built, consent: Consent) -> Result<()> {
    setup::ensure(ws, built.arch.needs(), consent)?;
    let tool = || built.arch.run(ws, &built.program);
    let version = capture(tool().arg("--version"))?;
    ensure!(version.split_whitespace().nth(1) == Some(env!("CARGO_PKG_VERSION")), "--version: {version}");
    finds(tool().args(["check", "--no-config"]).arg(ws.root.join(BOARD)))
}

/// Checks that a command, which is `ringfence check` of [`BOARD`], finds there what the README says.
pub(crate) fn finds(check: &mut Command) -> Result<()> {
    let output = check.output().with_context(|| words(check))?;
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(1) && said.contains(FINDING), "{}: {said}", words(check));
    Ok(())
}

/// Writes the manual and the completions, which are the same for every processor.
pub(super) fn write_texts(host: &Path, to: &Path) -> Result<()> {
    for directory in ["man/man1", "completions"] {
        fs::create_dir_all(to.join(directory))?;
    }
    run(Command::new(host).arg("man").arg("--directory").arg(to.join("man/man1")))?;
    for shell in SHELLS {
        let script = capture(Command::new(host).args(["completions", shell]))?;
        fs::write(to.join("completions").join(format!("ringfence.{shell}")), script)?;
    }
    Ok(())
}
