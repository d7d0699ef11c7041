//! `cargo xtask mutants`: changes the code in small ways, and reports the changes that no test notices.

use crate::shell::run as run_command;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The modules that are tried whole: what is proven rests on them.
const WHOLE: [&str; 2] = ["prove", "claims"];
/// Those of which one shard is tried, since each mutant takes a build and a run of the tests.
const SHARDED: [&str; 2] = ["plan", "survey"];
/// The tests that a mutant has to fail one of, if it passes those of its own module.
const TESTS: [&str; 3] = ["--lib", "--test=planner", "--test=invariants"];
/// Tests of other modules that take longer than all the rest.
const SLOW: [&str; 4] = ["--skip", "fdt::", "--skip", "fit::"];
/// Changes that no test can notice, each with the reason after ` -- `.
const EXPECTED: &str = "tests/mutants.txt";
/// Seconds after which a mutant that loops is stopped.
const TIMEOUT: &str = "180";
/// Part of the mutants that build and have to be caught, in percent.
const CAUGHT: usize = 95;

/// Options of `cargo xtask mutants`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Try only these modules of the core: whole, or the part that `--shard` names
    #[arg(value_name = "MODULE")]
    modules: Vec<String>,
    /// The part of the mutants that is tried of named modules, or of plan and survey (then 0/4 by default)
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,
}

/// The part of plan and survey that is tried by default.
const SHARD: &str = "0/4";

/// Runs the command.
///
/// # Errors
/// When cargo-mutants is missing and cannot be installed, or when a change goes unnoticed without a reason.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let program = install(ws)?;
    let expected = fs::read_to_string(ws.root.join(EXPECTED)).with_context(|| EXPECTED)?;
    let named: Vec<&str> = options.modules.iter().map(String::as_str).collect();
    let shard = options.shard.as_deref();
    let groups = match named.is_empty() {
        true => vec![(&WHOLE[..], None), (&SHARDED[..], shard.or(Some(SHARD)))],
        false => vec![(&named[..], shard)],
    };
    let mut total = Outcome::default();
    for (modules, shard) in groups {
        println!("mutants: {}, {}", modules.join(" and "), shard.unwrap_or("whole"));
        total.add(mutate(ws, &program, modules, shard)?);
    }
    let missed: Vec<&String> = total.missed.iter().filter(|line| !is_expected(&expected, line)).collect();
    missed.iter().for_each(|line| println!("not caught: {line}"));
    let viable = total.caught + total.missed.len();
    println!("mutants: {} of {viable} caught, {} left without a reason", total.caught, missed.len());
    if (total.caught + total.missed.len() - missed.len()) * 100 < viable * CAUGHT {
        bail!("fewer than {CAUGHT} % are caught: test what is listed, or give the reason in {EXPECTED}");
    }
    Ok(())
}

/// Returns cargo-mutants, installed into the cache of this project if it is not there.
fn install(ws: &Workspace) -> Result<PathBuf> {
    let root = ws.cache().join("cargo-mutants");
    let program = root.join("bin/cargo-mutants");
    if !program.is_file() {
        println!("mutants: cargo-mutants is missing; installing it into {}", root.display());
        let mut cargo = ws.cargo();
        cargo.args(["install", "cargo-mutants", "--locked", "--root"]).arg(&root);
        run_command(&mut cargo)?;
    }
    Ok(program)
}

/// How the mutants of a run ended.
#[derive(Debug, Default)]
struct Outcome {
    caught: usize,
    missed: Vec<String>,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.caught += other.caught;
        self.missed.extend(other.missed);
    }
}

/// Tries the mutants of modules: with the tests in each module first, which take a third of the time, and
/// what these let pass with all that run the core.
fn mutate(ws: &Workspace, program: &Path, modules: &[&str], shard: Option<&str>) -> Result<Outcome> {
    let mut total = Outcome::default();
    for module in modules {
        let out = ws.scratch("mutants")?.join(module);
        fs::remove_dir_all(&out).or_else(|why| match why.kind() {
            ErrorKind::NotFound => Ok(()),
            _ => Err(why),
        })?;
        fs::create_dir_all(&out)?;
        let own = format!("{module}::");
        let quick = round(ws, program, (module, shard), &out, (&["--lib"], &[&own]))?;
        let slow = match quick.missed.is_empty() {
            true => Outcome::default(),
            false => round(ws, program, (module, shard), &out, (&TESTS, &SLOW))?,
        };
        total.add(Outcome { caught: quick.caught + slow.caught, missed: slow.missed });
    }
    Ok(total)
}

/// Tries what no round before has caught with the tests in these targets that a filter picks.
fn round(
    ws: &Workspace,
    program: &Path,
    (module, shard): (&str, Option<&str>),
    out: &Path,
    (targets, filter): (&[&str], &[&str]),
) -> Result<Outcome> {
    let mut mutants = Command::new(program);
    mutants.current_dir(&ws.root).args(["mutants", "--package", "ringfence", "--timeout", TIMEOUT]);
    mutants
        .args(["--baseline", "skip", "--no-shuffle", "--colors", "never", "--iterate", "--output"])
        .arg(out);
    mutants.args(["--file", &format!("src/{module}/**"), "--file", &format!("src/{module}.rs")]);
    mutants.args(shard.map(|shard| format!("--shard={shard}")));
    // As arguments of every command of cargo: what is only run with them is still built without.
    mutants.args(targets.iter().map(|target| format!("--cargo-arg={target}")));
    mutants.args(["--", "--quiet", "--"]).args(filter);
    // Without line tables a build takes two thirds of the time.
    mutants.envs([("PROPTEST_CASES", "60"), ("CARGO_PROFILE_DEV_DEBUG", "none")]);
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
        mutants.env_remove(name);
    }
    // Its own failure when mutants survive says nothing that the lists do not say.
    mutants.status().with_context(|| format!("cannot start {}", program.display()))?;
    let list = |name: &str| -> Result<Vec<String>> {
        let path = out.join("mutants.out").join(name);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(text.lines().map(String::from).collect())
    };
    Ok(Outcome {
        caught: list("caught.txt")?.len() + list("timeout.txt")?.len(),
        missed: list("missed.txt")?,
    })
}

/// Returns whether a change is listed as one that no test can notice. Lines move, so they do not count.
fn is_expected(expected: &str, line: &str) -> bool {
    let change = without_place(line);
    expected.lines().filter_map(|known| known.split_once(" -- ")).any(|(known, _)| known == change)
}

/// Returns a line such as `src/a.rs:10:5: replace …` without the numbers.
fn without_place(line: &str) -> String {
    match line.splitn(4, ':').collect::<Vec<_>>()[..] {
        [file, _, _, change] => format!("{file}:{change}"),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expected_change_is_recognised_wherever_it_moved() {
        let expected = "# comment\nsrc/a.rs: replace < with <= in f -- both ends are equal here\n";
        assert!(is_expected(expected, "src/a.rs:10:5: replace < with <= in f"));
        assert!(is_expected(expected, "src/a.rs:99:1: replace < with <= in f"));
        assert!(!is_expected(expected, "src/a.rs:10:5: replace < with > in f"));
        assert!(!is_expected(expected, "src/b.rs:10:5: replace < with <= in f"));
    }

    #[test]
    fn every_expected_change_has_a_reason() {
        let text = fs::read_to_string(Workspace::locate().root.join(EXPECTED)).unwrap();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (change, reason) = line.split_once(" -- ").unwrap_or_else(|| panic!("{line}"));
            assert!(change.starts_with("src/") && reason.len() > 10, "{line}");
        }
    }
}
