//! RF114: RAM banks overlap or do not cover whole pages.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::fdt::NodeId;
use crate::finding::{Label, RuleId, Severity};
use crate::order;
use crate::span::Span;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(114),
    name: "ram-banks",
    title: "RAM banks overlap or do not cover whole pages",
    severity: Severity::Warning,
    why: r"
        RAM banks must cover whole pages and must not overlap. Linux rounds a bank inward to pages, so that
        its ends are lost, and merges banks that overlap; a loader that fills one of them again may count
        RAM twice.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let banks = analysis.map.banks.iter();
    let mut banks: Vec<(Span, NodeId)> = banks.filter_map(|bank| Some((bank.span?, bank.node))).collect();
    let page = analysis.profile.page.bytes();
    for &(bank, node) in banks.iter().filter(|(bank, _)| !bank.is_aligned(page)) {
        out.report(analysis.tree.node(node), format_args!("bank {bank} does not cover whole pages"))
            .at("reg")
            .span(bank, Label::Ram)
            .help("round it inward to pages");
    }
    order::sort(&mut banks);
    for pair in banks.windows(2) {
        let [(low, _), (high, node)] = pair else { continue };
        let Some(shared) = low.intersection(*high) else { continue };
        out.report(analysis.tree.node(*node), format_args!("banks share {shared}"))
            .at("reg")
            .span(*low, Label::Ram)
            .span(*high, Label::Ram)
            .help("write every address in one bank only");
    }
}
