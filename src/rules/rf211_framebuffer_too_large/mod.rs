//! RF211: the memory of a framebuffer is not reserved.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{Label, RuleId, Severity};
use crate::ledger::{self, Coverage};
use crate::span::{Size, Span};
use crate::survey::Framebuffer;

pub(super) const DOC: Doc = Doc {
    id: RuleId(211),
    name: "framebuffer-too-large",
    title: "the memory of a simple-framebuffer is not reserved, or not all of it",
    why: r"
        The region of a `simple-framebuffer` must cover all of it. The driver maps its whole `reg`, and the
        display controller reads `stride` times `height` bytes: Linux gives the memory after the region to
        others, and the screen shows it. The same goes for one that no region holds, and for one whose
        `memory-region` is not where its `reg` is: the driver takes the region. These two are warnings in a
        tree at rest, where firmware may be meant to reserve the memory.
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
    let regions = map.enabled().flat_map(|region| region.spans().iter().copied());
    let reserved = ledger::union(regions.chain(map.memreserve.iter().copied()).collect());
    for framebuffer in &map.framebuffers {
        judge(analysis, &reserved, framebuffer, out);
    }
}

fn judge(analysis: &Analysis<'_, '_>, reserved: &[Span], framebuffer: &Framebuffer, out: &mut Sink) {
    let &Framebuffer { node, span, reg } = framebuffer;
    let node = analysis.tree.node(node);
    let holder = |at: u64| analysis.map.enabled().find(|r| r.spans().iter().any(|own| own.contains(at)));
    let region = holder(span.base());
    if let (Some(reg), Some(region)) = (reg, region)
        && !region.spans().iter().any(|own| own.covers(reg))
    {
        let name = &region.name;
        let report = out
            .report(node, format_args!("its `reg` {reg} is not in its `memory-region` {name}"))
            .at("memory-region")
            .node(reg, node)
            .region(span, region)
            .help(format_args!("refer to a region that contains {reg}, or leave `reg` out"));
        if !analysis.is_at_boot() {
            report.severity(Severity::Warning);
        }
        return;
    }
    let Some(&bare) = ledger::subtract(&[span], reserved).first() else { return };
    if let Some(region) = region {
        out.report(region, format_args!("{} of the framebuffer {span} are not reserved", Size(bare.len())))
            .at("reg")
            .span(bare, Label::Unreserved)
            .node(span, node)
            .help(format_args!("reserve all of {span}"));
    } else if analysis.map.ram.is_known() && analysis.in_ram(bare) != Coverage::None {
        let report = out
            .report(node, format_args!("the framebuffer {span} is in RAM, and nothing reserves it"))
            .at("reg")
            .node(span, node)
            .help(format_args!("reserve all of {span}"));
        if !analysis.is_at_boot() {
            report.severity(Severity::Warning);
        }
    }
}
