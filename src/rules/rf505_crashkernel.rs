//! RF505: `crashkernel=SIZE@BASE` lies in RAM and over nothing.

use super::{ALL_KERNELS, Analysis, Doc, Report, Sink};
use crate::bootargs;
use crate::finding::{RuleId, Severity};
use crate::ledger::Coverage;
use crate::span::Span;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(505),
    title: "crashkernel=SIZE@BASE lies in RAM and over nothing",
    severity: Severity::Warning,
    kernels: ALL_KERNELS,
    why: "The kernel reserves it from free RAM only and prints \"crashkernel reservation failed\": there is no crash kernel.",
    bad: "/ { #address-cells = <2>; #size-cells = <2>;
\tmemory@40000000 { device_type = \"memory\"; reg = <0x0 0x40000000 0x0 0x40000000>; };
\tchosen { bootargs = \"crashkernel=64M@0x44000000\"; };
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tdsp@44000000 { reg = <0x0 0x44000000 0x0 0x500000>; no-map; };
\t};
};",
    good: "/ { #address-cells = <2>; #size-cells = <2>;
\tmemory@40000000 { device_type = \"memory\"; reg = <0x0 0x40000000 0x0 0x40000000>; };
\tchosen { bootargs = \"crashkernel=64M@0x48000000\"; };
\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
\t\tdsp@44000000 { reg = <0x0 0x44000000 0x0 0x500000>; no-map; };
\t};
};",
    policy: "",
    repair: "",
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(span) = analysis.map.chosen.bootargs.as_deref().and_then(fixed) else { return };
    let path = "/chosen";
    if analysis.in_usable(span) != Coverage::All {
        let message = format!("`crashkernel=` asks for {span}, which is not in RAM");
        out.push(
            Report::new(DOC.id, DOC.severity, path, message)
                .with_span(span, "crashkernel=")
                .with_help("leave out the base"),
        );
    }
    if let Some(claim) = analysis.claims_over(span).find(|claim| analysis.region(claim.owner).is_some()) {
        let name = analysis.name(claim.owner);
        out.push(
            Report::new(
                DOC.id,
                DOC.severity,
                path,
                format!("`crashkernel=` asks for {span}, over {name}: there is none then"),
            )
            .with_span(span, "crashkernel=")
            .with_span(claim.span, name)
            .with_help("leave out the base, or choose another"),
        );
    }
}

/// `SIZE@BASE` of the last `crashkernel=`; ranges of sizes and `,high` or `,low` leave the place to the kernel.
fn fixed(line: &[u8]) -> Option<Span> {
    let (size, rest) = bootargs::memparse(bootargs::last_value(line, b"crashkernel")?);
    let [b'@', base @ ..] = rest else { return None };
    Span::new(bootargs::memparse(base).0.filter(|&base| base != 0)?, size?)
}
