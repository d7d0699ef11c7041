//! The PE/COFF headers of an EFI image (PE format specification; UEFI 2.10, 2.1.1), as far as they are
//! needed: to find a section, to add one, and to tell a driver from an application.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// The section with the policy of an image that has no bundle.
pub const POLICY: &[u8] = b".rfpol";

/// Where the DOS header has the offset of the PE signature.
const PE_OFFSET: usize = 0x3c;
/// Bytes of the signature and the COFF header, after which the optional header starts.
const COFF: usize = 24;
/// Bytes of a section header.
const SECTION: usize = 40;
/// Sections looked at: the most that Windows takes, and more than any image has.
const MAX_SECTIONS: usize = 96;
/// `IMAGE_FILE_MACHINE_ARM64`
const ARM64: u16 = 0xaa64;
/// `IMAGE_SCN_MEM_WRITE`
const WRITABLE: u32 = 0x8000_0000;
/// `IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ`
const READ_ONLY_DATA: u32 = 0x4000_0040;

/// Says why an image cannot be read or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeError {
    /// There is no `MZ` or no `PE` signature, or the headers reach beyond the file.
    NotPe,
    /// It is for another machine.
    Machine {
        /// What the header states.
        found: u16,
    },
    /// There is no room for another section header.
    Full,
    /// The new section would not fit the 32-bit fields of the format.
    TooLarge,
    /// The image is signed: every change would break the signature.
    Signed,
}

impl fmt::Display for PeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPe => f.write_str("not an EFI image: its PE headers are missing or damaged"),
            Self::Machine { found } => write!(f, "an EFI image for machine {found:#x}, not for AArch64"),
            Self::Full => f.write_str("the EFI image has no room for another section header"),
            Self::TooLarge => f.write_str("the EFI image would grow beyond 4 GiB"),
            Self::Signed => f.write_str("the EFI image is signed; change it first and sign it then"),
        }
    }
}

impl core::error::Error for PeError {}

/// A section: where its bytes are in memory, counted from the image's base, and in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The bytes once the image is loaded.
    pub memory: Range<usize>,
    /// The bytes in the file.
    pub file: Range<usize>,
    /// Whether nothing writes to it: no section that may be written to shares a byte with it.
    pub is_constant: bool,
}

/// How firmware runs an image (UEFI 2.10, 2.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subsystem {
    /// An application or a boot loader: its memory is freed when it returns.
    Application,
    /// A boot service driver: it stays until the kernel's stub ends boot services.
    Driver,
}

impl Subsystem {
    const fn number(self) -> u16 {
        match self {
            Self::Application => 10,
            Self::Driver => 11,
        }
    }
}

/// The headers of an image, checked.
#[derive(Clone, Copy, Debug)]
pub struct Headers {
    /// Offset of the PE signature.
    pe: usize,
    /// Offset of the section table.
    table: usize,
    /// Sections in it.
    count: usize,
}

impl Headers {
    /// Reads the headers at the start of `image`, which may be a file or an image in memory.
    ///
    /// # Errors
    /// [`PeError::NotPe`] or [`PeError::Machine`].
    pub fn parse(image: &[u8]) -> Result<Self, PeError> {
        Self::read(image).ok_or(PeError::NotPe).and_then(|(headers, found)| match found {
            ARM64 => Ok(headers),
            _ => Err(PeError::Machine { found }),
        })
    }

    fn read(image: &[u8]) -> Option<(Self, u16)> {
        let pe = u32_at(image, PE_OFFSET)? as usize;
        let is = |at: usize, magic: &[u8]| image.get(at..).is_some_and(|rest| rest.starts_with(magic));
        if !is(0, b"MZ") || !is(pe, b"PE\0\0") || u16_at(image, pe.checked_add(COFF)?)? != 0x20b {
            return None;
        }
        let count = usize::from(u16_at(image, pe.checked_add(6)?)?);
        let optional = usize::from(u16_at(image, pe.checked_add(20)?)?);
        let table = pe.checked_add(COFF)?.checked_add(optional)?;
        let end = table.checked_add(count.checked_mul(SECTION)?)?;
        let fits = count <= MAX_SECTIONS && end <= image.len() && optional >= SIZE_OF_HEADERS + 12;
        fits.then_some((Self { pe, table, count }, u16_at(image, pe.checked_add(4)?)?))
    }

