//! RF104: a region has one `reg` tuple.

use super::{ALL_KERNELS, Analysis, Doc, Report, Sink};
use crate::finding::{RepairKind, RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(104),
    title: "a region has one reg tuple",
    severity: Severity::Error,
    kernels: ALL_KERNELS,
    why: "Kernels up to 6.12 reserve every tuple but register only the first; 6.18 reserves all and registers \
          none, so that lookups by phandle fail; 7.2 and later reserve only the first, and the rest becomes \
          ordinary memory.",
    bad: "/ { #address-cells = <2>; #size-cells = <2>;
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tdsp@84300000 { reg = <0x0 0x84300000 0x0 0x500000>, <0x0 0x90000000 0x0 0x100000>; no-map; };
\t};
};",
    good: "/ { #address-cells = <2>; #size-cells = <2>;
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tdsp@84300000 { reg = <0x0 0x84300000 0x0 0x500000>; no-map; };
\t\tdsp-1@90000000 { reg = <0x0 0x90000000 0x0 0x100000>; no-map; };
\t};
};",
    policy: "",
    repair: "Gives each further tuple a node of its own with the same flags; the phandle stays on the first.",
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled() {
        let [first, rest @ ..] = region.spans() else { continue };
        if rest.is_empty() {
            continue;
        }
        let finding = Report::new(
            DOC.id,
            DOC.severity,
            region.path.as_str(),
            format!("`reg` has {} tuples: kernels from 7.2 on protect only {first}", region.spans().len()),
        );
        let finding =
            rest.iter().take(8).fold(finding, |f, &span| f.with_span(span, "unprotected from 7.2 on"));
        out.push(
            finding
                .with_help("give each further tuple a region node of its own")
                .with_repair(RepairKind::SplitReg(region.node), "give each further tuple a node of its own"),
        );
    }
}
