//! A payload after the stage, in one file: for loaders that have a slot for a kernel and for nothing else.
//!
//! The stage's memory is longer than its file: data, heap and stacks are where appended bytes would be
//! loaded. So the file is filled up to `image_size` first, the payload follows, and `image_size` grows to
//! include it. The loader then keeps all of it free, and the stage finds the payload through its own header.
//! It never searches memory.

use crate::efi::pe::{self, PeError};
use crate::kernel_image::{Header, ImageError};
use crate::span::Span;
use alloc::vec::Vec;
use core::fmt;

/// The section by which an EFI boot finds the payload.
pub const SECTION: &[u8] = b".bundle";

/// Where `image_size` is in the header of an arm64 `Image`.
const IMAGE_SIZE: core::ops::Range<usize> = 0x10..0x18;

/// Says why nothing can be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// The stage is not an arm64 `Image`.
    Stage(ImageError),
    /// The stage's header does not say how much memory it takes.
    NoSize,
    /// The file is as long as the memory it takes: something is appended already.
    Taken,
    /// There is nothing to append.
    Nothing,
    /// The stage's EFI headers take no further section.
    Pe(PeError),
    /// Memory for the result ran out.
    OutOfMemory,
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage(why) => write!(f, "the stage: {why}"),
            Self::NoSize => f.write_str("the stage states no image_size; take ringfence.img as it was built"),
            Self::Taken => f.write_str("something is appended to this stage already; take a fresh one"),
            Self::Nothing => f.write_str("the payload is empty"),
            Self::Pe(why) => write!(f, "the stage: {why}"),
            Self::OutOfMemory => f.write_str("out of memory"),
        }
    }
}

impl core::error::Error for AppendError {}

/// Appends `payload` (a bundle, or a kernel `Image`) to the file of the stage and returns the new file.
///
/// # Errors
/// Any [`AppendError`].
pub fn append(stage: &[u8], payload: &[u8]) -> Result<Vec<u8>, AppendError> {
    let size =
        Header::parse(stage).map_err(AppendError::Stage)?.declared_size().ok_or(AppendError::NoSize)?;
    let size = usize::try_from(size).map_err(|_| AppendError::OutOfMemory)?;
    if stage.len() >= size {
        return Err(AppendError::Taken);
    }
    if payload.is_empty() {
        return Err(AppendError::Nothing);
    }
    let total = size.checked_add(payload.len()).ok_or(AppendError::OutOfMemory)?;
    let mut file = Vec::new();
    file.try_reserve_exact(total).map_err(|_| AppendError::OutOfMemory)?;
    file.extend_from_slice(stage);
    file.resize(size, 0);
    match pe::Headers::parse(&file) {
        // UEFI firmware loads what the section table lists, and a signature covers it.
        Ok(_) => pe::add_section(&mut file, SECTION, payload, Some(size)).map_err(AppendError::Pe)?,
        Err(_) => file.extend_from_slice(payload),
    }
    if let Some(field) = file.get_mut(IMAGE_SIZE) {
        field.copy_from_slice(&(total as u64).to_le_bytes());
    }
    Ok(file)
}

/// Reports what is appended to the stage that runs at `stage`: from its end to the end that its header
/// states.
#[must_use]
pub fn find(stage: Span, header: &Header) -> Option<Span> {
    Span::from_ends(stage.end(), stage.base().checked_add(header.declared_size()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// Returns a stage of 0x200 bytes that takes 0x1000 of memory.
    fn stage() -> Vec<u8> {
        let mut image = vec![0x5a; 0x200];
        image[0x08..0x10].fill(0);
        image[IMAGE_SIZE].copy_from_slice(&0x1000_u64.to_le_bytes());
        image[0x18..0x20].copy_from_slice(&8_u64.to_le_bytes());
        image[0x38..0x3c].copy_from_slice(b"ARM\x64");
        image
    }

    #[test]
    fn the_payload_lies_behind_all_memory_of_the_stage_and_the_header_covers_it() {
        let file = append(&stage(), b"payload").unwrap();
        assert_eq!(&file[0x1000..], b"payload");
        assert!(file[0x200..0x1000].iter().all(|&byte| byte == 0));
        assert_eq!(file[IMAGE_SIZE], 0x1007_u64.to_le_bytes());
        let running = Span::new(0x4020_0000, 0x1000).unwrap();
        assert_eq!(find(running, &Header::parse(&file).unwrap()), Span::new(0x4020_1000, 7));
    }

    #[test]
    fn a_stage_alone_has_nothing_appended() {
        let running = Span::new(0x4020_0000, 0x1000).unwrap();
        assert_eq!(find(running, &Header::parse(&stage()).unwrap()), None);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let file = append(&stage(), b"payload").unwrap();
        assert_eq!(append(&file, b"another"), Err(AppendError::Taken));
        assert_eq!(append(&stage(), b""), Err(AppendError::Nothing));
        assert_eq!(append(&[0; 64], b"x"), Err(AppendError::Stage(ImageError::BadMagic { found: 0 })));
        let mut old = stage();
        old[IMAGE_SIZE].fill(0);
        assert_eq!(append(&old, b"x"), Err(AppendError::NoSize));
    }

    #[test]
    fn an_efi_boot_finds_the_payload_by_a_section() {
        let mut image = stage();
        image.resize(0x400, 0);
        image[0x3c..0x40].copy_from_slice(&0x40_u32.to_le_bytes());
        image[..2].copy_from_slice(b"MZ");
        image[0x40..0x48].copy_from_slice(b"PE\0\0\x64\xaa\0\0");
        image[0x48..0x200].fill(0);
        image[0x54] = 160;
        image[0x58..0x5a].copy_from_slice(&0x20b_u16.to_le_bytes());
        for (offset, value) in [(32, 0x1000_u32), (36, 0x200), (56, 0x1000), (60, 0x400)] {
            image[0x58 + offset..][..4].copy_from_slice(&value.to_le_bytes());
        }
        image[0x1f8..].fill(0);
        let file = append(&image, b"payload").unwrap();
        let section = pe::Headers::parse(&file).unwrap().section(&file, SECTION).unwrap();
        assert_eq!((section.memory, &file[section.file.clone()]), (0x1000..0x1007, &b"payload"[..]));
        let running = Span::new(0x4020_0000, 0x1000).unwrap();
        assert_eq!(find(running, &Header::parse(&file).unwrap()), Span::new(0x4020_1000, 7));
    }
}