    /// Finds a section by its name, at most 8 bytes.
    #[must_use]
    pub fn section(&self, image: &[u8], name: &[u8]) -> Option<Section> {
        let found = self.sections().find(|&at| {
            let field = image.get(at..at + 8).unwrap_or_default();
            field.split(|&byte| byte == 0).next() == Some(name)
        })?;
        let number = |offset: usize| Some(u32_at(image, found + offset)? as usize);
        let (raw_size, raw) = (number(16)?, number(20)?);
        let memory = self::memory(image, found)?;
        let is_writable = |at: usize| u32_at(image, at + 36).is_none_or(|flags| flags & WRITABLE != 0);
        let is_constant = self.sections().filter(|&at| is_writable(at)).all(|at| {
            self::memory(image, at)
                .is_some_and(|other| other.end <= memory.start || memory.end <= other.start)
        });
        let file = raw..raw.checked_add(raw_size.min(memory.len()))?;
        Some(Section { memory, file, is_constant })
    }

    /// Returns where the section headers are.
    fn sections(&self) -> impl Iterator<Item = usize> + use<> {
        let table = self.table;
        (0..self.count).map(move |index| table + index * SECTION)
    }

    /// Returns how many bytes the file has as far as its sections tell; `None` when these numbers make no
    /// sense.
    #[must_use]
    pub fn file_len(&self, image: &[u8]) -> Option<usize> {
        let mut end = self.table + self.count * SECTION;
        for at in self.sections() {
            let (size, raw) = (u32_at(image, at + 16)? as usize, u32_at(image, at + 20)? as usize);
            end = end.max(if size == 0 { 0 } else { raw.checked_add(size)? });
        }
        Some(end)
    }

    /// Returns how firmware runs the image; `None` when that is neither an application nor a driver.
    #[must_use]
    pub fn subsystem(&self, image: &[u8]) -> Option<Subsystem> {
        let number = u16_at(image, self.optional() + SUBSYSTEM)?;
        [Subsystem::Application, Subsystem::Driver].into_iter().find(|known| known.number() == number)
    }

    const fn optional(&self) -> usize {
        self.pe + COFF
    }
}

/// Returns the bytes of the section at `header` once the image is loaded.
fn memory(image: &[u8], header: usize) -> Option<Range<usize>> {
    let (size, base) = (u32_at(image, header + 8)? as usize, u32_at(image, header + 12)? as usize);
    Some(base..base.checked_add(size)?)
}

/// Adds a section of read-only data to a file: at the address `at` of the loaded image, or after the last
/// section when that is `None`. The bytes are appended to the file at a multiple of its alignment.
///
/// # Errors
/// Any [`PeError`].
pub fn add_section(file: &mut Vec<u8>, name: &[u8], data: &[u8], at: Option<usize>) -> Result<(), PeError> {
    let headers = Headers::parse(file)?;
    unsigned(file, &headers)?;
    let optional = headers.optional();
    let number = |offset: usize| u32_at(file, optional + offset).map(|n| n as usize).ok_or(PeError::NotPe);
    let (alignment, file_alignment) = (number(32)?, number(36)?);
    if !is_alignment(alignment) || !is_alignment(file_alignment) {
        return Err(PeError::NotPe);
    }
    let (memory_end, headers_end) = (number(SIZE_OF_IMAGE)?, number(SIZE_OF_HEADERS)?);
    let up = |value: usize, to: usize| value.checked_next_multiple_of(to).ok_or(PeError::TooLarge);
    let at = at.unwrap_or(up(memory_end, alignment)?);
    if at < memory_end || !at.is_multiple_of(alignment) {
        return Err(PeError::TooLarge);
    }
    let header = headers.table + headers.count * SECTION;
    let room = file.get(header..header + SECTION).ok_or(PeError::NotPe)?;
    if header + SECTION > headers_end || headers.count == MAX_SECTIONS || room.iter().any(|&byte| byte != 0) {
        return Err(PeError::Full);
    }
    let raw = up(file.len(), file_alignment)?;
    let raw_size = up(data.len(), file_alignment)?;
    let image_end = up(at.checked_add(data.len()).ok_or(PeError::TooLarge)?, alignment)?;
    let mut fields = Vec::with_capacity(SECTION);
    fields.extend(name.iter().copied().chain(core::iter::repeat(0)).take(8));
    for value in [data.len(), at, raw_size, raw, 0, 0, 0] {
        fields.extend(u32::try_from(value).map_err(|_| PeError::TooLarge)?.to_le_bytes());
    }
    fields.extend(READ_ONLY_DATA.to_le_bytes());
    put(file, header, &fields)?;
    let count = u16::try_from(headers.count + 1).map_err(|_| PeError::Full)?;
    put(file, headers.pe + 6, &count.to_le_bytes())?;
    let image_end = u32::try_from(image_end).map_err(|_| PeError::TooLarge)?;
    put(file, optional + SIZE_OF_IMAGE, &image_end.to_le_bytes())?;
    file.resize(raw, 0);
    file.extend_from_slice(data);
    file.resize(raw.checked_add(raw_size).ok_or(PeError::TooLarge)?, 0);
    Ok(())
}

