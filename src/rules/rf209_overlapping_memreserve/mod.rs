//! RF209: two `/memreserve/` entries overlap.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::claims::ClaimKind;
use crate::finding::{Label, RuleId, Severity};
use crate::order;
use crate::span::Span;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(209),
    name: "overlapping-memreserve",
    title: "two /memreserve/ entries overlap",
    severity: Severity::Warning,
    why: r"
        The Devicetree Specification forbids `/memreserve/` entries that overlap. Kernels reserve the union:
        editing one of two such entries seems to change what is reserved, and does not.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let mut entries: Vec<Span> = analysis.map.memreserve.clone();
    order::sort(&mut entries);
    for pair in entries.windows(2) {
        let [low, high] = pair else { continue };
        let Some(shared) = low.intersection(*high) else { continue };
        out.report("/memreserve/", format_args!("{low} and {high} overlap at {shared}"))
            .span(*low, Label::Claim(ClaimKind::Memreserve))
            .span(*high, Label::Claim(ClaimKind::Memreserve))
            .help("join them into one entry");
    }
}
