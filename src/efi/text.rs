//! Reads EFI memory maps as people have them: printed by the UEFI shell, by Linux, by U-Boot.

use super::tables::Printed;
use super::{Descriptor, EfiMap, PAGE};
use alloc::vec::Vec;
use core::fmt;

/// Who printed a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The UEFI shell's `memmap`.
    Shell,
    /// Linux with `efi=debug`.
    Linux,
    /// U-Boot's `efidebug memmap`.
    UBoot,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shell => "the UEFI shell's memmap",
            Self::Linux => "Linux' efi=debug",
            Self::UBoot => "U-Boot's efidebug memmap",
        })
    }
}

/// Says why a text holds no map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// No line is one of an EFI memory map.
    NoMap,
    /// The lines have no memory that is free or in use: only the end of a map was copied, perhaps.
    NoMemory {
        /// Who printed it.
        format: Format,
    },
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMap => f.write_str(
                "no EFI memory map in it; expected what the UEFI shell's `memmap`, Linux with `efi=debug` or \
                 U-Boot's `efidebug memmap` prints",
            ),
            Self::NoMemory { format } => write!(f, "the map, as of {format}, has no memory in it"),
        }
    }
}

impl core::error::Error for TextError {}

/// Reads the last map in a text. Other lines around it, and the prefixes of a console or a log do no
/// harm.
///
/// # Errors
/// Any [`TextError`].
pub fn parse(text: &str) -> Result<(EfiMap, Format), TextError> {
    let mut found: Option<(Format, Vec<Descriptor>)> = None;
    let mut tables = Printed::default();
    for line in text.lines() {
        tables.line(line);
        if is_heading(line) {
            found = None;
        }
        let Some((format, descriptor)) = read_line(line) else { continue };
        match &mut found {
            Some((known, descriptors)) if *known == format => descriptors.push(descriptor),
            _ => found = Some((format, Vec::from([descriptor]))),
        }
    }
    let (format, descriptors) = found.ok_or(TextError::NoMap)?;
    let map = EfiMap::new(descriptors).with_tables(&tables.spans());
    if map.memory().is_empty() { Err(TextError::NoMemory { format }) } else { Ok((map, format)) }
}

/// Tells whether a map starts after this line: one before it in the text is an earlier one. Its
/// ranges need not ascend.
fn is_heading(line: &str) -> bool {
    let mut words = line.split_whitespace();
    line.contains("Processing EFI memory map:")
        || [words.next(), words.next()] == [Some("Type"), Some("Start")]
}

fn read_line(line: &str) -> Option<(Format, Descriptor)> {
    linux(line)
        .map(|descriptor| (Format::Linux, descriptor))
        .or_else(|| uboot(line).map(|descriptor| (Format::UBoot, descriptor)))
        .or_else(|| shell(line).map(|descriptor| (Format::Shell, descriptor)))
}

/// `[    0.000000] efi:   0x000040000000-0x00004000ffff [Loader Data        |   |  |…|WB|WT|WC|UC]`, the end
/// inclusive (`efi_md_typeattr_format` in drivers/firmware/efi/efi.c).
fn linux(line: &str) -> Option<Descriptor> {
    const TYPES: [(&str, u32); 16] = [
        ("Reserved", 0),
        ("Loader Code", 1),
        ("Loader Data", 2),
        ("Boot Code", 3),
        ("Boot Data", 4),
        ("Runtime Code", 5),
        ("Runtime Data", 6),
        ("Conventional", 7),
        ("Unusable", 8),
        ("ACPI Reclaim", 9),
        ("ACPI Mem NVS", 10),
        ("MMIO", 11),
        ("MMIO Port", 12),
        ("PAL Code", 13),
        ("Persistent", 14),
        ("Unaccepted", 15),
    ];
    let (_, rest) = line.split_once("efi: ")?;
    // Kernels before 4.16 print `mem00: [Conventional …] range=[0x…-0x…]`.
    let (range, fields) = rest.split_once('[')?;
    let (range, fields) = match fields.split_once("range=[") {
        Some((fields, range)) => (range.split([']', ')']).next()?, fields),
        None => (range, fields),
    };
    let mut fields = fields.split(']').next()?.split('|').map(str::trim);
    let name = fields.next()?;
    let (_, ty) = TYPES.into_iter().find(|(known, _)| *known == name).unwrap_or(("", u32::MAX));
    let (first, last) = range.trim().split_once('-')?;
    let first = number(first.trim().strip_prefix("0x")?)?;
    let last = number(last.trim().strip_prefix("0x")?)?;
    let attributes = fields.fold(0, |all, field| all | attribute(field));
    Some(Descriptor { ty, base: first, pages: pages(first, last.checked_add(1)?)?, attributes })
}

