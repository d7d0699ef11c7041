//! Core and alloc for the bare-metal target: installed ones, or built once from a compiler's own sources.
//!
//! An installed target of the `rustc` in use is taken as it is. Otherwise a compiler that brings its library
//! sources (Debian's `rustc-web` with `rust-web-src`) builds `core`, `alloc` and `compiler_builtins` once
//! into a sysroot under the target directory, keyed by compiler, target and recipe: a rebuilt sysroot under
//! an old path would leave stale artefacts after. rustup is never run and nothing of it is changed.

use crate::shell::{capture, find_program, run};
use crate::workspace::Workspace;
use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target that the stage is compiled for.
pub(crate) const TARGET: &str = "aarch64-unknown-none";

/// The target that the sentinel is compiled for: it must leave the vector registers to Linux.
pub(crate) const SOFT_TARGET: &str = "aarch64-unknown-none-softfloat";

/// Returns the variable whose flags cargo adds to the configured ones for `target`.
fn flags_variable(target: &str) -> String {
    format!("CARGO_TARGET_{}_RUSTFLAGS", target.to_uppercase().replace('-', "_"))
}

/// The crates a `no_std` program with a heap links.
const CRATES: [&str; 3] = ["core", "alloc", "compiler_builtins"];

/// Compiler flags that keep clear of processors' errata: LLVM separates a 64-bit multiply-accumulate from the
/// load or store before it (Cortex-A53 erratum 835769). rustc does not know the name, and says so for every
/// crate unless warnings are off; `lint-stage` has them on.
pub(crate) const WORKAROUNDS: &str = "-Ctarget-feature=+fix-cortex-a53-835769 -Awarnings";

/// Compiler flags for the sysroot, besides. Without embedded bitcode a later fat LTO finds nothing to work
/// on.
const SYSROOT_FLAGS: &str = "-Cembed-bitcode=yes";
const STD_FEATURES: &str = "compiler-builtins-mem";

/// How to make cargo build for a bare-metal target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toolchain {
    /// The target.
    target: &'static str,
    /// The compiler, where it is not the one that cargo takes by itself.
    rustc: Option<PathBuf>,
    /// The sysroot built by us, and the linker flags that go with it.
    flags: Vec<String>,
    /// One line for a person.
    pub(crate) description: String,
}

impl Toolchain {
    /// Tells whether it is an installed target, with all components of its toolchain beside it.
    pub(crate) fn is_installed(&self) -> bool {
        self.flags.is_empty()
    }

    /// Adds a compiler flag for the bare-metal target to a command that [`apply`](Self::apply) set up.
    pub(crate) fn add_flags(&self, cargo: &mut Command, flag: &str) {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).chain([flag]).collect();
        cargo.env(flags_variable(self.target), flags.join(" "));
    }

    /// Sets up a cargo command for the bare-metal target.
    ///
    /// `RUSTFLAGS` of the environment is taken away: it would replace, not extend, the flags for this target.
    pub(crate) fn apply(&self, cargo: &mut Command) {
        cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").args(["--target", self.target]);
        if let Some(rustc) = &self.rustc {
            cargo.env("RUSTC", rustc);
        }
        if !self.flags.is_empty() {
            cargo.env(flags_variable(self.target), self.flags.join(" "));
        }
    }
}

/// The oldest compiler that builds the project, as its manifest has it.
const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");

/// A compiler that could give us the target.
struct Compiler {
    path: PathBuf,
    sysroot: PathBuf,
    host: String,
    version: String,
}

impl Compiler {
    /// Tells whether it is young enough for the project. Debian's stable release had older ones, and a
    /// machine whose package lists are from then still installs them.
    fn is_recent(&self) -> bool {
        numbers(&self.version) >= numbers(OLDEST)
    }
}

/// Returns the leading numbers of a version such as `1.96.0 (ac68faa20)`.
fn numbers(version: &str) -> Vec<u32> {
    let release = version.split(|c: char| c != '.' && !c.is_ascii_digit()).next().unwrap_or_default();
    release.split('.').filter_map(|part| part.parse().ok()).collect()
}

/// Tells whether a build for the target is possible without installing anything.
pub(crate) fn is_available(ws: &Workspace) -> bool {
    matches!(find(ws, TARGET), Ok(Some(_)))
}

