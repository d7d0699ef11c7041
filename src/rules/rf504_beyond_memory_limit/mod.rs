//! RF504: what the command line leaves of RAM holds the pools.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::ledger::{self, Coverage};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(504),
    name: "beyond-memory-limit",
    title: "mem= and linux,usable-memory-range leave the regions in RAM",
    severity: Severity::Warning,
    why: "mem= keeps the lowest bytes of RAM, linux,usable-memory-range one window. A region beyond is no RAM any more, which is harmless for a carveout; its driver may need RAM there all the same. A CMA pool beyond panics (RF303).",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let (ram, usable) = (analysis.map.ram.spans(), analysis.map.usable.spans());
    if ram == usable {
        return;
    }
    for region in analysis.map.enabled().filter(|region| !region.no_map && !region.is_cma()) {
        for &span in region.spans() {
            let lost = ledger::coverage(ram, span) == Coverage::All
                && ledger::coverage(usable, span) != Coverage::All;
            if lost {
                out.push(
                    OldReport::new(
                        DOC.id,
                        DOC.severity,
                        region.path.as_str(),
                        format!("{span} is beyond what the command line leaves of RAM"),
                    )
                    .with_span(span, region.name.as_str())
                    .with_help("raise `mem=`, or move the region down"),
                );
            }
        }
    }
}
