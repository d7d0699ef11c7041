//! Collects the claims of one survey and one boot.

use super::{Claim, ClaimKind};
use crate::efi::EfiUse;
use crate::facts::{BootFacts, Position};
use crate::ledger;
use crate::span::Span;
use crate::survey::MemoryMap;
use alloc::vec::Vec;

/// Returns every claim, in no order. What can still be moved claims nothing yet: the planner finds it a
/// place.
pub(super) fn collect(map: &MemoryMap, facts: &BootFacts) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (index, region) in map.indexed_regions().filter(|(_, region)| region.enabled) {
        let tuples = region.indexed_spans();
        claims.extend(tuples.map(|(tuple, span)| Claim { span, kind: ClaimKind::Region(index, tuple) }));
    }
    for framebuffer in &map.framebuffers {
        claims.push(Claim { span: framebuffer.span, kind: ClaimKind::Framebuffer(framebuffer.node) });
    }
    let mut add = |spans: &[Span], kind| claims.extend(spans.iter().map(|&span| Claim { span, kind }));
    // Entries that overlap or touch are one claim: overlapping ones are many pairs and no news.
    add(&ledger::union(map.memreserve.clone()), ClaimKind::Memreserve);
    add(&map.release_pages, ClaimKind::ReleasePage);
    for (span, kind) in [
        (facts.kernel.and_then(|kernel| kernel.fixed()), ClaimKind::Kernel),
        (fixed_initrd(map, facts), ClaimKind::Initrd),
        (facts.dtb.and_then(Position::fixed), ClaimKind::Dtb),
        (facts.stage, ClaimKind::Stage),
        (facts.bundle, ClaimKind::Bundle),
        (map.chosen.elfcorehdr, ClaimKind::ElfCoreHdr),
        (map.chosen.crashkernel, ClaimKind::CrashKernel),
        (map.chosen.cma.and_then(|arg| arg.fixed()), ClaimKind::CmaArg),
    ] {
        add(span.as_slice(), kind);
    }
    for usage in [EfiUse::UntilLinux, EfiUse::Reserved, EfiUse::Firmware] {
        let spans = facts.efi.iter().flat_map(|efi| efi.map.of_use(usage));
        claims.extend(spans.map(|span| Claim { span, kind: ClaimKind::Efi(usage) }));
    }
    claims
}

/// Returns the initial ramdisk that the kernel will be given, if it is placed for good: the payload's, or
/// what `/chosen` says without a bundle (a bundle in the initrd slot is not a ramdisk).
fn fixed_initrd(map: &MemoryMap, facts: &BootFacts) -> Option<Span> {
    match (facts.initrd, facts.bundle) {
        (Some(initrd), _) => initrd.fixed(),
        (None, None) => map.chosen.initrd,
        (None, Some(_)) => None,
    }
}
