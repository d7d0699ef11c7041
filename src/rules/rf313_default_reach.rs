//! RF313: devices reach the default CMA pool.

use super::{ALL_KERNELS, Analysis, Doc, Report, Sink};
use crate::finding::{RuleId, Severity};
use crate::span::GIB;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(313),
    title: "the default CMA pool lies below 4 GiB where RAM does",
    severity: Severity::Warning,
    kernels: ALL_KERNELS,
    why: "A device with 32 bits of address gets its buffers from the default pool and reaches none of it above 4 GiB: its allocations fail. Kernels place a node wherever it says, and from 6.17 on cma= too; before, they refuse such a cma=.",
    bad: "/ { #address-cells = <2>; #size-cells = <2>;
\tmemory@40000000 { device_type = \"memory\"; reg = <0x0 0x40000000 0x1 0x40000000>; };
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tpool@120000000 { compatible = \"shared-dma-pool\"; reg = <0x1 0x20000000 0x0 0x1000000>; reusable; linux,cma-default; };
\t};
};",
    good: "/ { #address-cells = <2>; #size-cells = <2>;
\tmemory@40000000 { device_type = \"memory\"; reg = <0x0 0x40000000 0x1 0x40000000>; };
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tpool@70000000 { compatible = \"shared-dma-pool\"; reg = <0x0 0x70000000 0x0 0x1000000>; reusable; linux,cma-default; };
\t};
};",
    policy: "",
    repair: "",
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let node = analysis.default_pool().and_then(|pool| Some((pool.path.as_str(), *pool.spans().first()?)));
    let arg = analysis.cma_arg().and_then(|arg| Some(("/chosen", arg.fixed()?)));
    let low = analysis.map.usable.spans().iter().any(|bank| bank.base() < 4 * GIB);
    if let Some((path, span)) = arg.or(node).filter(|(_, span)| low && span.end() > 4 * GIB) {
        out.push(
            Report::new(
                DOC.id,
                DOC.severity,
                path,
                format!("the default CMA pool {span} is out of reach for 32-bit devices"),
            )
            .with_span(span, "default CMA pool")
            .with_help("place it below 4 GiB, unless every device has wider addresses"),
        );
    }
}
