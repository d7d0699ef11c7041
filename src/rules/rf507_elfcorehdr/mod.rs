//! RF507: `linux,elfcorehdr` is for crash kernels only.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::span::Span;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(507),
    name: "elfcorehdr",
    title: "a tree at rest has no linux,elfcorehdr",
    severity: Severity::Warning,
    why: "Its presence makes the kernel take itself for a crash kernel. In a no-map region 6.1 oopses when it reads the header, and from 6.12 on the region is refused as a whole.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(prop) =
        analysis.map.chosen.node.and_then(|node| analysis.tree.node(node).prop("linux,elfcorehdr"))
    else {
        return;
    };
    let spans = analysis.map.cells.spans(prop.value).unwrap_or_default();
    let over = |span: Span| {
        analysis.claims_over(span).find_map(|claim| analysis.region(claim.kind).filter(|r| r.no_map))
    };
    let finding = match spans.first().and_then(|&span| Some((span, over(span)?))) {
        Some((span, region)) => OldReport::new(
            DOC.id,
            Severity::Error,
            region.path.as_str(),
            format!("`linux,elfcorehdr` {span} lies in it: kernels from 6.12 on refuse the whole carveout"),
        )
        .with_span(span, "linux,elfcorehdr"),
        // What is to be used is told, too: this is a crash kernel's tree.
        None if !analysis.map.chosen.usable.is_empty() => return,
        None => OldReport::new(
            DOC.id,
            DOC.severity,
            "/chosen",
            "`linux,elfcorehdr` makes Linux take itself for a crash kernel",
        ),
    };
    out.push(finding.with_help("remove it, unless this boots a crash kernel"));
}
