//! RF105: `ranges` of `/reserved-memory` is empty.

use super::{Doc, Kernels, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::survey::Ranges;

pub(super) const DOC: Doc = Doc {
    id: RuleId(105),
    name: "nonempty-ranges",
    title: "ranges of /reserved-memory is empty",
    severity: Severity::Warning,
    kernels: Kernels::None,
    why: "No kernel translates through it: whatever it says, reg is read as a physical address.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(reserved) = analysis.map.reserved.as_ref().filter(|r| r.ranges == Ranges::Content) else {
        return;
    };
    out.push(
        OldReport::new(
            DOC.id,
            DOC.severity,
            reserved.path.as_str(),
            "`ranges` has content, which no kernel reads: every `reg` is taken as a physical address",
        )
        .with_help("write physical addresses and an empty `ranges;`"),
    );
}