/// Returns the toolchain for `target`, building the sysroot when it is not there yet.
///
/// # Errors
/// When no compiler can give the target, or when the sysroot does not build.
pub(crate) fn toolchain(ws: &Workspace, target: &'static str) -> Result<Toolchain> {
    match find(ws, target)? {
        Some(Found::Installed(compiler, is_default)) => Ok(Toolchain {
            target,
            description: format!("{target} installed for rustc {}", compiler.version),
            rustc: (!is_default).then_some(compiler.path),
            flags: Vec::new(),
        }),
        Some(Found::Sources(compiler)) => from_sources(ws, &compiler, target),
        None => bail!(
            "no compiler here, {OLDEST} or younger, can build for {target}\n  either: rustup target add \
             {target}\n  or, on Debian: apt-get install -y --no-install-recommends rustc-web rust-web-src \
             lld-19"
        ),
    }
}

enum Found {
    /// The target's libraries are there; `true` for the compiler that cargo takes by itself.
    Installed(Compiler, bool),
    /// The libraries' sources are there.
    Sources(Compiler),
}

fn find(_ws: &Workspace, target: &str) -> Result<Option<Found>> {
    let default = find_program("rustc");
    let debian = PathBuf::from("/usr/bin/rustc");
    let chosen = std::env::var_os("RUSTC").map(PathBuf::from);
    let mut sources = None;
    for path in [chosen, default.clone(), Some(debian)].into_iter().flatten() {
        let Some(compiler) = inspect(&path).ok().filter(Compiler::is_recent) else { continue };
        if has_core(&compiler.sysroot.join("lib/rustlib").join(target).join("lib")) {
            let is_default = default.as_ref() == Some(&path) && std::env::var_os("RUSTC").is_none();
            return Ok(Some(Found::Installed(compiler, is_default)));
        }
        if sources.is_none() && library(&compiler).join("core/Cargo.toml").is_file() {
            sources = Some(compiler);
        }
    }
    Ok(sources.map(Found::Sources))
}

fn inspect(rustc: &Path) -> Result<Compiler> {
    let version = capture(Command::new(rustc).arg("-vV"))?;
    let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let sysroot = capture(Command::new(rustc).args(["--print", "sysroot"]))?;
    Ok(Compiler {
        path: rustc.to_path_buf(),
        sysroot: sysroot.trim_end().into(),
        host: field("host: ").context("rustc names no host")?,
        version: format!(
            "{} ({})",
            field("release: ").unwrap_or_default(),
            field("commit-hash: ").unwrap_or_default()
        ),
    })
}

fn library(compiler: &Compiler) -> PathBuf {
    compiler.sysroot.join("lib/rustlib/src/rust/library")
}

fn has_core(dir: &Path) -> bool {
    let Ok(list) = fs::read_dir(dir) else { return false };
    list.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
}

fn from_sources(ws: &Workspace, compiler: &Compiler, target: &'static str) -> Result<Toolchain> {
    let linker = find_linker(compiler);
    let recipe = [
        compiler.version.as_str(),
        &compiler.host,
        target,
        SYSROOT_FLAGS,
        WORKAROUNDS,
        STD_FEATURES,
        &CRATES.join(","),
        &linker.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
    ];
    let key: String =
        Sha256::digest(recipe.join("\n")).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let sysroot = ws.cache().join(format!("sysroot-{key}"));
    if !sysroot.is_dir() {
        build(ws, compiler, target, linker.as_deref(), &sysroot)?;
    }
    let mut flags = vec![format!("--sysroot={}", sysroot.display())];
    if linker.is_none() {
        let gnu = find_program("aarch64-linux-gnu-ld").ok_or_else(|| {
            anyhow!("no linker for {target}: apt-get install -y --no-install-recommends lld-19")
        })?;
        flags.push("-Clinker-flavor=ld".into());
        flags.push(format!("-Clinker={}", gnu.display()));
    }
    Ok(Toolchain {
        rustc: Some(compiler.path.clone()),
        flags,
        target,
        description: format!("{target} built from the sources of {}", compiler.path.display()),
    })
}

