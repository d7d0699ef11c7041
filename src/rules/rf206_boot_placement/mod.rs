//! RF206: the kernel, the initrd or the DTB is outside RAM, or two of them overlap.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::claims::{Claim, ClaimKind, Lifetime};
use crate::finding::RuleId;
use crate::ledger::Coverage;
use crate::span::MIB;

pub(super) const DOC: Doc = Doc {
    id: RuleId(206),
    name: "boot-placement",
    title: "the kernel, the initrd or the DTB is misplaced",
    why: r"
        The kernel, the initrd and the DTB must be in RAM and must not overlap, and the kernel must be at
        its `text_offset` above a 2 MiB boundary.

        The kernel zeroes its BSS up to `image_size` before it prints anything: with a DTB or initrd there
        it dies silently. A kernel outside RAM or off its boundary crashes. Linux adds an initrd outside RAM
        to RAM, together with any hole that was cut there.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "The stage places all three by itself.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let loaded = analysis.claims().iter().filter(|claim| claim.kind.lifetime() == Lifetime::Boot);
    for claim in loaded.filter(|claim| analysis.in_ram(claim.span) != Coverage::All) {
        let what = claim.kind.label();
        let report = out
            .report("/chosen", format_args!("the {what} at {} is not in RAM", claim.span))
            .claim(claim, analysis)
            .help(format_args!("load the {what} into one bank of /memory"));
        if claim.kind == ClaimKind::Initrd {
            report.at("linux,initrd-start");
        }
    }
    // Of claims that are not regions, only those that must not overlap make a pair.
    let boot = |claim: &Claim| {
        matches!(claim.kind.lifetime(), Lifetime::Boot | Lifetime::Firmware | Lifetime::HandOff)
    };
    for (low, high) in analysis.pairs().filter(|(low, high)| boot(low) && boot(high)) {
        let (a, b) = (low.kind.label(), high.kind.label());
        out.report("/chosen", format_args!("the {a} and the {b} overlap"))
            .claim(&low, analysis)
            .claim(&high, analysis)
            .help(format_args!("load the {b} at {:#x} or above", low.span.end()));
    }
    let fixed = analysis.facts.kernel.and_then(|kernel| Some((kernel.fixed()?.base(), kernel.text_offset)));
    if let Some((base, offset)) = fixed.filter(|(base, offset)| base % (2 * MIB) != offset % (2 * MIB)) {
        out.report(
            "/chosen",
            format_args!("the kernel at {base:#x} is not {offset:#x} above a 2 MiB boundary"),
        )
        .help("load the kernel at a multiple of 2 MiB plus its text_offset");
    }
}
