//! Builds and runs the fuzz targets with what is installed: a stable compiler and a C++ compiler.
//!
//! libFuzzer comes with the `libfuzzer-sys` crate. The coverage that it is guided by is a pass of LLVM that a
//! stable compiler has, too; a sanitizer is not needed, since nothing under test is unsafe.

use crate::shell::{capture, find_program};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// What makes a build one for libFuzzer, as cargo-fuzz has it.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cdebug-assertions";
/// What reports the operands of comparisons, which libFuzzer looks for in the input.
const COMPARISONS: &str = "-Cllvm-args=-sanitizer-coverage-trace-compares";

/// Targets whose bytes are choices, of which no file is made.
const OF_CHOICES: [&str; 2] = ["appended_tree", "pipeline"];
/// Targets that are built without a report of comparisons, which takes a third to a half of the time. What
/// code compares is not in bytes that are choices; and texts are read a character at a time, whose branches
/// show as much, while libFuzzer sees the words that are compared by `memcmp`.
const PLAIN: [&str; 3] = ["appended_tree", "pipeline", "toml"];

/// The target that needs the tool, and with it many libraries.
const OF_THE_TOOL: &str = "toml";

/// Largest input that is tried, in bytes: the seeds are smaller, and small ones are tried faster.
const LARGEST: u32 = 8192;
/// Most bytes of choices: no case takes more.
const MAX_CHOICES: u32 = 1024;

/// Returns the names of all targets.
///
/// # Errors
/// When their directory cannot be read.
pub(crate) fn targets(ws: &Workspace) -> Result<Vec<String>> {
    let dir = ws.root.join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| dir.display().to_string())? {
        names.extend(entry?.path().file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Builds targets and returns the name of the platform for which they are.
///
/// # Errors
/// When something is missing or does not build.
pub(crate) fn build(ws: &Workspace, targets: &[String]) -> Result<String> {
    if find_program("c++").is_none() {
        bail!("`c++` is missing, which compiles libFuzzer: install the Debian package g++");
    }
    let version = capture(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("`rustc -vV` names no host")?;
    let (plain, others): (Vec<&String>, Vec<&String>) =
        targets.iter().partition(|target| PLAIN.contains(&target.as_str()));
    let compared = format!("{COVERAGE} {COMPARISONS}");
    for (targets, flags) in [(plain, COVERAGE), (others, compared.as_str())] {
        if !targets.is_empty() {
            crate::shell::run(&mut build_command(ws, host, flags, &targets))?;
        }
    }
    Ok(host.to_owned())
}

/// Returns where targets are built; apart where the flags are others, so that both are kept.
fn dir(ws: &Workspace, target: &str) -> PathBuf {
    ws.target.join(if PLAIN.contains(&target) { "fuzz-plain" } else { "fuzz" })
}

/// Returns the command that builds targets with these flags.
fn build_command(ws: &Workspace, host: &str, flags: &str, targets: &[&String]) -> Command {
    let mut cargo = ws.cargo();
    // With a target named, build scripts and macros are not instrumented.
    cargo.args([
        "build",
        "--release",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--target",
        host,
        "--target-dir",
    ]);
    cargo
        .args(targets.first().map(|target| dir(ws, target)))
        .env("RUSTFLAGS", flags)
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    for target in targets {
        cargo.args(["--bin", target]);
        if *target == OF_THE_TOOL {
            cargo.args(["--features", "tool"]);
        }
    }
    cargo
}

/// Returns the command that runs one target for some seconds. What it finds interesting is kept for the next
/// run, and an input that fails is written beside it.
///
/// # Errors
/// When the directories cannot be made.
pub(crate) fn command(ws: &Workspace, host: &str, target: &str, seconds: u64) -> Result<Command> {
    let corpus = ws.scratch("fuzz")?.join(target);
    fs::create_dir_all(&corpus)?;
    let mut fuzz = Command::new(dir(ws, target).join(host).join("release").join(target));
    fuzz.current_dir(&ws.root).arg(&corpus);
    fuzz.args(seeds(target));
    fuzz.args(["-verbosity=0", "-print_final_stats=1", "-timeout=20", "-rss_limit_mb=2048"]);
    fuzz.arg(format!("-artifact_prefix={}/failed-", ws.scratch("fuzz")?.join(target).display()));
    fuzz.arg(format!("-max_total_time={seconds}"));
    if PLAIN.contains(&target) {
        // To weigh inputs by how rare they are takes as long as the code under test.
        fuzz.arg("-entropic=0");
    }
    match OF_CHOICES.contains(&target) {
        // Short inputs leave most choices out.
        true => fuzz.arg(format!("-max_len={MAX_CHOICES}")).arg("-len_control=0"),
        false => fuzz.arg(format!("-max_len={LARGEST}")),
    };
    Ok(fuzz)
}

/// Returns the directories of the project whose files a target starts from.
fn seeds(target: &str) -> &'static [&'static str] {
    match target {
        "boot_log" => &["fuzz/seeds/boot_log"],
        _ if OF_CHOICES.contains(&target) => &[],
        "toml" => &["fuzz/seeds/toml"],
        _ => &["tests/fixtures"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_built_and_its_seeds_are_there() {
        let ws = Workspace::locate();
        let manifest = fs::read_to_string(ws.root.join("fuzz/Cargo.toml")).unwrap();
        let targets = targets(&ws).unwrap();
        assert!(targets.len() >= 9, "{targets:?}");
        for target in targets {
            assert!(manifest.contains(&format!("name = \"{target}\"")), "{target}");
            for dir in seeds(&target) {
                assert!(ws.root.join(dir).is_dir(), "{dir}");
            }
        }
    }
}
