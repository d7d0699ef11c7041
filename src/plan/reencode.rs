//! Rewrites the numbers of a region from the cells in which its author wrote them to others.

use crate::survey::Cells;
use alloc::vec::Vec;

/// The properties with numbers that say where a region is.
pub(super) const PLACE: [&str; 4] = ["reg", "size", "alignment", "alloc-ranges"];

/// Rewrites the value of one of [`PLACE`], or returns `None` if its numbers cannot be read or written so.
pub(super) fn reencoded(name: &str, value: &[u8], from: Cells, to: Cells) -> Option<Vec<u8>> {
    match name {
        "size" => number(value, from.size, to.size),
        // In address cells (drivers/of/of_reserved_mem.c, `__reserved_mem_alloc_size`).
        "alignment" => number(value, from.address, to.address),
        _ if value.is_empty() => Some(Vec::new()),
        _ => {
            let tuples = from.tuples(value).ok()?;
            let coded: Option<Vec<_>> = tuples.iter().map(|&(base, size)| to.encode(base, size)).collect();
            Some(coded?.concat())
        }
    }
}

fn number(value: &[u8], from: u32, to: u32) -> Option<Vec<u8>> {
    let number = match (value.len() == 4 * from as usize, value.len()) {
        (true, 4) => u64::from(u32::from_be_bytes(value.try_into().ok()?)),
        (true, 8) => u64::from_be_bytes(value.try_into().ok()?),
        _ => return None,
    };
    match to {
        1 => Some(u32::try_from(number).ok()?.to_be_bytes().to_vec()),
        2 => Some(number.to_be_bytes().to_vec()),
        _ => None,
    }
}
