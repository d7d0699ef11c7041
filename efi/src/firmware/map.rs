//! `GetMemoryMap`, into the face's own heap: a buffer of the firmware's would change the map that it holds.

use super::table;
use crate::refusal::{Result, refusal};
use alloc::vec::Vec;
use ringfence::efi::{Descriptor, EfiMap};
use uefi::table::system_table_raw;
use uefi_raw::Status;
use uefi_raw::table::boot::MemoryDescriptor;

/// Room for this many descriptors more than the firmware says.
const SPARE: usize = 16;
/// Most bytes that a map may take: some ten thousand descriptors.
const MAX_SIZE: usize = 1 << 20;
/// Bytes of a descriptor of version 1.
const VERSION_1: usize = 40;

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
            Status::SUCCESS => {
                let map = EfiMap::new(descriptors(&words, size, step)?);
                return Ok(map.with_tables(&table::kept_by_linux(&map)));
            }
            Status::BUFFER_TOO_SMALL => {
                if size > MAX_SIZE {
                    return Err(refusal!("the EFI memory map takes {size} bytes; update the firmware"));
                }
                let spare = SPARE * step.clamp(48, 4096);
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

/// Reads descriptors `step` bytes apart; fields beyond those of version 1 are passed over. What a map leaves
/// out would be memory that nothing uses, so that a map which is not whole is an error.
fn descriptors(words: &[u64], size: usize, step: usize) -> Result<impl Iterator<Item = Descriptor> + '_> {
    let is_whole = step >= VERSION_1 && step.is_multiple_of(8) && size > 0 && size.is_multiple_of(step);
    let words = words.get(..size / 8).filter(|_| is_whole).ok_or_else(|| {
        refusal!("the firmware gives {size} bytes of memory map in steps of {step}; update the firmware")
    })?;
    Ok(words.chunks_exact(step / 8).filter_map(|words| {
        let (&[ty, base, _, pages, attributes], _) = words.split_first_chunk()?;
        Some(Descriptor { ty: ty as u32, base, pages, attributes })
    }))
}

#[cfg(test)]
mod tests {
    use super::super::fake::Firmware;
    use super::*;
    use ringfence::efi::EfiUse;
    use ringfence::span::Span;

    #[test]
    fn descriptors_are_read_by_the_firmwares_own_step() {
        let words = [7, 0x4000_0000, 0, 2, 0xf, 99, 0xdead_0000_0000, 0x4000_2000, 0, 1, 8, 99, 1, 2];
        let read: Vec<Descriptor> = descriptors(&words, 12 * 8, 48).unwrap().collect();
        assert_eq!(
            read,
            [
                Descriptor { ty: 7, base: 0x4000_0000, pages: 2, attributes: 0xf },
                Descriptor { ty: 0, base: 0x4000_2000, pages: 1, attributes: 8 },
            ]
        );
        for (size, step) in [(usize::MAX, 0), (0, 48), (96, 44), (96, 32), (90, 48), (144, 48)] {
            assert!(descriptors(&words, size, step).is_err(), "{size} {step}");
        }
    }

    /// Two pages that are free, and two of boot services.
    fn firmware() -> Firmware {
        let descriptor = |ty, base| Descriptor { ty, base, pages: 2, attributes: 0xf };
        Firmware {
            map: Vec::from([descriptor(4, 0x4000_2000), descriptor(7, 0x4000_0000)]),
            ..Firmware::default()
        }
    }

    #[test]
    fn a_map_that_grows_is_read_all_the_same() {
        for grows in [0, 1, SPARE] {
            let _running = Firmware { grows, ..firmware() }.start();
            let map = read().unwrap();
            assert_eq!(map.of_use(EfiUse::Free), [Span::new(0x4000_0000, 0x2000).unwrap()], "{grows}");
        }
    }

    #[test]
    fn a_map_that_cannot_be_read_whole_is_an_error() {
        let too_fast = Firmware { grows: 2 * SPARE, ..firmware() }.start();
        assert!(read().unwrap_err().0.contains("grows faster"));
        drop(too_fast);
        let too_large = Firmware { step: 40 << 10, map: firmware().map.repeat(16), ..firmware() }.start();
        assert!(read().unwrap_err().0.contains("takes 1310720 bytes"));
        drop(too_large);
        for (step, boast) in [(48, 17 * 48), (48, 1 << 40), (44, 0), (0, 0), (24, 0)] {
            let _running = Firmware { step, boast, ..firmware() }.start();
            assert!(read().is_err(), "{step} {boast}");
        }
    }
}
