//! Trees as the tool repairs them, before real Linux with no stage between.

use super::Case;
use crate::boots::{self, BootGround, Scenario, Seen};
use crate::setup::Series;
use crate::test_bed::TestBed;
use crate::workspace::Workspace;
use anyhow::Result;

/// Scenarios that the newest kernels are booted with as well: a good tree of each kind of pool, and what the
/// kernels of this family treat otherwise than older ones.
const WITH_7: [&str; 6] = [
    "q04-my-cma",
    "q05-qcom-full",
    "b01-overlap",
    "b04-misaligned-cma",
    "b05-nomap-reusable",
    "e20-unaligned-4k",
];
const WITH_16K: [&str; 2] = ["q04-my-cma", "e20-unaligned-4k"];

/// One case for each scenario and each of the two long-term kernels, and some with the newest; all of them with all
/// is `cargo xtask boots`. A tree that cannot be repaired passes by being refused.
///
/// # Errors
/// When the scenarios cannot be read.
pub(super) fn cases(ws: &Workspace) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    let scenarios = boots::every(ws, false)?;
    let pairs = scenarios.iter().flat_map(|scenario| Series::ALL.map(|series| (scenario.clone(), series)));
    let wanted = |scenario: &Scenario, series| match series {
        Series::V6_1 | Series::V6_12 => true,
        Series::V7 => WITH_7.contains(&scenario.name.as_str()),
        Series::V7Pages16K => WITH_16K.contains(&scenario.name.as_str()),
    };
    for (scenario, series) in pairs.filter(|(scenario, series)| wanted(scenario, *series)) {
        // The name under which the console is kept, too.
        let name = format!("boots-{}-{}", scenario.name, series.name());
        cases.push(Case::new(name, move |bench: &TestBed, _: &str| {
            let ground =
                BootGround { ws: bench.ws.clone(), tool: bench.tool.clone(), initrd: bench.initrd.clone() };
            Ok(match boots::boot(&ground, &scenario, series)? {
                Seen::AsPlanned(seen) => seen,
                Seen::Refused(why) => format!("refused: {why}"),
            })
        }));
    }
    Ok(cases)
}
