//! RF210: a dynamic region may be placed over a `/memreserve/` entry.

use super::{Doc, Sink, from};
use crate::analysis::Analysis;
use crate::claims::ClaimKind;
use crate::finding::{Label, RuleId, Severity};
use crate::ledger::{self, meeting, subtract};
use crate::survey::Extent;

pub(super) const DOC: Doc = Doc {
    id: RuleId(210),
    name: "dynamic-over-memreserve",
    title: "a dynamic region may be placed over a /memreserve/ entry",
    severity: Severity::Warning,
    kernels: from("6.12"),
    why: r"
        The `alloc-ranges` of a dynamic region must not contain a `/memreserve/` entry. Kernels from 6.12.13
        on read `/memreserve/` after they placed the dynamic regions, and may silently place one over an
        entry.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Where RAM is known, dynamic regions get fixed addresses away from the entries.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let fixed =
        ledger::union(analysis.map.enabled().flat_map(|region| region.spans().iter().copied()).collect());
    // The kernel's allocator already avoids what a static region covers.
    let bare = subtract(&ledger::union(analysis.map.memreserve.clone()), &fixed);
    if bare.is_empty() {
        return;
    }
    for region in analysis.map.enabled() {
        let Extent::Dynamic(dynamic) = &region.extent else { continue };
        let (met, property) = match dynamic.windows.as_slice() {
            [] => (bare.first(), "size"),
            windows => (windows.iter().find_map(|&window| meeting(&bare, window).first()), "alloc-ranges"),
        };
        if let Some(&entry) = met {
            out.report(region, format_args!("may be placed over /memreserve/ {entry}"))
                .at(property)
                .span(entry, Label::Claim(ClaimKind::Memreserve))
                .help("give it a fixed address, or write the entry as a region");
        }
    }
}
