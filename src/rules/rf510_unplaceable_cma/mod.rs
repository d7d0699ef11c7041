//! RF510: the default CMA pool finds no place.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::finding::{Finding, RepairKind, RuleId, Severity};
use crate::predict::FailureKind;
use crate::span::Size;

pub(super) const DOC: Doc = Doc {
    id: RuleId(510),
    name: "unplaceable-cma",
    title: "the default CMA pool finds no place",
    predicted: Predicted::Always,
    why: r"
        There must be a free place for what `cma=` asks for: in one piece, in RAM, within the reach of
        devices, which is at most 4 GiB and less where a `dma-ranges` of the tree says so. Otherwise the
        kernel prints `cma: Failed to reserve`: there is no CMA, and drivers that need large buffers fail.

        Where nothing asks for a pool, the kernel tries one of the size that it was built with; when that
        fails it is a warning.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Moves a fixed `cma=SIZE@BASE` to where it fits.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    if analysis.fails(FailureKind::DefaultPool) != Some(true) {
        return;
    }
    // Findings about the command line that say more have come before.
    let is_explained = |finding: &Finding| {
        finding.node == "/chosen"
            && finding.property.as_deref() == Some("bootargs")
            && finding.severity == Severity::Error
    };
    if out.findings().any(is_explained) {
        return;
    }
    let limit = analysis.dma_limit();
    match analysis.cma_arg() {
        Some(arg) => {
            let report = out
                .report(
                    "/chosen",
                    format_args!("`cma=` asks for {}: below {limit:#x} it has no place", Size(arg.size)),
                )
                .at("bootargs")
                .help("ask for less, or make room below the reach of devices");
            if arg.fixed().is_some() {
                report.repair(RepairKind::SettleCma, "move the pool into free RAM and rewrite `cma=`");
            }
        }
        None => {
            out.report(
                "/chosen",
                format_args!(
                    "no place is left below {limit:#x} for the pool that the kernel makes by itself"
                ),
            )
            .severity(Severity::Warning)
            .help("make room, or write `cma=0` if no device needs it");
        }
    }
}
