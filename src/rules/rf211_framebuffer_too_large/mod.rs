//! RF211: a framebuffer fits the region that is reserved for it.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::ledger::{self, subtract};
use crate::span::Size;
use crate::survey::Framebuffer;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(211),
    name: "framebuffer-too-large",
    title: "a simple-framebuffer fits its region",
    severity: Severity::Error,
    why: "The driver maps all of its reg, and the display controller goes on reading stride times height bytes: what lies behind the reservation is memory that Linux gives to others, and the screen shows it.",
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
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                region.path.as_str(),
                format!("{} of the framebuffer {span} are not reserved", Size(bare.len())),
            )
            .with_span(bare, "not reserved")
            .with_span(span, analysis.tree.node(node).name())
            .with_help(format_args!("reserve {span}")),
        );
    }
}
