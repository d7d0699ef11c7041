//! RF203: a region does not hang over the end of RAM.

use super::{ALL_KERNELS, Doc, Report, Scene, Sink};
use crate::finding::{RuleId, Severity};
use crate::ledger::Coverage;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(203),
    title: "a region lies in RAM as a whole, or outside it as a whole",
    severity: Severity::Error,
    kernels: ALL_KERNELS,
    why: "Linux honours the part inside RAM and keeps quiet about the rest: either the region or /memory is \
          wrong, and whoever owns the region will use bytes that are not there. Regions wholly outside RAM \
          (SRAM, a hole that was cut for them) are ordinary.",
    bad: "/ { #address-cells = <2>; #size-cells = <2>;
\tmemory@40000000 { device_type = \"memory\"; reg = <0x0 0x40000000 0x0 0x40000000>; };
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tdsp@7ff00000 { reg = <0x0 0x7ff00000 0x0 0x200000>; no-map; };
\t};
};",
    good: "/ { #address-cells = <2>; #size-cells = <2>;
\tmemory@40000000 { device_type = \"memory\"; reg = <0x0 0x40000000 0x0 0x40000000>; };
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tdsp@7fe00000 { reg = <0x0 0x7fe00000 0x0 0x200000>; no-map; };
\t};
};",
    policy: "",
    repair: "",
};

pub(super) fn check(scene: &Scene<'_, '_>, out: &mut Sink) {
    for region in scene.map.live().filter(|region| !region.is_cma()) {
        for &span in region.spans() {
            if scene.in_ram(span) != Coverage::Part {
                continue;
            }
            let finding = Report::new(
                DOC.id,
                DOC.severity,
                region.path.as_str(),
                format!("{span} lies only partly in RAM"),
            )
            .with_span(span, region.name.as_str());
            let banks = scene.map.ram.spans().iter().filter(|bank| bank.overlaps(span)).take(2);
            out.push(
                banks
                    .fold(finding, |f, &bank| f.with_span(bank, "RAM"))
                    .with_help("correct the region's reg, or the bank in /memory that should hold it"),
            );
        }
    }
}