/// `CONVENTIONAL     0000000040000000-0000000046df7000 WB`, the end exclusive (cmd/efidebug.c).
fn uboot(line: &str) -> Option<Descriptor> {
    const TYPES: [&str; 15] = [
        "RESERVED",
        "LOADER CODE",
        "LOADER DATA",
        "BOOT CODE",
        "BOOT DATA",
        "RUNTIME CODE",
        "RUNTIME DATA",
        "CONVENTIONAL",
        "UNUSABLE MEM",
        "ACPI RECLAIM MEM",
        "ACPI NVS",
        "IO",
        "IO PORT",
        "PAL",
        "PERSISTENT",
    ];
    let line = line.trim();
    let (index, name) =
        (0..).zip(TYPES).filter(|(_, name)| line.starts_with(name)).max_by_key(|(_, n)| n.len())?;
    let mut words = line.get(name.len()..)?.split_whitespace();
    let (base, end) = words.next()?.split_once('-')?;
    let attributes = words.next().unwrap_or_default().split('|').fold(0, |all, word| all | attribute(word));
    let (base, end) = (long(base)?, long(end)?);
    Some(Descriptor { ty: index, base, pages: pages(base, end)?, attributes })
}

/// `BS_Data    0000000040000000-00000000400FFFFF 0000000000000100 000000000000000F`, the end inclusive
/// (ShellPkg/Library/UefiShellDebug1CommandsLib/MemMap.c).
fn shell(line: &str) -> Option<Descriptor> {
    const TYPES: [&str; 16] = [
        "Reserved",
        "LoaderCode",
        "LoaderData",
        "BS_Code",
        "BS_Data",
        "RT_Code",
        "RT_Data",
        "Available",
        "Unusable",
        "ACPI_Recl",
        "ACPI_NVS",
        "MMIO",
        "MMIO_Port",
        "PalCode",
        "Persistent",
        "Unaccepted",
    ];
    let mut words = line.split_whitespace();
    let (name, range) = (words.next()?, words.next()?);
    // Types that the shell has no name for are printed as numbers.
    let ty = (0..).zip(TYPES).find(|(_, known)| *known == name).map(|(index, _)| index);
    let ty = ty.or_else(|| u32::from_str_radix(name, 16).ok())?;
    let (first, last) = range.split_once('-')?;
    let (first, last, attributes) = (long(first)?, long(last)?, long(words.nth(1)?)?);
    Some(Descriptor { ty, base: first, pages: pages(first, last.checked_add(1)?)?, attributes })
}

fn attribute(word: &str) -> u64 {
    match word {
        "UC" => 0x1,
        "WC" => 0x2,
        "WT" => 0x4,
        "WB" => 0x8,
        "UCE" => 0x10,
        "SP" => 0x4_0000,
        "RT" | "RUN" => 1 << 63,
        _ => 0,
    }
}

/// Reads an address of 16 hexadecimal digits, as firmware pads them.
fn long(text: &str) -> Option<u64> {
    if text.len() == 16 { number(text) } else { None }
}

