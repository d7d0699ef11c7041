//! `GetMemoryMap`, into the face's own heap: a buffer of the firmware's would change the map that it holds.

use crate::refusal::{Result, refusal};
use alloc::vec::Vec;
use ringfence::efi::{Descriptor, EfiMap};
use uefi::table::system_table_raw;
use uefi_raw::Status;
use uefi_raw::table::boot::MemoryDescriptor;

/// Room for this many descriptors more than the firmware says.
const SPARE: usize = 16;

/// Reads the EFI memory map as it is now.
pub(crate) fn read() -> Result<EfiMap> {
    let mut room: usize = 0;
    // The first call asks for the size; every later one has room for it unless the map has grown meanwhile.
    for _ in 0..4 {
        let mut words: Vec<u64> = Vec::new();
        words.try_reserve_exact(room / 8).map_err(|_| refusal!("no memory for the EFI memory map"))?;
        words.resize(room / 8, 0);
        let (status, size, step) = get(&mut words);
        match status {
            Status::SUCCESS => return Ok(EfiMap::new(descriptors(&words, size, step))),
            Status::BUFFER_TOO_SMALL => {
                let spare = SPARE.saturating_mul(step.max(48));
                // Rounded down, a room that no machine has stays one.
                room = size.saturating_add(spare) / 8 * 8;
            }
            why => return Err(refusal!("the firmware does not give its memory map ({why})")),
        }
    }
    Err(refusal!("the EFI memory map grows faster than it can be read"))
}

/// Calls `GetMemoryMap`; returns the status, the bytes of the map and of one descriptor.
fn get(words: &mut [u64]) -> (Status, usize, usize) {
    let (mut size, mut key, mut step, mut version) = (core::mem::size_of_val(words), 0, 0, 0);
    let Some(system) = system_table_raw() else { return (Status::UNSUPPORTED, 0, 0) };
    // SAFETY: the firmware's own table, set by the entry of this image.
    let services = unsafe { system.as_ref() }.boot_services;
    if services.is_null() {
        return (Status::UNSUPPORTED, 0, 0);
    }
    // SAFETY: boot services last until the kernel's stub ends them.
    let call = unsafe { (*services).get_memory_map };
    // SAFETY: `words` has `size` bytes and is aligned for a descriptor; the firmware writes no more than
    // that.
    let status = unsafe {
        call(&mut size, words.as_mut_ptr().cast::<MemoryDescriptor>(), &mut key, &mut step, &mut version)
    };
    (status, size, step)
}

/// Reads descriptors `step` bytes apart; fields beyond those of version 1 are passed over.
fn descriptors(words: &[u64], size: usize, step: usize) -> impl Iterator<Item = Descriptor> + '_ {
    let step = (step / 8).max(5);
    words.get(..size / 8).unwrap_or_default().chunks_exact(step).filter_map(|words| {
        let (&[ty, base, _, pages, attributes], _) = words.split_first_chunk()?;
        Some(Descriptor { ty: ty as u32, base, pages, attributes })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_read_by_the_firmwares_own_step() {
        let words = [7, 0x4000_0000, 0, 2, 0xf, 99, 0xdead_0000_0000, 0x4000_2000, 0, 1, 8, 99, 1, 2];
        let read: Vec<Descriptor> = descriptors(&words, 12 * 8, 48).collect();
        assert_eq!(
            read,
            [
                Descriptor { ty: 7, base: 0x4000_0000, pages: 2, attributes: 0xf },
                Descriptor { ty: 0, base: 0x4000_2000, pages: 1, attributes: 8 },
            ]
        );
        assert_eq!(descriptors(&words, usize::MAX, 0).count(), 0);
    }
}
