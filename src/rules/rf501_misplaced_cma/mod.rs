//! RF501: a fixed `cma=SIZE@BASE` lies in RAM and over nothing.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::claims::{Claim, Lifetime};
use crate::early;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::ledger::Coverage;
use crate::survey::Extent;
use alloc::format;
use alloc::string::String;

pub(super) const DOC: Doc = Doc {
    id: RuleId(501),
    name: "misplaced-cma",
    title: "cma=SIZE@BASE lies in RAM and over nothing",
    severity: Severity::Error,
    why: "Over a no-map carveout every kernel accepts it silently and panics when memory fills up; over a hole \
          it panics at start; over anything reserved, or in the top of RAM that the kernel has taken by then (a \
          64th of RAM for struct page, page tables), it only prints \"Failed to reserve\" and there is no CMA.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Places the pool anew at its full size in free RAM and rewrites cma=; the rest of the command line \
             survives byte for byte.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(span) = analysis.cma_arg().and_then(|arg| arg.fixed()) else { return };
    let report = |severity, message: String| {
        OldReport::new(DOC.id, severity, "/chosen", message)
            .with_span(span, "cma=")
            .with_repair(RepairKind::SettleCma, "place the pool in free RAM and rewrite `cma=`")
    };
    if analysis.in_usable(span) != Coverage::All {
        let message = format!("`cma=` asks for {span}, which does not lie in RAM");
        out.push(report(DOC.severity, message).with_help("choose a base inside one bank of RAM"));
    }
    let stays = |claim: &&Claim| {
        matches!(claim.kind.lifetime(), Lifetime::Reserved | Lifetime::Firmware | Lifetime::Boot)
    };
    for claim in analysis.claims_over(span).filter(stays).take(16) {
        let name = analysis.name(claim.kind);
        let how = match analysis.region(claim.kind) {
            Some(region) if region.no_map => "Linux accepts it silently and panics when memory fills up",
            _ => "Linux then has no CMA at all",
        };
        out.push(
            report(DOC.severity, format!("`cma=` asks for {span}, over {name}: {how}"))
                .with_span(claim.span, name.as_str())
                .with_help(format_args!("choose a base outside {}", claim.span)),
        );
    }
    let unplaced = analysis.map.enabled().map(|region| match &region.extent {
        Extent::Dynamic(dynamic) => dynamic.size,
        _ => 0,
    });
    let unplaced = unplaced.fold(0, u64::saturating_add);
    let taken = analysis.claims().iter().filter(|claim| !claim.kind.lifetime().is_soft());
    let taken = taken.map(|claim| claim.span);
    let ceiling = early::ceiling(analysis.map.usable.spans(), taken, unplaced);
    if analysis.map.usable.is_known() && span.end() > ceiling {
        out.push(
            report(
                Severity::Warning,
                format!("`cma=` asks for {span}, where the kernel itself allocates before it reads `cma=`"),
            )
            .with_help(format_args!(
                "end it at {ceiling:#x}, or use a linux,cma-default node, which comes first"
            )),
        );
    }
}
