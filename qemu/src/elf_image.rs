//! Turns the stage's ELF file into the flat image that loaders copy to memory.

use anyhow::{Context, Result, anyhow, bail};
use object::elf::{FileHeader64, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, Object, ObjectSection, elf};

/// Stages are some ten KiB; a larger one has a link script that scattered its sections.
const LARGEST: u64 = 16 << 20;

/// Lays the loadable segments out from the lowest physical address on; what is not in the file is left off
/// at the end (the image header tells loaders how much memory it takes) and zero in between.
///
/// # Errors
/// When it is not a 64-bit Arm ELF file, has no loadable bytes, or spans an absurd distance.
pub(crate) fn image(file: &[u8]) -> Result<Vec<u8>> {
    let header = FileHeader64::<Endianness>::parse(file).context("not an ELF file")?;
    let endian = header.endian().context("of no known byte order")?;
    if header.e_machine(endian) != elf::EM_AARCH64 {
        bail!("compiled for machine {}, not for AArch64", header.e_machine(endian));
    }
    let mut segments = Vec::new();
    for segment in header.program_headers(endian, file).context("damaged program headers")? {
        if segment.p_type(endian) == PT_LOAD && segment.p_filesz(endian) > 0 {
            let data = segment.data(endian, file).map_err(|()| anyhow!("a segment is outside the file"))?;
            segments.push((segment.p_paddr(endian), data));
        }
    }
    let base = segments.iter().map(|(at, _)| *at).min().context("no loadable segment")?;
    let mut image = Vec::new();
    for (at, data) in segments {
        let from = at - base;
        if from > LARGEST {
            bail!("segments are {from:#x} bytes apart");
        }
        let from = usize::try_from(from)?;
        if image.len() < from + data.len() {
            image.resize(from + data.len(), 0);
        }
        image.iter_mut().skip(from).zip(data).for_each(|(to, byte)| *to = *byte);
    }
    Ok(image)
}

/// Checks that no instruction of the code uses a vector or floating-point register (DDI 0487, C4.1): those
/// are Linux' when the code runs.
///
/// # Errors
/// When one does, with its address, or when it is not an ELF file with a section `.text`.
pub(crate) fn without_vector_registers(file: &[u8]) -> Result<()> {
    let object = object::File::parse(file).context("not an ELF file")?;
    let text = object.section_by_name(".text").context("no .text")?;
    let code = text.data().context("no code")?;
    for (index, word) in code.chunks_exact(4).enumerate() {
        let word = word.iter().rev().fold(0_u32, |word, &byte| word << 8 | u32::from(byte));
        if uses_vectors(word) {
            bail!(
                "{:#x}: the instruction {word:#010x} uses vector registers",
                text.address() + index as u64 * 4
            );
        }
    }
    Ok(())
}

/// Tells whether an instruction is of the groups that use vector registers: loads and stores with bit 26 set,
/// and data processing on SIMD and floating point; SVE and SME.
const fn uses_vectors(word: u32) -> bool {
    let group = word >> 25 & 0xf;
    let is_load_or_store = group & 0b0101 == 0b0100;
    let is_data_processing = group & 0b0111 == 0b0111;
    let is_scalable = group == 0b0010 || group == 0 && word >> 31 == 1;
    is_load_or_store && word >> 26 & 1 == 1 || is_data_processing || is_scalable
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a little-endian AArch64 ELF header with these loadable segments (physical address, bytes).
    fn elf_with(segments: &[(u64, &[u8])]) -> Vec<u8> {
        let count = u16::try_from(segments.len()).unwrap();
        let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        file.extend(2u16.to_le_bytes());
        file.extend(elf::EM_AARCH64.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        for offset in [0u64, 64, 0] {
            file.extend(offset.to_le_bytes());
        }
        file.extend(0u32.to_le_bytes());
        for half in [64u16, 56, count, 64, 0, 0] {
            file.extend(half.to_le_bytes());
        }
        let mut data_at = 64 + 56 * segments.len();
        for (at, data) in segments {
            file.extend(PT_LOAD.to_le_bytes());
            file.extend(7u32.to_le_bytes());
            let size = data.len() as u64;
            for word in [data_at as u64, *at, *at, size, size, 1] {
                file.extend(word.to_le_bytes());
            }
            data_at += data.len();
        }
        segments.iter().for_each(|(_, data)| file.extend(*data));
        file
    }

    #[test]
    fn segments_stand_at_their_distance_with_zeroes_between() {
        let file = elf_with(&[(0x1008, b"late"), (0x1000, b"head")]);
        assert_eq!(image(&file).unwrap(), b"head\0\0\0\0late");
    }

    #[test]
    fn scattered_and_foreign_files_are_refused() {
        let error = image(&elf_with(&[(0, b"a"), (0xffff_0000, b"b")])).unwrap_err();
        assert!(error.to_string().contains("apart"), "{error}");
        assert!(image(b"MZ").is_err());
        let mut intel = elf_with(&[(0, b"a")]);
        intel[18] = 62;
        assert!(image(&intel).unwrap_err().to_string().contains("machine 62"));
    }

    #[test]
    fn vector_registers_are_seen_in_every_group() {
        // ldr q0, [x0]; stp d8, d9, [sp, #-16]!; fmov d0, x1; add v0.4s, v1.4s, v2.4s; movi v0.2d, #0
        for word in [0x3dc0_0000, 0x6dbf_27e8, 0x9e67_0020, 0x4ea2_8420, 0x6f00_e400] {
            assert!(uses_vectors(word), "{word:#x}");
        }
        // ldr x0, [x0]; stp x29, x30, [sp, #-32]!; mrs x0, esr_el2; eret; madd x0, x1, x2, x3; cbz x0, .
        for word in [0xf940_0000, 0xa9be_7bfd, 0xd53c_5200, 0xd69f_03e0, 0x9b02_0c20, 0xb400_0000] {
            assert!(!uses_vectors(word), "{word:#x}");
        }
    }
}