/// Makes firmware run a file as an application or as a driver.
///
/// # Errors
/// [`PeError::NotPe`], [`PeError::Machine`] or [`PeError::Signed`].
pub fn set_subsystem(file: &mut [u8], subsystem: Subsystem) -> Result<(), PeError> {
    let headers = Headers::parse(file)?;
    unsigned(file, &headers)?;
    put(file, headers.optional() + SUBSYSTEM, &subsystem.number().to_le_bytes())
}

/// Offsets in the optional header of PE32+.
const SIZE_OF_IMAGE: usize = 56;
const SIZE_OF_HEADERS: usize = 60;
const SUBSYSTEM: usize = 68;
const DIRECTORIES: usize = 108;
/// The directory of signatures, counted from the first.
const CERTIFICATES: usize = 4;

/// Checks that an alignment is one that the format allows for files, which is enough for sections, too: the
/// file grows by less than that.
const fn is_alignment(value: usize) -> bool {
    value.is_power_of_two() && value <= 64 << 10
}

/// Checks that no signature covers the file.
///
/// # Errors
/// [`PeError::Signed`].
pub fn unsigned(file: &[u8], headers: &Headers) -> Result<(), PeError> {
    let count = u32_at(file, headers.optional() + DIRECTORIES).unwrap_or_default() as usize;
    let size = u32_at(file, headers.optional() + DIRECTORIES + 4 + CERTIFICATES * 8 + 4);
    if count > CERTIFICATES && size.is_some_and(|size| size != 0) { Err(PeError::Signed) } else { Ok(()) }
}

