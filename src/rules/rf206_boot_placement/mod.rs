//! RF206: the kernel, the initrd and the DTB lie in RAM and do not share a byte.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::claims::{Claim, Lifetime};
use crate::finding::{RuleId, Severity};
use crate::ledger::Coverage;
use crate::span::MIB;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(206),
    name: "boot-placement",
    title: "the kernel, the initrd and the DTB lie in RAM and apart",
    severity: Severity::Error,
    why: "The kernel zeroes its BSS up to image_size before it prints anything: a DTB or initrd there dies \
          without a word. A kernel outside RAM or off its 2 MiB boundary crashes. An initrd outside RAM is \
          added to RAM, and takes whatever was cut out there with it.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "The stage places all three by itself.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for claim in analysis.claims().iter().filter(|claim| claim.kind.lifetime() == Lifetime::Boot) {
        if analysis.in_ram(claim.span) != Coverage::All {
            let what = analysis.name(claim.kind);
            out.push(
                OldReport::new(
                    DOC.id,
                    DOC.severity,
                    "/chosen",
                    format!("the {what} {} does not lie in RAM", claim.span),
                )
                .with_span(claim.span, what.as_str())
                .with_help(format_args!("load the {what} into one bank of /memory")),
            );
        }
    }
    // Of what is no region, only what must not meet makes a pair.
    let boot = |claim: &Claim| {
        matches!(claim.kind.lifetime(), Lifetime::Boot | Lifetime::Firmware | Lifetime::HandOff)
    };
    for (low, high) in analysis.pairs().filter(|(low, high)| boot(low) && boot(high)) {
        let (a, b) = (analysis.name(low.kind), analysis.name(high.kind));
        out.push(
            OldReport::new(DOC.id, DOC.severity, "/chosen", format!("the {a} and the {b} share memory"))
                .with_span(low.span, a.as_str())
                .with_span(high.span, b.as_str())
                .with_help(format_args!("load the {b} at {:#x} or above", low.span.end())),
        );
    }
    let fixed = analysis.facts.kernel.filter(|kernel| !kernel.movable);
    if let Some(kernel) = fixed.filter(|k| k.at.base() % (2 * MIB) != k.text_offset % (2 * MIB)) {
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                "/chosen",
                format!(
                    "the kernel at {:#x} is not {:#x} above a 2 MiB boundary",
                    kernel.at.base(),
                    kernel.text_offset
                ),
            )
            .with_help("load the kernel at a multiple of 2 MiB plus its text_offset"),
        );
    }
}
