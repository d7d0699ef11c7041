//! `cargo xtask mutants`: changes the code in small ways, and reports the changes that no test notices.

mod record;
mod tool;

use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use clap::Args;
use record::{Record, Verdict};
use std::fs;
use std::time::{Duration, Instant};
use tool::CargoMutants;

/// The modules that are tried whole: what is proven rests on them.
const WHOLE: [&str; 2] = ["prove", "claims"];
/// Those of which one shard is tried, since each mutant takes a build and a run of the tests.
const SHARDED: [&str; 2] = ["plan", "survey"];
/// The part of them that is tried by default.
const SHARD: &str = "0/4";
/// The tests that a mutant has to fail one of, if it passes those of its own module.
const TESTS: [&str; 3] = ["--lib", "--test=planner", "--test=invariants"];
/// Tests of other modules that take longer than all the rest.
const SLOW: [&str; 4] = ["--skip", "fdt::", "--skip", "fit::"];
/// Changes that no test can notice, each with the reason after ` -- `.
const EXPECTED: &str = "tests/mutants.txt";
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
    /// Try only what a run before, of the same sources and shards, has not got to
    #[arg(long)]
    resume: bool,
    /// Stop after so many minutes, and report what was tried until then
    #[arg(long, value_name = "N")]
    minutes: Option<u64>,
}

/// Runs the command.
///
/// # Errors
/// When cargo-mutants is missing and cannot be installed, or when a change goes unnoticed without a reason.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let end = options.minutes.map(|minutes| Instant::now() + Duration::from_secs(minutes * 60));
    let tool = CargoMutants::find(ws, end)?;
    let expected = fs::read_to_string(ws.root.join(EXPECTED)).with_context(|| EXPECTED)?;
    let shard = options.shard.as_deref();
    let of_named = options.modules.iter().map(|module| (module.as_str(), shard));
    let of_all = WHOLE.map(|module| (module, None)).into_iter();
    let of_all = of_all.chain(SHARDED.map(|module| (module, shard.or(Some(SHARD)))));
    let parts: Vec<_> = if options.modules.is_empty() { of_all.collect() } else { of_named.collect() };
    let mut all = Vec::new();
    for (module, shard) in parts {
        all.extend(mutate(&tool, module, shard, options.resume)?);
    }
    report(&all, &expected)
}

/// Tries the mutants of a module: with its own tests first, which take a third of the time, and what these
/// let pass with all that run the core. Returns each mutant with what became of it.
fn mutate(
    tool: &CargoMutants<'_>,
    module: &str,
    shard: Option<&str>,
    resume: bool,
) -> Result<Vec<(String, Option<Verdict>)>> {
    let part = shard.unwrap_or("whole");
    let dir = tool.ws.scratch("mutants")?.join(format!("{module}-{}", part.replace('/', "-of-")));
    let mut record = Record::open(dir, resume)?;
    let all = tool.list(module, None)?;
    // The tool itself takes a shard of what is left to do, and each time another.
    let asked = tool.list(module, shard)?;
    let own = format!("{module}::");
    let rounds = [
        (None, Verdict::Passed, &["--lib"][..], &[own.as_str()][..]),
        (Some(Verdict::Passed), Verdict::Missed, &TESTS[..], &SLOW[..]),
    ];
    for (before, uncaught, targets, filter) in rounds {
        let open: Vec<&String> = asked.iter().filter(|name| record.verdict(name) == before).collect();
        println!("mutants: {module}, {part}: {} of {} with {}", open.len(), asked.len(), targets.join(" "));
        if !open.is_empty() && tool.has_time() {
            let left_out = all.iter().filter(|name| !open.contains(name));
            record.begin(left_out, uncaught)?;
            tool.round(module, record.dir(), targets, filter)?;
        }
        record.absorb()?;
    }
    let judged = |name: String| {
        let verdict = record.verdict(&name);
        (name, verdict)
    };
    Ok(asked.into_iter().map(judged).collect())
}

/// Prints the survivors, those that are expected with the reason, and the rate.
fn report(all: &[(String, Option<Verdict>)], expected: &str) -> Result<()> {
    let count = |wanted| all.iter().filter(|(_, verdict)| *verdict == wanted).count();
    let (mut excused, mut missed) = (0, 0);
    for (name, _) in all.iter().filter(|(_, verdict)| *verdict == Some(Verdict::Missed)) {
        match reason(expected, name) {
            Some(reason) => {
                excused += 1;
                println!("not caught: {name} -- {reason}");
            }
            None => {
                missed += 1;
                println!("not caught: {name}");
            }
        }
    }
    let caught = count(Some(Verdict::Caught));
    let viable = caught + excused + missed;
    let untried = count(None) + count(Some(Verdict::Passed));
    let percent = (caught + excused) * 100 / viable.max(1);
    println!(
        "mutants: {caught} of {viable} caught, {excused} left with a reason, {missed} without: {percent} %; \
         {} do not build, {untried} are untried",
        count(Some(Verdict::Unviable))
    );
    if untried > 0 {
        println!("mutants: go on with --resume and the same other options");
    }
    if (caught + excused) * 100 < viable * CAUGHT {
        bail!("fewer than {CAUGHT} % are caught: test what is listed, or give the reason in {EXPECTED}");
    }
    Ok(())
}

/// Returns why no test can notice a change, if that is listed. Lines move, so they do not count.
fn reason<'e>(expected: &'e str, line: &str) -> Option<&'e str> {
    let change = without_place(line);
    let listed = expected.lines().filter_map(|known| known.split_once(" -- "));
    listed.into_iter().find(|(known, _)| *known == change).map(|(_, reason)| reason)
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
        let why = Some("both ends are equal here");
        assert_eq!(reason(expected, "src/a.rs:10:5: replace < with <= in f"), why);
        assert_eq!(reason(expected, "src/a.rs:99:1: replace < with <= in f"), why);
        assert_eq!(reason(expected, "src/a.rs:10:5: replace < with > in f"), None);
        assert_eq!(reason(expected, "src/b.rs:10:5: replace < with <= in f"), None);
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
