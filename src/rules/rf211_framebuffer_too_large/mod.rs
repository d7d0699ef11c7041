//! RF211: a framebuffer fits the region that is reserved for it.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::fdt::Node;
use crate::finding::{RuleId, Severity};
use crate::ledger::{self, meeting, subtract};
use crate::span::{Size, Span};
use crate::survey::Cells;
use alloc::format;
use alloc::vec::Vec;

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

/// More framebuffers than any board has: each costs a pass over the regions.
const MOST: usize = 64;

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(chosen) = analysis.map.chosen.node.map(|node| analysis.tree.node(node)) else { return };
    let is_one = |node: &Node<'_, '_>| {
        let compatible = node.prop("compatible").filter(|_| node.is_enabled());
        compatible.is_some_and(|list| list.strings().any(|name| name == "simple-framebuffer"))
    };
    let mut reserved = Vec::new();
    for node in chosen.children().filter(is_one).take(MOST) {
        if reserved.is_empty() {
            // Some boards split it over regions that touch.
            reserved =
                ledger::union(analysis.map.enabled().flat_map(|r| r.spans().iter().copied()).collect());
        }
        let Some(span) = place(analysis, chosen, node) else { continue };
        // Where nothing at all is reserved, firmware is trusted to do it.
        let Some(region) = analysis.map.enabled().find(|r| r.spans().iter().any(|s| s.contains(span.base())))
        else {
            continue;
        };
        let Some(&bare) = subtract(&[span], meeting(&reserved, span)).first() else { continue };
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                region.path.as_str(),
                format!("{} of the framebuffer {span} are not reserved", Size(bare.len())),
            )
            .with_span(bare, "not reserved")
            .with_span(span, node.name())
            .with_help(format_args!("reserve {span}")),
        );
    }
}

/// The bytes of a framebuffer: from its `memory-region`, which counts before its `reg`, all that its `reg` maps
/// or its lines take.
fn place(analysis: &Analysis<'_, '_>, chosen: Node<'_, '_>, node: Node<'_, '_>) -> Option<Span> {
    let number = |name| node.prop(name).and_then(|prop| prop.as_u32()).map(u64::from);
    let lines = number("stride").unwrap_or(0).saturating_mul(number("height").unwrap_or(0));
    if let Some(phandle) = node.prop("memory-region").and_then(|prop| prop.as_u32()) {
        let region = analysis.map.regions.iter().find(|region| region.phandle == Some(phandle))?;
        return Span::new(region.spans().first()?.base(), lines);
    }
    let cells = Cells { address: chosen.address_cells().ok()?, size: chosen.size_cells().ok()? };
    let reg = *cells.spans(node.prop("reg")?.value).ok()?.first()?;
    Span::new(reg.base(), reg.len().max(lines))
}
