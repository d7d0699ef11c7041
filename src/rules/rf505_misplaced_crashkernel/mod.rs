//! RF505: `crashkernel=SIZE@BASE` is outside RAM or over a region.

use super::{Doc, Report, Sink};
use crate::analysis::Analysis;
use crate::claims::ClaimKind;
use crate::finding::{Label, RuleId, Severity};
use crate::ledger::Coverage;
use crate::span::Span;
use core::fmt;

pub(super) const DOC: Doc = Doc {
    id: RuleId(505),
    name: "misplaced-crashkernel",
    title: "crashkernel=SIZE@BASE is outside RAM or overlaps a region",
    severity: Severity::Warning,
    why: r"
        The place of a fixed `crashkernel=SIZE@BASE` must be free RAM. The kernel reserves it from nothing
        else and prints `crashkernel reservation failed`: there is no crash kernel.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(span) = analysis.map.chosen.crashkernel else { return };
    let region = analysis.claims_over(span).find(|claim| claim.kind.is_region());
    let in_ram = analysis.in_usable(span) == Coverage::All;
    if !in_ram {
        report(out, span, format_args!("`crashkernel=` asks for {span}, which is not in RAM"));
    }
    if let Some(claim) = region {
        let name = analysis.name(claim.kind);
        let message =
            format_args!("`crashkernel=` asks for {span}, over {name}: there is no crash kernel then");
        report(out, span, message).claim(claim, analysis);
    }
}

fn report<'o>(out: &'o mut Sink, span: Span, message: fmt::Arguments<'_>) -> &'o mut Report {
    out.report("/chosen", message)
        .at("bootargs")
        .span(span, Label::Claim(ClaimKind::CrashKernel))
        .help("leave out the base, or choose one in free RAM")
}
