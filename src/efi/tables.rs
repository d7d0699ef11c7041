//! Tables of the firmware's that Linux keeps in memory after boot services have ended.
//!
//! Linux reserves them before it reads the device tree, and refuses a no-map region that is over one as a
//! whole (`efi_memattr_init`, `efi_esrt_init` and `efi_mokvar_table_init` in drivers/firmware/efi, 6.12).
//! What else Linux is passed in memory of boot services is made by its own EFI stub, out of free memory.

use super::PAGE;
use crate::span::Span;
use alloc::vec::Vec;

/// A table that Linux keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptTable {
    /// `EFI_MEMORY_ATTRIBUTES_TABLE` (UEFI 2.10, 4.6.3)
    MemoryAttributes,
    /// `EFI_SYSTEM_RESOURCE_TABLE` (UEFI 2.10, 23.4)
    SystemResources,
    /// `LINUX_EFI_MOK_VARIABLE_TABLE`, which shim makes
    MokVariables,
}

/// Bytes of an entry of shim's table before its data: a name and a size (`struct efi_mokvar_table_entry`).
const MOK_ENTRY: usize = 256 + 8;

impl KeptTable {
    /// Returns the table that has this GUID, as it is in memory, in the configuration table.
    #[must_use]
    pub const fn from_guid(guid: [u8; 16]) -> Option<Self> {
        match u128::from_be_bytes(guid) {
            0x1d91_fadc_eb26_9f46_a220_38b7_dc46_1220 => Some(Self::MemoryAttributes),
            0x63a2_22b1_6136_684f_9929_78f8_b0d6_2180 => Some(Self::SystemResources),
            0x2bed_51c4_9496_d345_baba_ed9f_8988_a389 => Some(Self::MokVariables),
            _ => None,
        }
    }

    /// Returns how many of `bytes`, which start with the table and may be followed by anything, are the
    /// table's; all of them where it says that it is longer.
    #[must_use]
    pub fn len(self, bytes: &[u8]) -> usize {
        let word = |at: usize| bytes.get(at..)?.first_chunk().map(|&word| u32::from_le_bytes(word) as usize);
        let rows = |count: Option<usize>, size: Option<usize>| count?.checked_mul(size?)?.checked_add(16);
        let len = match self {
            Self::MemoryAttributes => rows(word(4), word(8)),
            Self::SystemResources => rows(word(0), Some(40)),
            Self::MokVariables => mok_variables(bytes),
        };
        len.unwrap_or(usize::MAX).min(bytes.len())
    }
}

/// Follows the entries to the one without a name. `None` when there is none.
fn mok_variables(bytes: &[u8]) -> Option<usize> {
    let mut at: usize = 0;
    loop {
        let entry: &[u8; MOK_ENTRY] = bytes.get(at..)?.first_chunk()?;
        at = at.checked_add(MOK_ENTRY)?;
        if entry.first() == Some(&0) {
            return Some(at);
        }
        let size = entry.last_chunk().map(|&size| u64::from_le_bytes(size))?;
        at = at.checked_add(usize::try_from(size).ok()?)?;
    }
}

/// The places of these tables, as Linux prints them.
#[derive(Debug, Default)]
pub(super) struct Printed {
    spans: Vec<Span>,
    /// Where the memory attributes are, and how many lines show one.
    attributes: Option<(u64, u64)>,
}

impl Printed {
    /// Reads a line of a console or a log.
    pub(super) fn line(&mut self, line: &str) {
        if line.contains("efi: EFI v") {
            *self = Self::default();
        } else if line.contains("efi: memattr:  0x") {
            self.attributes = self.attributes.map(|(at, count)| (at, count.saturating_add(1)));
        } else if let Some((_, rest)) = line.split_once("ESRT space from ") {
            let ends = rest.trim_end_matches('.').split_once(" to ");
            let span = ends.and_then(|(from, to)| Span::from_ends(address(from)?, address(to)?));
            self.spans.extend(span);
        } else if let Some((_, tables)) = line.split_once("efi: ") {
            for (name, at) in tables.split_whitespace().filter_map(|word| word.split_once('=')) {
                match (name, address(at)) {
                    ("MEMATTR", Some(at)) => self.attributes = Some((at, 0)),
                    ("ESRT" | "MOKvar", Some(at)) => self.spans.extend(Span::new(at, 1)),
                    _ => {}
                }
            }
        }
    }

