//! RF209: the `/memreserve/` list is read to its end.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::order;
use crate::span::Span;
use alloc::format;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(209),
    name: "overlapping-memreserve",
    title: "/memreserve/ entries do not overlap",
    severity: Severity::Warning,
    why: "The Devicetree Specification forbids it; kernels take the union. Who edits one of two overlapping entries believes to have changed what is reserved, and has not.",
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
        out.push(
            OldReport::new(DOC.id, DOC.severity, "/memreserve/", format!("{low} and {high} share {shared}"))
                .with_span(*low, "/memreserve/")
                .with_span(*high, "/memreserve/")
                .with_help("make one entry of them"),
        );
    }
}
