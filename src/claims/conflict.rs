//! Which claims must not share a byte, and the pairs that do.

use super::{Claim, ClaimKind, Lifetime};
use crate::survey::MemoryMap;
use alloc::vec::Vec;

/// How many pairs one survey lists. A tree of 2 MiB can hold hundreds of millions.
const MAX_PAIRS: usize = 1000;

/// Returns every pair of the ascending `claims` that shares a byte and should not, and whether there are more
/// than are listed. Harmless pairs are passed over here, so that no number of them fills the list before a
/// harmful one.
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

/// `/memreserve/` twice or over what is merely reserved adds nothing; a region over what firmware left
/// protects it, unless Linux uses the region itself; what is done with when the kernel starts may overlap
/// what is placed then (the payload is inside the bundle); and neither a picture nor the EFI memory map is
/// harmed. A request meets everything that is still there when Linux reads it.
fn is_harmless(map: &MemoryMap, a: ClaimKind, b: ClaimKind) -> bool {
    use Lifetime::{Display, EfiMap, Firmware, HandOff, Request, Reserved};
    let region = |kind| match kind {
        ClaimKind::Region(index, _) => map.region_at(index),
        _ => None,
    };
    let (region, other) = match (region(a), region(b)) {
        (Some(_), Some(_)) => return false,
        (Some(region), None) => (Some(region), b.lifetime()),
        (None, Some(region)) => (Some(region), a.lifetime()),
        (None, None) => (None, b.lifetime()),
    };
    match (region, a.lifetime(), other) {
        (_, Display | EfiMap, _) | (_, _, Display | EfiMap) => true,
        (Some(region), _, Reserved) => !region.no_map && !region.is_cma(),
        (Some(region), _, Firmware) => !region.is_cma(),
        (Some(_), ..) => false,
        (None, Request, other) | (None, other, Request) => other == HandOff,
        (None, Reserved, _) | (None, _, Reserved) => true,
        (None, Firmware, _) | (None, _, Firmware) => false,
        (None, one, other) => one == HandOff || other == HandOff,
    }
}
