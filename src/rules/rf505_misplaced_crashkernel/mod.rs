//! RF505: `crashkernel=SIZE@BASE` lies in RAM and over nothing.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::ledger::Coverage;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(505),
    name: "misplaced-crashkernel",
    title: "crashkernel=SIZE@BASE lies in RAM and over nothing",
    severity: Severity::Warning,
    why: "The kernel reserves it from free RAM only and prints \"crashkernel reservation failed\": there is no crash kernel.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(span) = analysis.map.chosen.crashkernel else { return };
    let path = "/chosen";
    if analysis.in_usable(span) != Coverage::All {
        let message = format!("`crashkernel=` asks for {span}, which is not in RAM");
        out.push(
            OldReport::new(DOC.id, DOC.severity, path, message)
                .with_span(span, "crashkernel=")
                .with_help("leave out the base"),
        );
    }
    if let Some(claim) = analysis.claims_over(span).find(|claim| analysis.region(claim.kind).is_some()) {
        let name = analysis.name(claim.kind);
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                path,
                format!("`crashkernel=` asks for {span}, over {name}: there is none then"),
            )
            .with_span(span, "crashkernel=")
            .with_span(claim.span, name)
            .with_help("leave out the base, or choose another"),
        );
    }
}
