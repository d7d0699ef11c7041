//! RF114: RAM banks are whole pages and apart.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::order;
use crate::span::Span;
use alloc::format;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(114),
    name: "ram-banks",
    title: "RAM banks are whole pages and do not overlap",
    severity: Severity::Warning,
    why: "Linux rounds a bank inward to pages, so its ends are lost, and merges banks that overlap; a loader that fills one of them again may count RAM twice.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let mut banks: Vec<Span> = analysis.map.banks.iter().filter_map(|bank| bank.span).collect();
    let page = analysis.profile.page.bytes();
    for &bank in banks.iter().filter(|bank| !bank.is_aligned(page)) {
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                "/memory",
                format!("bank {bank} does not cover whole pages"),
            )
            .with_span(bank, "RAM")
            .with_help("round it inward to pages"),
        );
    }
    order::sort(&mut banks);
    for pair in banks.windows(2) {
        let [low, high] = pair else { continue };
        let Some(shared) = low.intersection(*high) else { continue };
        out.push(
            OldReport::new(DOC.id, DOC.severity, "/memory", format!("banks share {shared}"))
                .with_span(*low, "RAM")
                .with_span(*high, "RAM")
                .with_help("let every address be in one bank"),
        );
    }
}
