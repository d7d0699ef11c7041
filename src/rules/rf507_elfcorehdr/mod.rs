//! RF507: a tree has `linux,elfcorehdr` outside a crash kernel's boot.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::claims::ClaimKind;
use crate::finding::{Label, RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(507),
    name: "elfcorehdr",
    title: "linux,elfcorehdr makes Linux a crash kernel",
    severity: Severity::Warning,
    why: r"
        A tree at rest must not have `linux,elfcorehdr`: with it the kernel takes itself for a crash kernel.
        Where the header is in a no-map region, 6.1 oopses when it reads it, and kernels from 6.12 on refuse
        the region as a whole.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    predicted: Predicted::Partly,
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let chosen = &analysis.map.chosen;
    let Some(node) = chosen.node.map(|node| analysis.tree.node(node)) else { return };
    if !node.has_prop("linux,elfcorehdr") {
        return;
    }
    let help = "remove it, unless this boots a crash kernel";
    let inside = chosen.elfcorehdr.and_then(|span| {
        let mut regions = analysis.claims_over(span).filter_map(|claim| analysis.region(claim.kind));
        Some((span, regions.find(|region| region.no_map)?))
    });
    if let Some((span, region)) = inside {
        let name = &region.name;
        let message = "kernels from 6.12 on refuse the whole region";
        out.report(node, format_args!("`linux,elfcorehdr` {span} is in {name}: {message}"))
            .at("linux,elfcorehdr")
            .severity(Severity::Error)
            .span(span, Label::Claim(ClaimKind::ElfCoreHdr))
            .help(help);
    } else if chosen.usable.is_empty() {
        // Where the usable range is there too, this is a crash kernel's tree.
        out.report(node, "`linux,elfcorehdr` makes Linux take itself for a crash kernel")
            .at("linux,elfcorehdr")
            .help(help);
    }
}