/// Builds the sysroot beside its final place and moves it there whole.
fn build(
    ws: &Workspace,
    compiler: &Compiler,
    target: &str,
    linker: Option<&Path>,
    sysroot: &Path,
) -> Result<()> {
    eprintln!("set-up: building core and alloc for {target} with {} (once)", compiler.path.display());
    let work = ws.cache().join(format!("sysroot-build-{target}"));
    let _ = fs::remove_dir_all(&work);
    let package = work.join("package");
    fs::create_dir_all(package.join("src"))?;
    fs::create_dir_all(package.join(".cargo"))?;
    fs::write(package.join("src/lib.rs"), "#![no_std]\n")?;
    fs::write(
        package.join("Cargo.toml"),
        "[package]\nname = \"sysroot\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n\
         [profile.release]\npanic = \"abort\"\ncodegen-units = 1\n",
    )?;
    let mut cargo = ws.cargo();
    // The library's own dependencies are beside its sources, so that no registry is needed.
    let vendor = library(compiler).join("vendor");
    if vendor.is_dir() {
        let text = format!(
            "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"{}\"\n",
            vendor.display()
        );
        fs::write(package.join(".cargo/config.toml"), text)?;
    }
    cargo.current_dir(&package).args(["build", "--quiet", "--release", "--target", target]);
    if vendor.is_dir() {
        cargo.arg("--offline");
    }
    cargo
        .arg(format!("-Zbuild-std={}", CRATES.join(",")))
        .arg(format!("-Zbuild-std-features={STD_FEATURES}"))
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .env("CARGO_TARGET_DIR", work.join("target"))
        .env("RUSTFLAGS", format!("{SYSROOT_FLAGS} {WORKAROUNDS}"))
        .env("RUSTC", &compiler.path)
        // Only for this build: it lets a released compiler build its own library.
        .env("RUSTC_BOOTSTRAP", "1");
    run(&mut cargo).context("building core and alloc from sources")?;

    let root = work.join("sysroot");
    let lib = root.join("lib/rustlib").join(target).join("lib");
    let bin = root.join("lib/rustlib").join(&compiler.host).join("bin");
    fs::create_dir_all(&lib)?;
    fs::create_dir_all(&bin)?;
    let built = work.join("target").join(target).join("release/deps");
    for name in CRATES {
        copy_library(&built, name, &lib)?;
    }
    if let Some(linker) = linker {
        std::os::unix::fs::symlink(linker, bin.join("rust-lld"))?;
    }
    fs::rename(&root, sysroot).with_context(|| format!("cannot keep {}", sysroot.display()))?;
    fs::remove_dir_all(&work)?;
    Ok(())
}

fn copy_library(from: &Path, name: &str, to: &Path) -> Result<()> {
    let prefix = format!("lib{name}-");
    for entry in fs::read_dir(from)?.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if file.starts_with(&prefix) && file.ends_with(".rlib") {
            fs::copy(entry.path(), to.join(file))?;
            return Ok(());
        }
    }
    bail!("the build left no {prefix}*.rlib in {}", from.display());
}

/// Returns an LLVM linker, which rustc looks for under the name `rust-lld` in its sysroot.
fn find_linker(compiler: &Compiler) -> Option<PathBuf> {
    let own = compiler.sysroot.join("lib/rustlib").join(&compiler.host).join("bin/rust-lld");
    let versioned = (14..=30).rev().map(|version| PathBuf::from(format!("/usr/bin/lld-{version}")));
    let beside = find_program("rustc")
        .and_then(|rustc| inspect(&rustc).ok())
        .map(|other| other.sysroot.join("lib/rustlib").join(&other.host).join("bin/rust-lld"));
    let plain = PathBuf::from("/usr/bin/lld");
    [own].into_iter().chain(versioned).chain(beside).chain([plain]).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_older_than_the_project_allows_is_none() {
        let compiler = |version: &str| Compiler {
            path: PathBuf::new(),
            sysroot: PathBuf::new(),
            host: String::new(),
            version: version.into(),
        };
        assert!(!compiler("1.85.0 (4d91de4e4)").is_recent());
        assert!(!compiler("1.9.0 (4d91de4e4)").is_recent());
        assert!(compiler("1.96.0-nightly (ac68faa20)").is_recent());
        assert!(compiler(&format!("{OLDEST}.0 ()")).is_recent());
    }
}
