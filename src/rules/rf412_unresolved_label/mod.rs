//! RF412: the policy names a region by a label, and the tree has no labels.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{Label, RuleId};

pub(super) const DOC: Doc = Doc {
    id: RuleId(412),
    name: "unresolved-label",
    title: "a label in the policy cannot be resolved",
    why: r"
        A label is a name in the source. A compiled tree has its labels only if it was compiled with `dtc -@`,
        and without them it is not known whether the required region is missing or has another name. A region
        that is at the required base and at least as large is taken for it, and where no region is at all, it
        is missing (RF401). Otherwise nothing is restored, because that could put a second region over the
        first.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for answer in analysis.answers().filter(|answer| answer.is_unresolved) {
        let Some(carveout) = answer.carveout() else { continue };
        let message = format_args!("the policy requires {}, and the tree has no labels", carveout.key);
        let report = out.report("/reserved-memory", message);
        match answer.meant {
            Some(meant) => report.help(format_args!(
                "compile the tree with `dtc -@`, or name the node in the policy: did you mean node = \"{}\"?",
                meant.path
            )),
            None => {
                report.help("compile the tree with `dtc -@`, or name the node in the policy: node = \"/…\"")
            }
        };
        if let Some(span) = carveout.span() {
            report.span(span, Label::Required);
        }
    }
}
