//! Which claims must not share a byte, and the pairs that do.

use super::{Claim, ClaimKind, Lifetime};
use crate::survey::MemoryMap;
use alloc::vec::Vec;

/// How many pairs one survey lists. A tree of 2 MiB can hold hundreds of millions.
const MAX_PAIRS: usize = 1000;

/// Every pair of the ascending `claims` that shares a byte and should not, and whether there are more than are
/// listed. Harmless pairs are passed over here, so that no number of them fills the list before a harmful one.
pub(super) fn pairs(map: &MemoryMap, claims: &[Claim]) -> (Vec<(usize, usize)>, bool) {
    let mut pairs = Vec::new();
    // A claim that ends below another one's base meets nothing above it either, since bases ascend.
    for (low, a) in claims.iter().enumerate() {
        for (high, b) in claims.iter().enumerate().skip(low + 1) {
            if !a.span.overlaps(b.span) {
                break;
            }
            if is_harmless(map, a.kind, b.kind) {
                continue;
            }
            if pairs.len() == MAX_PAIRS {
                return (pairs, true);
            }
            pairs.push((low, high));
        }
    }
    (pairs, false)
}

/// `/memreserve/` twice or over what is merely reserved adds nothing; a region over what firmware left protects it,
/// unless Linux uses the region itself; and what is done with when the kernel starts may overlap what is placed
/// then: the payload is inside the bundle.
fn is_harmless(map: &MemoryMap, a: ClaimKind, b: ClaimKind) -> bool {
    use Lifetime::{Firmware, HandOff};
    let region = |kind| match kind {
        ClaimKind::Region(index, _) => map.region_at(index),
        _ => None,
    };
    // The map lists memory, whoever has claimed it as well; what it forbids is for rules of its own.
    if matches!(a, ClaimKind::Efi(_)) || matches!(b, ClaimKind::Efi(_)) {
        return true;
    }
    match (region(a), region(b)) {
        (Some(_), Some(_)) => false,
        (Some(region), None) | (None, Some(region)) => {
            let other = if a.is_region() { b } else { a };
            match other.lifetime() {
                _ if other == ClaimKind::Memreserve => !region.no_map && !region.is_cma(),
                Firmware => !region.is_cma(),
                _ => false,
            }
        }
        (None, None) => {
            let of = |lifetime| a.lifetime() == lifetime || b.lifetime() == lifetime;
            a == ClaimKind::Memreserve || b == ClaimKind::Memreserve || (!of(Firmware) && of(HandOff))
        }
    }
}
