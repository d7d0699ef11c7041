//! `cargo xtask hostile`: boots with damaged trees and bundles, and the counts of how they ended.

use crate::hostile::{self, Damage, Verdict};
use crate::parallel;
use crate::setup::Consent;
use crate::test_bed::TestBed;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use clap::Args;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// Options of `cargo xtask hostile`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// How many boots
    #[arg(long, default_value_t = 60, value_name = "N")]
    boots: u64,
    /// Seed of the first boot; the next ones follow [default: from the clock]
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// How many boots run side by side
    #[arg(long, default_value_t = parallel::AT_A_TIME, value_name = "N")]
    jobs: usize,
    /// Install and fetch nothing
    #[arg(long)]
    no_install: bool,
}

/// Runs the command.
///
/// # Errors
/// When set-up or a build fails, or a boot ends as none may.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let consent = if options.no_install { Consent::Forbidden } else { Consent::Install };
    let bed = TestBed::set_up(ws, consent, &[])?;
    bed.talkative()?;
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let first = options.seed.unwrap_or_else(clock);
    let seeds: Vec<u64> = (first..first.saturating_add(options.boots)).collect();
    println!("hostile: {} boots from seed {first}", options.boots);
    let verdicts = parallel::each(&seeds, options.jobs, |&seed| {
        let verdict = hostile::boot(&bed, seed);
        if let Ok(Verdict::Bad(why)) = &verdict {
            println!("seed {seed} ({:?}): {why}", Damage::of(seed));
        }
        verdict
    })?;
    let verdicts = verdicts.into_iter().collect::<Result<Vec<_>>>()?;
    print(&seeds, &verdicts);
    let bad = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Bad(_))).count();
    if bad > 0 {
        bail!("{bad} of {} boots ended as none may; run one again with --boots 1 --seed SEED", seeds.len());
    }
    Ok(())
}

/// Prints how many boots with each damage ended how, and what was refused how often.
fn print(seeds: &[u64], verdicts: &[Verdict]) {
    println!("\n| damage | boots | handed off | refused | bad |\n|---|---:|---:|---:|---:|");
    for damage in Damage::ALL {
        let of = seeds.iter().zip(verdicts).filter(|(seed, _)| Damage::of(**seed) == damage);
        let of: Vec<&Verdict> = of.map(|(_, verdict)| verdict).collect();
        let count = |is: fn(&Verdict) -> bool| of.iter().filter(|verdict| is(verdict)).count();
        let handed_off = count(|verdict| *verdict == Verdict::HandedOff);
        let refused = count(|verdict| matches!(verdict, Verdict::Refused(_)));
        let bad = of.len() - handed_off - refused;
        println!("| {damage:?} | {} | {handed_off} | {refused} | {bad} |", of.len());
    }
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for verdict in verdicts {
        *reasons.entry(verdict.to_string()).or_default() += 1;
    }
    let mut reasons: Vec<(usize, String)> = reasons.into_iter().map(|(why, count)| (count, why)).collect();
    reasons.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    println!();
    for (count, why) in reasons {
        println!("{count:>5}  {}", why.lines().next().unwrap_or_default());
    }
}
