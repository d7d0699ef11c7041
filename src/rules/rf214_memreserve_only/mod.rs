//! RF214: a `/memreserve/` entry is not all that protects its bytes.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::ledger::{self, subtract};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(214),
    name: "memreserve-only",
    title: "no bytes are protected by /memreserve/ alone where EFI boots",
    severity: Severity::Error,
    why: "The EFI stub deletes every /memreserve/ entry, so that only a region and the EFI map protect the bytes. Without EFI an entry holds, which is a note.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    if analysis.map.memreserve.is_empty() {
        return;
    }
    let regions = analysis.map.enabled().flat_map(|region| region.spans().iter().copied());
    let severity = if analysis.is_efi() { DOC.severity } else { Severity::Note };
    for span in subtract(&ledger::union(analysis.map.memreserve.clone()), &ledger::union(regions.collect())) {
        out.push(
            OldReport::new(
                DOC.id,
                severity,
                "/memreserve/",
                format!("nothing else protects {span}, and EFI drops the entry"),
            )
            .with_span(span, "/memreserve/")
            .with_help("add a region for it"),
        );
    }
}
