//! The types of memory in an EFI memory map, and what each means for a kernel that boots.

use core::fmt;

/// A type of memory (UEFI 2.10, table 7.6), with what its attributes add.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EfiKind {
    /// `EfiConventionalMemory`: free.
    Conventional,
    /// `EfiLoaderCode`
    LoaderCode,
    /// `EfiLoaderData`
    LoaderData,
    /// `EfiBootServicesCode`
    BootCode,
    /// `EfiBootServicesData`
    BootData,
    /// `EfiReservedMemoryType`
    Reserved,
    /// `EfiUnusableMemory`: memory with errors.
    Unusable,
    /// Free memory that is kept for a special purpose (`EFI_MEMORY_SP`), or that cannot be cached by
    /// write-back.
    Special,
    /// `EfiPersistentMemory`
    Persistent,
    /// `EfiUnacceptedMemoryType`
    Unaccepted,
    /// A table in memory of boot services that Linux keeps ([`KeptTable`](super::KeptTable)).
    KeptTable,
    /// `EfiACPIReclaimMemory`: tables that Linux reads, the device tree among them.
    AcpiReclaim,
    /// `EfiACPIMemoryNVS`
    AcpiNvs,
    /// `EfiRuntimeServicesCode`
    RuntimeCode,
    /// `EfiRuntimeServicesData`
    RuntimeData,
    /// `EfiPalCode`
    PalCode,
    /// A type that the specification does not define, or a range that no address space holds.
    Other,
    /// `EfiMemoryMappedIO`, `EfiMemoryMappedIOPortSpace`, and what has no cacheable attribute: no RAM
    /// (`is_memory` in drivers/firmware/efi/efi-init.c).
    Device,
}

/// How a range of an EFI memory map may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EfiUse {
    /// Free: a boot loader or the kernel's EFI stub may be given it next.
    Free,
    /// In use until Linux has taken over, then free.
    UntilLinux,
    /// Set aside: no boot loader gets it, and Linux does not map it.
    Reserved,
    /// The firmware's as long as the board runs.
    Firmware,
    /// Not memory.
    Device,
}

impl EfiUse {
    /// Returns the words for it in messages.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Free => "free in the EFI map",
            Self::UntilLinux => "EFI boot services",
            Self::Reserved => "EFI reserved memory",
            Self::Firmware => "EFI firmware",
            Self::Device => "EFI device",
        }
    }
}

/// `EFI_MEMORY_WC`, `EFI_MEMORY_WT` and `EFI_MEMORY_WB`.
const CACHEABLE: u64 = 0x2 | WRITE_THROUGH | WRITE_BACK;
const WRITE_THROUGH: u64 = 0x4;
const WRITE_BACK: u64 = 0x8;
/// `EFI_MEMORY_SP`
const SPECIAL_PURPOSE: u64 = 0x4_0000;

impl EfiKind {
    /// Every kind, the weakest first: where two ranges of a map share bytes, the later one of this list
    /// counts.
    pub(super) const BY_STRENGTH: [Self; 18] = [
        Self::Conventional,
        Self::LoaderCode,
        Self::LoaderData,
        Self::BootCode,
        Self::BootData,
        Self::Special,
        Self::Persistent,
        Self::Unaccepted,
        Self::Unusable,
        Self::Reserved,
        Self::KeptTable,
        Self::AcpiReclaim,
        Self::AcpiNvs,
        Self::RuntimeCode,
        Self::RuntimeData,
        Self::PalCode,
        Self::Other,
        Self::Device,
    ];

