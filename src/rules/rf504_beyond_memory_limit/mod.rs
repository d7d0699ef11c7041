//! RF504: a region is beyond the RAM that the command line leaves.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::ledger::{self, Coverage};

pub(super) const DOC: Doc = Doc {
    id: RuleId(504),
    name: "beyond-memory-limit",
    title: "a region is beyond the RAM that the command line leaves to Linux",
    severity: Severity::Warning,
    why: r"
        `mem=` and `linux,usable-memory-range` should leave mapped regions in RAM. `mem=` keeps the lowest
        bytes of RAM, `linux,usable-memory-range` what is in its windows: Linux 5.10 reads the first
        one, 6.1 two, 7.3 six. Linux does not use what is beyond them, which is harmless for a
        carveout; but the driver of a mapped region may need RAM there. A CMA pool beyond them panics
        (RF303).
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let (ram, usable) = (analysis.map.ram.spans(), analysis.map.usable.spans());
    if ram == usable {
        return;
    }
    let is_lost = |span| {
        ledger::coverage(ram, span) == Coverage::All && ledger::coverage(usable, span) != Coverage::All
    };
    let in_windows = |span| {
        let windows = analysis.map.chosen.usable.iter().take(analysis.profile.usable_windows);
        let windows = ledger::union(windows.copied().collect());
        windows.is_empty() || ledger::coverage(&windows, span) == Coverage::All
    };
    for (region, span) in analysis.reservations().filter(|(region, _)| !region.no_map) {
        if is_lost(span) {
            let (what, help) = match in_windows(span) {
                true => (
                    "beyond the RAM that the command line leaves to Linux",
                    "raise `mem=`, or move the region down",
                ),
                false => (
                    "outside the windows of `linux,usable-memory-range` that Linux reads",
                    "move the region into a window, or widen one",
                ),
            };
            out.report(region, format_args!("{span} is {what}")).at("reg").region(span, region).help(help);
        }
    }
}