fn number(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

fn pages(base: u64, end: u64) -> Option<u64> {
    end.checked_sub(base).map(|len| len.div_ceil(PAGE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::efi::EfiKind;
    use std::format;

    fn shown(text: &str) -> (Format, Vec<(u64, u64, EfiKind)>) {
        let (map, format) = parse(text).unwrap();
        (format, map.ranges().iter().map(|r| (r.span.base(), r.span.end(), r.kind)).collect())
    }

    #[test]
    fn the_three_printed_forms_say_the_same() {
        let linux = "[    0.000000] efi: Processing EFI memory map:\n\
            [    0.000000] efi:   0x000040000000-0x00004000ffff [Loader Data|   |  |  |   |WB|WT|WC|UC]*\n\
            [    0.000000] efi:   0x000040010000-0x00004fffffff [Conventional|   |  |  |   |WB|WT|WC|UC]\n\
            [    0.000000] efi:   0x000050000000-0x00005000ffff [Reserved|   |  |  |   |WB|WT|WC|UC]\n";
        let uboot = "Type             Start            End              Attributes\n\
            ================ ================ ================ ==========\n\
            LOADER DATA      0000000040000000-0000000040010000 WB\n\
            CONVENTIONAL     0000000040010000-0000000050000000 WB\n\
            RESERVED         0000000050000000-0000000050010000 WB\n";
        let shell = "Shell> memmap\nType       Start            End              # Pages        Attributes\n\
            LoaderData 0000000040000000-000000004000FFFF 0000000000000010 000000000000000F\n\
            Available  0000000040010000-000000004FFFFFFF 000000000000FFF0 000000000000000F\n\
            Reserved   0000000050000000-000000005000FFFF 0000000000000010 000000000000000F\n\
            \n  Reserved  :             16 Pages (65,536 Bytes)\n";
        let expected = [
            (0x4000_0000, 0x4001_0000, EfiKind::LoaderData),
            (0x4001_0000, 0x5000_0000, EfiKind::Conventional),
            (0x5000_0000, 0x5001_0000, EfiKind::Reserved),
        ];
        assert_eq!(shown(linux), (Format::Linux, expected.to_vec()));
        assert_eq!(shown(uboot), (Format::UBoot, expected.to_vec()));
        assert_eq!(shown(shell), (Format::Shell, expected.to_vec()));
    }

    #[test]
    fn of_several_boots_the_last_one_counts() {
        let boot = |end: &str| {
            format!(
                "efi: Processing EFI memory map:\nefi: 0x000040000000-0x{end} [Conventional|WB]\n\
                 efi: 0x000009000000-0x000009000fff [MMIO|RUN|UC]\nefi: memattr: 0x0-0xfff [Runtime Code]\n"
            )
        };
        let text = boot("00004001ffff") + &boot("00004000ffff");
        let expected =
            [(0x900_0000, 0x900_1000, EfiKind::Device), (0x4000_0000, 0x4001_0000, EfiKind::Conventional)];
        assert_eq!(shown(&text).1, expected);
    }

    #[test]
    fn tables_that_linux_keeps_are_part_of_its_map() {
        let text = "efi: EFI v2.7 by EDK II\nefi: SMBIOS 3.0=0x7fed0000 MEMATTR=0x40001018 RNG=0x40003018\n\
                    efi: Processing EFI memory map:\nefi: 0x000040000000-0x000040003fff [Boot Data|WB]\n";
        let expected = [
            (0x4000_0000, 0x4000_1000, EfiKind::BootData),
            (0x4000_1000, 0x4000_2000, EfiKind::KeptTable),
            (0x4000_2000, 0x4000_4000, EfiKind::BootData),
        ];
        assert_eq!(shown(text).1, expected);
    }

    #[test]
    fn a_text_without_a_map_says_what_is_expected() {
        for text in ["", "hello", "00000000-00000fff : System RAM", "a-b", "efi: EFI v2.7 by EDK II"] {
            assert_eq!(parse(text).map(|_| ()), Err(TextError::NoMap), "{text}");
        }
        let mmio = "MMIO       0000000009000000-0000000009000FFF 0000000000000001 8000000000000001";
        assert_eq!(parse(mmio).map(|_| ()), Err(TextError::NoMemory { format: Format::Shell }));
    }
}
