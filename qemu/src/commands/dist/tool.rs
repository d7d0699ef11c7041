//! The tool as one static file, which runs on any Linux, with its manual and completions.

use crate::shell::{capture, run};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Shells that get a completion script, by the name that `ringfence completions` takes.
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// Builds the tool with the C library inside, checks that it needs nothing and works, and lays it out.
pub(super) fn lay_out(ws: &Workspace, dist: &Path) -> Result<()> {
    let built = build(ws)?;
    for directory in ["man/man1", "completions"] {
        fs::create_dir_all(dist.join(directory))?;
    }
    let tool = dist.join("ringfence");
    fs::copy(&built, &tool).with_context(|| built.display().to_string())?;
    is_static(&tool)?;
    works(ws, &tool)?;
    run(Command::new(&tool).arg("man").arg("--directory").arg(dist.join("man/man1")))?;
    for shell in SHELLS {
        let script = capture(Command::new(&tool).args(["completions", shell]))?;
        fs::write(dist.join("completions").join(format!("ringfence.{shell}")), script)?;
    }
    println!("{}: static, runs, {} bytes", tool.display(), fs::metadata(&tool)?.len());
    Ok(())
}

/// Builds for the host by its name, so that the flags reach the tool alone and not what compiles along the
/// way: procedural macros are shared objects, and cannot be static.
fn build(ws: &Workspace) -> Result<PathBuf> {
    let version = capture(Command::new("rustc").arg("-vV").current_dir(&ws.root))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("`rustc -vV` names no host")?;
    let mut cargo = ws.cargo();
    cargo.args([
        "build",
        "--quiet",
        "--release",
        "--locked",
        "--package",
        "ringfence-cli",
        "--bin",
        "ringfence",
    ]);
    cargo.args(["--target", host]).env("CARGO_TARGET_DIR", &ws.target);
    cargo
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", "-Ctarget-feature=+crt-static -Cstrip=symbols");
    run(&mut cargo).context("a static C library may be missing (Debian: libc6-dev)")?;
    Ok(ws.target.join(host).join("release/ringfence"))
}

/// Asks `ldd`, which says so in one of two ways, and not always with success.
fn is_static(tool: &Path) -> Result<()> {
    let output = Command::new("ldd").arg(tool).output().context("cannot start ldd")?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    if !["statically linked", "not a dynamic executable"].iter().any(|words| said.contains(words)) {
        bail!("{} needs other files:\n{said}", tool.display());
    }
    Ok(())
}

/// Runs it with nothing in its environment, on a tree that is right.
fn works(ws: &Workspace, tool: &Path) -> Result<()> {
    capture(Command::new(tool).env_clear().arg("--version"))?;
    let tree = ws.root.join("tests/fixtures/carveouts.dtb");
    let said = capture(Command::new(tool).env_clear().args(["map", "--no-config"]).arg(&tree))?;
    if !said.contains("/reserved-memory/") {
        bail!("{} shows no regions of {}:\n{said}", tool.display(), tree.display());
    }
    Ok(())
}
