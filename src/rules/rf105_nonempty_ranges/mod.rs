//! RF105: `ranges` of `/reserved-memory` is not empty.

use super::{Doc, Kernels, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::survey::Ranges;

pub(super) const DOC: Doc = Doc {
    id: RuleId(105),
    name: "nonempty-ranges",
    title: "ranges of /reserved-memory is not empty",
    severity: Severity::Warning,
    kernels: Kernels::None,
    why: r"
        `ranges` of `/reserved-memory` must be empty. No kernel translates through it: whatever it contains,
        `reg` is read as a physical address.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    if let Some(reserved) = analysis.map.reserved.as_ref().filter(|r| r.ranges == Ranges::Content) {
        out.report(
            reserved,
            "`ranges` is not empty: no kernel reads it, and every `reg` is a physical address",
        )
        .at("ranges")
        .help("write physical addresses and an empty `ranges;`");
    }
}
