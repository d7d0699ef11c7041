//! RF404: no required carveout is disabled.

use super::required::answers;
use super::{ALL_KERNELS, Analysis, Doc, Sink};
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(404),
    title: "no required carveout is disabled",
    severity: Severity::Error,
    kernels: ALL_KERNELS,
    why: "Any status other than ok or okay, even \"reserved\", makes every kernel ignore the node without a \
          message: its memory is free.",
    bad: "/ { #address-cells = <2>; #size-cells = <2>;
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tdsp@84300000 { reg = <0x0 0x84300000 0x0 0x500000>; no-map; status = \"disabled\"; };
\t};
};",
    good: "/ { #address-cells = <2>; #size-cells = <2>;
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tdsp@84300000 { reg = <0x0 0x84300000 0x0 0x500000>; no-map; };
\t};
};",
    policy: "[[carveout]]\nnode = \"/reserved-memory/dsp@84300000\"\nbase = \"0x84300000\"\nsize = \"5 MiB\"\nno-map = true\n",
    repair: "With the policy's word (allow.restore), removes the status.",
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for answer in answers(analysis).filter(|answer| answer.region.is_some_and(|region| !region.enabled)) {
        out.push(
            answer.finding(DOC.id, "is required by the policy but disabled: Linux would use its memory"),
        );
    }
}
