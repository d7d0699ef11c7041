//! RF210: no dynamic region can land on a `/memreserve/` entry.

use super::{Doc, OldReport, Sink, from};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::ledger::{self, meeting, subtract};
use crate::survey::Extent;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(210),
    name: "dynamic-over-memreserve",
    title: "no dynamic region can land on a /memreserve/ entry",
    severity: Severity::Warning,
    kernels: from("6.4"),
    why: "Kernels from 6.4 on read /memreserve/ after they placed the dynamic regions, and may place one over an entry without a word.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Where RAM is known, dynamic regions get fixed addresses away from the entries.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let fixed =
        ledger::union(analysis.map.enabled().flat_map(|region| region.spans().iter().copied()).collect());
    // What a static region covers is off limits to the kernel's allocator already.
    let bare = subtract(&ledger::union(analysis.map.memreserve.clone()), &fixed);
    if bare.is_empty() {
        return;
    }
    for region in analysis.map.enabled() {
        let Extent::Dynamic(dynamic) = &region.extent else { continue };
        let met = match dynamic.windows.as_slice() {
            [] => bare.first(),
            windows => windows.iter().find_map(|&window| meeting(&bare, window).first()),
        };
        if let Some(&entry) = met {
            out.push(
                OldReport::new(
                    DOC.id,
                    DOC.severity,
                    region.path.as_str(),
                    format!("may land on /memreserve/ {entry}"),
                )
                .with_span(entry, "/memreserve/")
                .with_help("give it a fixed address, or make a region of the entry"),
            );
        }
    }
}
