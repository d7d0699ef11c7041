//! RF214: only `/memreserve/` protects some bytes.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::claims::ClaimKind;
use crate::finding::{Label, RuleId, Severity};
use crate::ledger::{self, subtract};

pub(super) const DOC: Doc = Doc {
    id: RuleId(214),
    name: "memreserve-only",
    title: "some bytes are protected by /memreserve/ alone, which EFI drops",
    why: r"
        Where EFI boots, a region must cover every `/memreserve/` entry. The EFI stub deletes every entry,
        so that only a region and the EFI map protect the bytes. Without EFI an entry holds, and this is a
        note.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    // With the EFI map at hand it is known what becomes of the bytes: RF706.
    if analysis.map.memreserve.is_empty() || analysis.facts.efi.is_some() {
        return;
    }
    let regions = analysis.map.enabled().flat_map(|region| region.spans().iter().copied());
    for span in subtract(&ledger::union(analysis.map.memreserve.clone()), &ledger::union(regions.collect())) {
        let report = out
            .report("/memreserve/", format_args!("only an entry protects {span}, and EFI drops it"))
            .span(span, Label::Claim(ClaimKind::Memreserve))
            .help(format_args!("add a region for {span}"));
        if !analysis.is_efi() {
            report.severity(Severity::Note);
        }
    }
}
