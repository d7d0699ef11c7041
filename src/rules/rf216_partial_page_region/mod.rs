//! RF216: a mapped region does not cover whole pages.

use super::{Doc, Kernels, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(216),
    name: "partial-page-region",
    title: "a mapped region does not cover whole pages",
    severity: Severity::Warning,
    kernels: Kernels::None,
    why: r"
        A mapped region should end on a page. Every kernel withholds each page that the region touches as a
        whole, so nothing is lost; but readers of the tree take the rest of the last page for free memory.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Rounds the end up, where no other owner has the bytes. The base stays: users count from it.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let page = analysis.profile.page.bytes();
    for (region, span) in
        analysis.reservations().filter(|(region, span)| !region.no_map && !span.is_aligned(page))
    {
        let Some(whole) = span.outward(page) else { continue };
        out.report(region, format_args!("{span} does not cover whole pages: Linux withholds {whole}"))
            .at("reg")
            .region(span, region)
            .help_cover(analysis, whole, span)
            .repair(RepairKind::RoundOutward(region.node), "end it on a page, where it begins on one");
    }
}
