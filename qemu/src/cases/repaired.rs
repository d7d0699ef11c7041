//! Trees as the tool repairs them, before real Linux with no stage between.

use super::{Bench, Case};
use crate::boots::{self, Ground, Seen};
use crate::setup::Series;
use crate::workspace::Workspace;
use anyhow::Result;

/// One case for each scenario, the two kernels by turns, for this is what three minutes are enough for; all of
/// them with both kernels is `cargo xtask boots`. A tree that cannot be repaired passes by being refused.
///
/// # Errors
/// When the scenarios cannot be read.
pub(super) fn cases(ws: &Workspace) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    let turns = [Series::V6_1, Series::V6_12].into_iter().cycle();
    for (scenario, series) in boots::every(ws, false)?.into_iter().zip(turns) {
        // The name under which the console is kept, too.
        let name = format!("boots-{}-{}", scenario.name, series.name());
        cases.push(Case::new(name, move |bench: &Bench, _: &str| {
            let ground =
                Ground { ws: bench.ws.clone(), tool: bench.tool.clone(), initrd: bench.initrd.clone() };
            Ok(match boots::boot(&ground, &scenario, series)? {
                Seen::AsPlanned(seen) => seen,
                Seen::Refused(why) => format!("refused: {why}"),
            })
        }));
    }
    Ok(cases)
}