    /// Returns the spans: at least the first byte of each table.
    pub(super) fn spans(&self) -> Vec<Span> {
        // A header, and descriptors as EDK2 and U-Boot have them.
        let attributes = self.attributes.and_then(|(at, count)| Span::new(at, 16 + count.min(PAGE) * 48));
        self.spans.iter().copied().chain(attributes).collect()
    }
}

fn address(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    const TABLES: [KeptTable; 3] =
        [KeptTable::MemoryAttributes, KeptTable::SystemResources, KeptTable::MokVariables];

    #[test]
    fn tables_are_as_long_as_their_rows() {
        let mut attributes = vec![0; 4096];
        attributes[..12].copy_from_slice(&[2, 0, 0, 0, 21, 0, 0, 0, 48, 0, 0, 0]);
        assert_eq!(KeptTable::MemoryAttributes.len(&attributes), 16 + 21 * 48);
        attributes[0] = 3;
        assert_eq!(KeptTable::SystemResources.len(&attributes), 16 + 3 * 40);
        let mut variables = vec![0; 4096];
        variables[0] = b'M';
        variables[256] = 100;
        assert_eq!(KeptTable::MokVariables.len(&variables), MOK_ENTRY + 100 + MOK_ENTRY);
    }

    #[test]
    fn a_table_without_an_end_takes_all_that_there_is() {
        assert!(TABLES.iter().all(|table| table.len(&[0xff; 5000]) == 5000));
        assert!(TABLES.iter().all(|table| table.len(&[]) == 0));
    }

    #[test]
    fn a_guid_is_read_as_it_is_in_memory() {
        // dcfa911d-26eb-469f-a220-38b7dc461220
        let mut guid =
            [0x1d, 0x91, 0xfa, 0xdc, 0xeb, 0x26, 0x9f, 0x46, 0xa2, 0x20, 0x38, 0xb7, 0xdc, 0x46, 0x12, 0x20];
        assert_eq!(KeptTable::from_guid(guid), Some(KeptTable::MemoryAttributes));
        guid[..4].reverse();
        assert_eq!(KeptTable::from_guid(guid), None);
    }

    #[test]
    fn of_several_boots_the_tables_of_the_last_one_count() {
        let mut printed = Printed::default();
        for line in [
            "[    0.000000] efi: EFI v2.7 by EDK II",
            "[    0.000000] efi: MEMATTR=0x1018 ESRT=0x9000",
            "[    0.000000] efi: EFI v2.7 by EDK II",
            "[    0.000000] efi: SMBIOS 3.0=0x7fed0000 MEMATTR=0x7c97e018 MOKvar=0x7c440000 RNG=0x7c240018",
            "[    0.310889] efi: memattr: Processing EFI Memory Attributes table:",
            "[    0.345747] efi: memattr:  0x00007c440000-0x00007c44ffff [Runtime Code|RUN]",
            "[    0.000000] esrt: Reserving ESRT space from 0x0000000078f9b398 to 0x0000000078f9b3d0.",
        ] {
            printed.line(line);
        }
        let spans = [(0x7c44_0000, 1), (0x78f9_b398, 0x38), (0x7c97_e018, 16 + 48)];
        assert_eq!(printed.spans(), spans.map(|(at, len)| Span::new(at, len).unwrap()));
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_length(bytes: Vec<u8>) {
            prop_assert!(TABLES.iter().all(|table| table.len(&bytes) <= bytes.len()));
        }
    }
}
