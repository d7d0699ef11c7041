//! RF102: `/reserved-memory` has `ranges`.

use super::{ALL_KERNELS, Analysis, Doc, Report, Sink};
use crate::finding::{RepairKind, RuleId, Severity};
use crate::survey::Ranges;

pub(super) const DOC: Doc = Doc {
    id: RuleId(102),
    title: "/reserved-memory has an empty ranges property",
    severity: Severity::Error,
    kernels: ALL_KERNELS,
    why: "Without ranges Linux prints \"unsupported node format, ignoring\" and reserves nothing, so every \
          carveout becomes ordinary memory. All kernels.",
    bad: "/ { #address-cells = <2>; #size-cells = <2>;
\treserved-memory { #address-cells = <2>; #size-cells = <2>;
\t\tcamera@84300000 { reg = <0x0 0x84300000 0x0 0x500000>; no-map; };
\t};
};",
    good: "/ { #address-cells = <2>; #size-cells = <2>;
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tcamera@84300000 { reg = <0x0 0x84300000 0x0 0x500000>; no-map; };
\t};
};",
    policy: "",
    repair: "Adds the empty ranges.",
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(reserved) = analysis.map.reserved.as_ref().filter(|r| r.ranges == Ranges::Missing) else {
        return;
    };
    out.push(
        Report::new(
            DOC.id,
            DOC.severity,
            reserved.path.as_str(),
            "has no `ranges`: Linux ignores every region in it",
        )
        .with_help("write an empty `ranges;`")
        .with_repair(RepairKind::AddRanges, "add the empty `ranges`"),
    );
}