    /// Reads the type and attributes of a descriptor.
    #[must_use]
    pub const fn from_descriptor(ty: u32, attributes: u64) -> Self {
        if attributes & CACHEABLE == 0 {
            return Self::Device;
        }
        let special = attributes & SPECIAL_PURPOSE != 0 || attributes & WRITE_BACK == 0;
        match ty {
            0 => Self::Reserved,
            1..=4 | 7 if special => Self::Special,
            1 => Self::LoaderCode,
            2 => Self::LoaderData,
            3 => Self::BootCode,
            4 => Self::BootData,
            5 => Self::RuntimeCode,
            6 => Self::RuntimeData,
            7 => Self::Conventional,
            8 => Self::Unusable,
            9 => Self::AcpiReclaim,
            10 => Self::AcpiNvs,
            11 | 12 => Self::Device,
            13 => Self::PalCode,
            14 => Self::Persistent,
            15 => Self::Unaccepted,
            _ => Self::Other,
        }
    }

    /// Returns how the range may be used.
    #[must_use]
    pub const fn usage(self) -> EfiUse {
        match self {
            Self::Conventional => EfiUse::Free,
            Self::LoaderCode | Self::LoaderData | Self::BootCode | Self::BootData => EfiUse::UntilLinux,
            Self::Reserved | Self::Unusable | Self::Special | Self::Persistent | Self::Unaccepted => {
                EfiUse::Reserved
            }
            Self::KeptTable
            | Self::AcpiReclaim
            | Self::AcpiNvs
            | Self::RuntimeCode
            | Self::RuntimeData
            | Self::PalCode
            | Self::Other => EfiUse::Firmware,
            Self::Device => EfiUse::Device,
        }
    }

    /// Tells whether Linux maps it as ordinary memory (`is_usable_memory` in drivers/firmware/efi/efi-init.c,
    /// 6.12); the rest of what is memory is `nomap`.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        matches!(self.usage(), EfiUse::Free | EfiUse::UntilLinux)
            || matches!(self, Self::Persistent)
            || self.is_kept_table()
    }

    /// Tells whether Linux maps it and keeps it reserved: tables that it reads.
    #[must_use]
    pub const fn is_kept_table(self) -> bool {
        matches!(self, Self::KeptTable | Self::AcpiReclaim)
    }

    /// Returns the name that Linux prints with `efi=debug` (`memory_type_name` in
    /// drivers/firmware/efi/efi.c).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conventional => "Conventional",
            Self::LoaderCode => "Loader Code",
            Self::LoaderData => "Loader Data",
            Self::BootCode => "Boot Code",
            Self::BootData => "Boot Data",
            Self::Reserved => "Reserved",
            Self::Unusable => "Unusable",
            Self::Special => "Special Purpose",
            Self::Persistent => "Persistent",
            Self::Unaccepted => "Unaccepted",
            Self::KeptTable => "EFI table",
            Self::AcpiReclaim => "ACPI Reclaim",
            Self::AcpiNvs => "ACPI Mem NVS",
            Self::RuntimeCode => "Runtime Code",
            Self::RuntimeData => "Runtime Data",
            Self::PalCode => "PAL Code",
            Self::Other => "unknown type",
            Self::Device => "MMIO",
        }
    }
}

impl fmt::Display for EfiKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_the_specification_numbers_them() {
        let read = |ty| EfiKind::from_descriptor(ty, 0xf);
        assert_eq!(
            [0, 7, 9, 6].map(read).map(EfiKind::name),
            ["Reserved", "Conventional", "ACPI Reclaim", "Runtime Data"]
        );
        assert_eq!(read(0x8000_0000), EfiKind::Other);
        assert_eq!(read(7).usage(), EfiUse::Free);
    }

    #[test]
    fn attributes_decide_what_linux_takes_for_memory() {
        assert_eq!(EfiKind::from_descriptor(7, 1), EfiKind::Device, "uncached only");
        assert_eq!(EfiKind::from_descriptor(7, WRITE_THROUGH), EfiKind::Special, "not mapped by Linux");
        assert_eq!(EfiKind::from_descriptor(7, 0xf | SPECIAL_PURPOSE).usage(), EfiUse::Reserved);
        assert_eq!(EfiKind::from_descriptor(5, 0xf | 1 << 63), EfiKind::RuntimeCode);
    }
}
