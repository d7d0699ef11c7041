//! Trees as the tool repairs them, before real Linux with no stage between.

use super::Case;
use crate::boots::{self, Seen};
use crate::setup::Series;
use crate::test_bed::TestBed;
use crate::workspace::Workspace;
use anyhow::Result;

/// Returns one case for each scenario and each of the two long-term kernels, and some with the newest; all of
/// them with all is `cargo xtask boots`. A tree that cannot be repaired passes by being refused.
///
/// # Errors
/// When the scenarios cannot be read.
pub(super) fn cases(ws: &Workspace) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    let scenarios = boots::every(ws, false)?;
    let pairs = scenarios.iter().flat_map(|scenario| Series::ALL.map(|series| (scenario.clone(), series)));
    for (scenario, series) in pairs.filter(|(scenario, series)| series.tries(&scenario.name)) {
        // The name under which the console is kept, too.
        let name = format!("boots-{}-{}", scenario.name, series.name());
        cases.push(Case::new(name, move |bed: &TestBed, _: &str| {
            Ok(match boots::boot(bed, &scenario, series)? {
                Seen::AsPlanned(seen) | Seen::Died(seen) => seen,
                Seen::Refused(why) => format!("refused: {why}"),
            })
        }));
    }
    Ok(cases)
}
