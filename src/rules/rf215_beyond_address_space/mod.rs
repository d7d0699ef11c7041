//! RF215: addresses are ones that there are.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::span::Span;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(215),
    name: "beyond-address-space",
    title: "regions and RAM end within the physical address space",
    severity: Severity::Error,
    why: "arm64 has at most 52 bits of physical address in Linux. Whatever was meant by a higher one lies elsewhere and is not protected; where base and size are swapped or in the wrong cells, that is how it shows.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

/// Bytes that the widest arm64 kernel can address (`CONFIG_ARM64_PA_BITS_52`).
const END: u64 = 1 << 52;

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let mut report = |path: &str, name: &str, span: Span| {
        out.push(
            OldReport::new(DOC.id, DOC.severity, path, format!("{span} ends beyond 52 bits of address"))
                .with_span(span, name)
                .with_help("look whether base, size and cells stand in their order"),
        );
    };
    for region in analysis.map.enabled() {
        for &span in region.spans().iter().filter(|span| span.end() > END) {
            report(&region.path, &region.name, span);
        }
    }
    for span in analysis.map.banks.iter().filter_map(|bank| bank.span).filter(|span| span.end() > END) {
        report("/memory", "RAM", span);
    }
}
