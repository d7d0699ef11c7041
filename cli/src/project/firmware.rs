//! Reads firmware files: ELF, and the MBN and MDT files of Qualcomm's processors, which are ELF, too.

use std::path::Path;

use object::elf::{FileHeader32, FileHeader64, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, ReadRef};
use ringfence::facts::{Firmware, Placement};
use ringfence::policy::Key;
use ringfence::span::Span;

use crate::failure::Failure;
use crate::input;

/// Flags of segments (drivers/soc/qcom/mdt_loader.c): what the segment is, and whether it may be moved.
const QCOM_TYPE: u32 = 7 << 24;
const QCOM_HASH: u32 = 2 << 24;
const QCOM_RELOCATABLE: u32 = 1 << 27;

/// Kinds of entries in a resource table (include/linux/remoteproc.h).
const CARVEOUT: u32 = 0;
const TRACE: u32 = 2;
const VDEV: u32 = 3;
/// The address that leaves the choice to Linux.
const ANY: u32 = u32::MAX;
/// Most entries of a resource table, and rings of a device.
const MAX_ENTRIES: u32 = 256;

/// Reads `FILE=NODE`.
///
/// # Errors
/// What to write instead.
pub fn parse(text: &str) -> Result<(std::path::PathBuf, Key), String> {
    let (file, node) =
        text.rsplit_once('=').ok_or("write FILE=NODE, such as adsp.mbn=/reserved-memory/adsp@0")?;
    if file.is_empty() || node.is_empty() {
        return Err("write FILE=NODE, with a path or a label as NODE".to_owned());
    }
    Ok((file.into(), Key::parse(node)))
}

/// Reads a firmware file.
///
/// # Errors
/// When it cannot be read, or is not an ELF file.
pub fn read(path: &Path, key: &Key) -> Result<Firmware, Failure> {
    let bytes = input::read_image(path)?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let placement = match bytes.get(4) {
        _ if !bytes.starts_with(b"\x7fELF") => None,
        Some(1) => placement::<FileHeader32<Endianness>>(&bytes),
        Some(2) => placement::<FileHeader64<Endianness>>(&bytes),
        _ => None,
    };
    let placement = placement.ok_or_else(|| {
        Failure::of(path, "not a firmware file that can be read: ELF, MBN and MDT files can")
            .with_help("of a split firmware, name the .mdt file")
    })?;
    Ok(Firmware { name, key: key.clone(), placement })
}

fn placement<E: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Option<Placement> {
    let header = E::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let (mut pieces, mut is_relocatable, mut is_qcom) = (Vec::new(), false, false);
    for segment in header.program_headers(endian, bytes).ok()? {
        let flags = segment.p_flags(endian);
        is_qcom |= flags & QCOM_TYPE == QCOM_HASH;
        let size: u64 = segment.p_memsz(endian).into();
        if segment.p_type(endian) != PT_LOAD || flags & QCOM_TYPE == QCOM_HASH || size == 0 {
            continue;
        }
        is_relocatable |= flags & QCOM_RELOCATABLE != 0;
        pieces.push((format!("segment {}", pieces.len()), Span::new(segment.p_paddr(endian).into(), size)?));
    }
    if is_relocatable {
        let low = pieces.iter().map(|(_, span)| span.base()).min()?;
        let high = pieces.iter().map(|(_, span)| span.end()).max()?;
        // The loader asks for whole pages.
        return Some(Placement::Relocatable((high - low).checked_next_multiple_of(4096)?));
    }
    if let Some(table) = resource_table(header, endian, bytes) {
        resources(table, endian, &mut pieces);
    }
    if pieces.is_empty() { None } else { Some(Placement::Fixed { pieces, is_bound: is_qcom }) }
}

fn resource_table<'b, E: FileHeader<Endian = Endianness>>(
    header: &E,
    endian: Endianness,
    bytes: &'b [u8],
) -> Option<&'b [u8]> {
    // A split file has the headers alone.
    let sections = header.sections(endian, bytes).ok()?;
    let (_, section) = sections.section_by_name(endian, b".resource_table")?;
    let (offset, size) = section.file_range(endian)?;
    bytes.read_bytes_at(offset, size).ok()
}

/// Adds what a resource table asks for at fixed addresses.
fn resources(table: &[u8], endian: Endianness, pieces: &mut Vec<(String, Span)>) -> Option<()> {
    use object::endian::Endian;
    let word = |at: usize| Some(endian.read_u32_bytes(*table.get(at..)?.first_chunk()?));
    let name = |at: usize| {
        let bytes = table.get(at..).unwrap_or_default().iter().take(32).take_while(|&&byte| byte != 0);
        bytes.map(|&byte| if byte.is_ascii_graphic() { char::from(byte) } else { '?' }).collect::<String>()
    };
    for index in 0..word(4)?.min(MAX_ENTRIES) as usize {
        let at = word(16 + 4 * index)? as usize;
        let field = |number: usize| word(at.checked_add(4 + 4 * number)?);
        let mut add = |what: String, address: u32, len: u32| {
            let span =
                Span::new(u64::from(address), u64::from(len)).filter(|_| address != ANY && address != 0);
            pieces.extend(span.map(|span| (what, span)));
        };
        match word(at)? {
            CARVEOUT => {
                let (da, pa, len) = (field(0)?, field(1)?, field(2)?);
                let address = if pa == ANY || pa == 0 { da } else { pa };
                add(format!("the carveout `{}`", name(at + 24)), address, len);
            }
            TRACE => add(format!("the trace buffer `{}`", name(at + 16)), field(0)?, field(1)?),
            VDEV => {
                let rings = u32::from(*table.get(at.checked_add(25)?)?).min(MAX_ENTRIES) as usize;
                for ring in 0..rings {
                    let (da, align, num) = (field(6 + 5 * ring)?, field(7 + 5 * ring)?, field(8 + 5 * ring)?);
                    add(format!("vring {ring}"), da, ring_size(num, align)?);
                }
            }
            _ => {}
        }
    }
    Some(())
}

/// Returns the bytes of a ring (`vring_size` in include/uapi/linux/virtio_ring.h), in whole pages.
fn ring_size(num: u32, align: u32) -> Option<u32> {
    let align = align.max(1);
    let descriptors = num.checked_mul(16)?.checked_add(num.checked_mul(2)?)?.checked_add(6)?;
    let used = num.checked_mul(8)?.checked_add(6)?;
    descriptors.checked_next_multiple_of(align)?.checked_add(used)?.checked_next_multiple_of(4096)
}