fn put(file: &mut [u8], at: usize, bytes: &[u8]) -> Result<(), PeError> {
    let room = at.checked_add(bytes.len()).and_then(|end| file.get_mut(at..end)).ok_or(PeError::NotPe)?;
    room.copy_from_slice(bytes);
    Ok(())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|&bytes| u16::from_le_bytes(bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|&bytes| u32::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    /// Returns a file with one section of 0x200 bytes and room for more headers.
    fn file() -> Vec<u8> {
        let mut file = vec![0; 0x400];
        let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"MZ");
        put(PE_OFFSET, &64u32.to_le_bytes());
        put(64, b"PE\0\0\x64\xaa\x01\0");
        put(64 + 20, &160u16.to_le_bytes());
        let optional = 64 + COFF;
        put(optional, &0x20bu16.to_le_bytes());
        for (offset, value) in [(32, 0x1000u32), (36, 0x200), (56, 0x2000), (60, 0x200), (108, 6)] {
            put(optional + offset, &value.to_le_bytes());
        }
        put(optional + 160, b".text\0\0\0");
        for (offset, value) in [(8, 0x180u32), (12, 0x1000), (16, 0x200), (20, 0x200)] {
            put(optional + 160 + offset, &value.to_le_bytes());
        }
        file
    }

    #[test]
    fn sections_are_found_by_their_name() {
        let file = file();
        let headers = Headers::parse(&file).unwrap();
        let text = headers.section(&file, b".text").unwrap();
        assert_eq!((text.memory, text.file), (0x1000..0x1180, 0x200..0x380));
        assert_eq!(headers.section(&file, b".tex"), None);
    }

    #[test]
    fn a_section_is_added_after_the_others_or_where_it_is_to_be() {
        let mut grown = file();
        add_section(&mut grown, b".rfpol", b"policy", None).unwrap();
        let headers = Headers::parse(&grown).unwrap();
        let section = headers.section(&grown, b".rfpol").unwrap();
        assert_eq!(section.memory, 0x2000..0x2006);
        assert_eq!(&grown[section.file.clone()], b"policy");
        assert_eq!((section.file.start % 0x200, grown.len() % 0x200), (0, 0));
        add_section(&mut grown, b".bundle", &[7; 5000], Some(0xa0_0000)).unwrap();
        let headers = Headers::parse(&grown).unwrap();
        assert_eq!(headers.section(&grown, b".bundle").unwrap().memory, 0xa0_0000..0xa0_0000 + 5000);
        assert_eq!(u32_at(&grown, 64 + COFF + SIZE_OF_IMAGE), Some(0xa0_2000));
        assert_eq!(headers.section(&grown, b".rfpol").unwrap(), section);
    }

    #[test]
    fn a_section_that_another_one_writes_to_is_not_constant() {
        let mut changed = file();
        add_section(&mut changed, b".rfpol", b"policy", None).unwrap();
        let constant =
            |file: &[u8]| Headers::parse(file).unwrap().section(file, b".rfpol").map(|s| s.is_constant);
        assert_eq!(constant(&changed), Some(true));
        let text = 64 + COFF + 160;
        changed[text + 36..text + 40].copy_from_slice(&WRITABLE.to_le_bytes());
        assert_eq!(constant(&changed), Some(true));
        for (size, base) in [(0x1001_u32, 0x1000_u32), (0x1000, 0x2005), (u32::MAX, 0), (1, 0x2000)] {
            changed[text + 8..text + 12].copy_from_slice(&size.to_le_bytes());
            changed[text + 12..text + 16].copy_from_slice(&base.to_le_bytes());
            assert_eq!(constant(&changed), Some(false), "{size:#x} {base:#x}");
        }
    }

    #[test]
    fn an_application_becomes_a_driver_and_nothing_else_changes() {
        let mut changed = file();
        assert_eq!(Headers::parse(&changed).unwrap().subsystem(&changed), None);
        set_subsystem(&mut changed, Subsystem::Driver).unwrap();
        assert_eq!(Headers::parse(&changed).unwrap().subsystem(&changed), Some(Subsystem::Driver));
        let differ: Vec<usize> = (0..changed.len()).filter(|&at| changed[at] != file()[at]).collect();
        assert_eq!(differ, [64 + COFF + SUBSYSTEM]);
    }

    #[test]
    fn what_cannot_be_changed_is_refused() {
        let mut full = file();
        full[64 + COFF + SIZE_OF_HEADERS..][..4].copy_from_slice(&0x120u32.to_le_bytes());
        assert_eq!(add_section(&mut full, b".x", b"x", None), Err(PeError::Full));
        let mut signed = file();
        signed[64 + COFF + DIRECTORIES + 4 + CERTIFICATES * 8 + 4] = 8;
        assert_eq!(add_section(&mut signed, b".x", b"x", None), Err(PeError::Signed));
        assert_eq!(set_subsystem(&mut signed, Subsystem::Driver), Err(PeError::Signed));
        let mut foreign = file();
        foreign[68..70].copy_from_slice(&[0x64, 0x86]);
        assert_eq!(Headers::parse(&foreign).unwrap_err(), PeError::Machine { found: 0x8664 });
        assert_eq!(Headers::parse(b"MZ").unwrap_err(), PeError::NotPe);
    }

    proptest! {
        #[test]
        fn damaged_headers_never_panic(at in 0usize..0x200, byte: u8, name in "[.a-z]{1,8}") {
            let mut damaged = file();
            damaged[at] = byte;
            if let Ok(headers) = Headers::parse(&damaged) {
                let _ = headers.section(&damaged, name.as_bytes());
            }
            let _ = add_section(&mut damaged, name.as_bytes(), b"data", None);
        }
    }
}
