//! How the rules RF401 to RF405, RF410 and RF411 report what the policy requires.

use super::{Report, Sink, Text};
use crate::analysis::Answer;
use crate::finding::{Label, RepairKind};
use crate::span::Size;
use alloc::format;
use alloc::string::ToString;

/// Reports a finding about a requirement, with the repair that restores it.
pub(super) fn report_required<'o, 't>(
    out: &'o mut Sink,
    answer: &'t Answer<'_>,
    message: impl Into<Text<'t>>,
) -> &'o mut Report {
    let report = out.report(answer.path, message);
    describe(report, answer);
    report
}

#[inline(never)]
fn describe(report: &mut Report, answer: &Answer<'_>) {
    let wanted = match (answer.requirement.span(), answer.carveout()) {
        (Some(span), _) => span.to_string(),
        (None, carveout) => Size(carveout.map_or(0, |carveout| carveout.size)).to_string(),
    };
    let flag = if answer.requirement.no_map() { " with `no-map`" } else { "" };
    match answer.region {
        None => match answer.meant {
            Some(meant) => report.help(format_args!(
                "add a region of {wanted}{flag}, or change the policy: did you mean {}?",
                meant.path
            )),
            None => report.help(format_args!("add a region of {wanted}{flag}, or change the policy")),
        },
        Some(region) if !region.enabled => report.help("remove its `status`, or change the policy"),
        Some(_) => report.help(format_args!("reserve {wanted}{flag}, or change the policy")),
    };
    if let Some(span) = answer.requirement.span() {
        report.span(span, Label::Required);
    }
    if let (Some(span), Some(region)) = (answer.span(), answer.region) {
        report.region(span, region);
    }
    report.repair(RepairKind::Restore(answer.index), &format!("restore {wanted}"));
}
