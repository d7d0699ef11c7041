//! RF216: a mapped region covers whole pages.

use super::{Doc, Kernels, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(216),
    name: "partial-page-region",
    title: "a reserved region that is mapped ends on a page",
    severity: Severity::Warning,
    kernels: Kernels::None,
    why: "Every kernel withholds the whole of each page that the region touches, so nothing is lost; but whoever reads the tree takes the rest of the last page for free.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Rounds the end up, where no other owner has the bytes. A base stays: who uses the region counts from it.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let page = analysis.profile.page.bytes();
    for (region, span) in
        analysis.reservations().filter(|(region, span)| !region.no_map && !span.is_aligned(page))
    {
        let Some(whole) = span.outward(page) else { continue };
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                region.path.as_str(),
                format!("{span} covers no whole pages"),
            )
            .with_span(span, region.name.as_str())
            .with_help(format_args!("reserve {whole}, all of which is withheld"))
            .with_repair(RepairKind::RoundOutward(region.node), "end it on a page, where it begins on one"),
        );
    }
}
