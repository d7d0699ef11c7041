//! RF501: a fixed `cma=SIZE@BASE` is outside RAM or over another owner.

use super::{Doc, Predicted, Report, Sink};
use crate::analysis::Analysis;
use crate::claims::{Claim, ClaimKind, Lifetime};
use crate::early;
use crate::finding::{Label, RepairKind, RuleId, Severity};
use crate::ledger::Coverage;
use crate::span::Span;
use crate::survey::Region;
use core::fmt;

pub(super) const DOC: Doc = Doc {
    id: RuleId(501),
    name: "misplaced-cma",
    title: "cma=SIZE@BASE is outside RAM or overlaps another owner",
    why: r"
        The place of a fixed `cma=SIZE@BASE` must be free RAM. Over a no-map carveout every kernel accepts
        it silently and panics when memory fills up; over a hole it panics at start. Over anything reserved,
        or in the top of RAM that the kernel has used by then (a 64th of RAM for `struct page`, page
        tables), it only prints `Failed to reserve`: there is no CMA.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: r"
        Moves the pool into free RAM at its full size and rewrites `cma=`; the rest of the command line
        survives byte for byte.
    ",
    predicted: Predicted::Partly,
    ..Doc::DEFAULT
};

/// Maximum number of owners that are reported.
const MAX_OWNERS: usize = 16;

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(span) = analysis.cma_arg().and_then(|arg| arg.fixed()) else { return };
    if analysis.in_usable(span) != Coverage::All {
        report(out, span, format_args!("`cma=` asks for {span}, which is not in RAM"))
            .help("choose a base inside one bank of RAM");
    }
    let stays = |claim: &&Claim| {
        matches!(claim.kind.lifetime(), Lifetime::Reserved | Lifetime::Firmware | Lifetime::Boot)
    };
    for claim in analysis.claims_over(span).filter(stays).take(MAX_OWNERS) {
        let name = analysis.name(claim.kind);
        let consequence = match analysis.region(claim.kind) {
            Some(region) if region.no_map => "Linux accepts it silently and panics when memory fills up",
            _ => "Linux then has no CMA at all",
        };
        report(out, span, format_args!("`cma=` asks for {span}, over {name}: {consequence}"))
            .claim(claim, analysis)
            .help(format_args!("choose a base outside {}", claim.span));
    }
    let unplaced = analysis.map.enabled().map(Region::dynamic_size).fold(0, u64::saturating_add);
    let taken = analysis.claims().iter().filter(|claim| !claim.kind.lifetime().is_soft());
    let taken = taken.map(|claim| claim.span);
    let ceiling = early::ceiling(analysis.map.usable.spans(), taken, unplaced);
    if analysis.map.usable.is_known() && span.end() > ceiling {
        report(
            out,
            span,
            format_args!("`cma=` asks for {span}, which the kernel itself uses before it reads `cma=`"),
        )
        .severity(Severity::Warning)
        .help(format_args!("end it at {ceiling:#x}, or use a `linux,cma-default` node, which comes first"));
    }
}

fn report<'o>(out: &'o mut Sink, span: Span, message: fmt::Arguments<'_>) -> &'o mut Report {
    out.report("/chosen", message)
        .at("bootargs")
        .span(span, Label::Claim(ClaimKind::CmaArg))
        .repair(RepairKind::SettleCma, "move the pool into free RAM and rewrite `cma=`")
}
