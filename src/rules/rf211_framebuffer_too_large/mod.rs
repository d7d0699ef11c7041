//! RF211: a framebuffer is larger than the region that is reserved for it.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{Label, RuleId};
use crate::ledger::{self, subtract};
use crate::span::Size;
use crate::survey::Framebuffer;

pub(super) const DOC: Doc = Doc {
    id: RuleId(211),
    name: "framebuffer-too-large",
    title: "a simple-framebuffer is larger than its region",
    why: r"
        The region of a `simple-framebuffer` must cover all of it. The driver maps its whole `reg`, and the
        display controller reads `stride` times `height` bytes: Linux gives the memory after the region to
        others, and the screen shows it.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let map = &analysis.map;
    if map.framebuffers.is_empty() {
        return;
    }
    // Some boards split it over regions that touch.
    let reserved = ledger::union(map.enabled().flat_map(|r| r.spans().iter().copied()).collect());
    for &Framebuffer { node, span } in &map.framebuffers {
        // Where nothing at all is reserved, firmware is trusted to do it.
        let Some(region) = map.enabled().find(|r| r.spans().iter().any(|s| s.contains(span.base()))) else {
            continue;
        };
        let Some(&bare) = subtract(&[span], &reserved).first() else { continue };
        out.report(region, format_args!("{} of the framebuffer {span} are not reserved", Size(bare.len())))
            .at("reg")
            .span(bare, Label::Unreserved)
            .node(span, analysis.tree.node(node))
            .help(format_args!("reserve all of {span}"));
    }
}
