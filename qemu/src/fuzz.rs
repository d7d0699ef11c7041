//! A short run of every fuzz target, where a nightly compiler and cargo-fuzz happen to be installed.
//!
//! Elsewhere the same promises are held by `tests/damage.rs`, which needs neither: nothing is installed for
//! this.

use crate::shell::find_program;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Seconds that each target runs: long enough to go through the seeds and some thousand mutations.
const SECONDS: u32 = 8;

/// Largest input that is tried, in bytes: the fixtures are smaller, and small ones are tried faster.
const LARGEST: u32 = 8192;

/// Returns one command for each target; none where it cannot be run.
pub(crate) fn smoke(ws: &Workspace) -> Result<Vec<(String, Command)>> {
    if find_program("cargo-fuzz").is_none() || !nightly_is_installed() {
        return Ok(Vec::new());
    }
    let dir = ws.root.join("fuzz/fuzz_targets");
    let mut commands = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        let target = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut fuzz = Command::new("cargo");
        fuzz.current_dir(&ws.root).args(["fuzz", "run", "--target-dir"]).arg(ws.target.join("fuzz"));
        fuzz.arg(&target).arg(ws.scratch("fuzz")?.join(&target)).arg("tests/fixtures");
        fuzz.args(["--", "-verbosity=0", "-print_final_stats=0"]);
        fuzz.arg(format!("-max_total_time={SECONDS}")).arg(format!("-max_len={LARGEST}"));
        // The installed nightly and no other: a missing one must not be fetched.
        fuzz.env("RUSTUP_TOOLCHAIN", "nightly").env("RUSTUP_AUTO_INSTALL", "0");
        // What the cargo that runs us says about itself would lead the nightly one to the wrong compiler.
        for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTFLAGS", "CARGO_TARGET_DIR"] {
            fuzz.env_remove(name);
        }
        fs::create_dir_all(ws.scratch("fuzz")?.join(&target))?;
        commands.push((format!("fuzz-{target}"), fuzz));
    }
    commands.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(commands)
}

fn nightly_is_installed() -> bool {
    let home = std::env::var_os("RUSTUP_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".rustup")));
    let toolchains = home.and_then(|home| fs::read_dir(home.join("toolchains")).ok());
    toolchains.is_some_and(|list| {
        list.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("nightly-"))
    })
}
