//! RF105: `ranges` of `/reserved-memory` is empty.

use super::{Analysis, Doc, Report, Sink};
use crate::finding::{RuleId, Severity};
use crate::survey::Ranges;

pub(super) const DOC: Doc = Doc {
    id: RuleId(105),
    title: "ranges of /reserved-memory is empty",
    severity: Severity::Warning,
    kernels: &[],
    why: "No kernel translates through it: whatever it says, reg is read as a physical address.",
    bad: "/ { #address-cells = <2>; #size-cells = <2>;
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges = <0x0 0x0 0x0 0x80000000 0x0 0x10000000>;
\t};
};",
    good: "/ { #address-cells = <2>; #size-cells = <2>;
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t};
};",
    policy: "",
    repair: "",
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(reserved) = analysis.map.reserved.as_ref().filter(|r| r.ranges == Ranges::Content) else {
        return;
    };
    out.push(
        Report::new(
            DOC.id,
            DOC.severity,
            reserved.path.as_str(),
            "`ranges` has content, which no kernel reads: every `reg` is taken as a physical address",
        )
        .with_help("write physical addresses and an empty `ranges;`"),
    );
}
