//! The console that an image of the stage is given when it is made: where it is in the file, and its form.
//!
//! No device tree and no policy is needed to read it, so a stage that has neither can still say what is
//! wrong. The slot is in the first page, after the PE headers, with a magic number before the text; the text
//! is a value of `earlycon=`, such as `pl011,0x9000000`.

use core::fmt;
use core::ops::Range;

/// Where the slot is in the image, in bytes from its start.
pub const SLOT: Range<usize> = 0xf80..0x1000;
/// What a slot starts with.
pub const MAGIC: [u8; 16] = *b"RINGFENCECONSOLE";

/// Why an image cannot be given a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotError {
    /// The image has no slot: it is not the stage, or an older one.
    NoSlot,
    /// The text is longer than the slot.
    TooLong,
}

impl fmt::Display for SlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSlot => "no room for a console: this is not an image of the stage, or an older one",
            Self::TooLong => "the console's name is too long",
        })
    }
}

impl core::error::Error for SlotError {}

/// Writes the console into an image, in place of the one that it has; an empty text removes it.
///
/// # Errors
/// Any [`SlotError`].
pub fn set(image: &mut [u8], text: &str) -> Result<(), SlotError> {
    let slot = image.get_mut(SLOT).filter(|slot| slot.starts_with(&MAGIC)).ok_or(SlotError::NoSlot)?;
    let room = slot.get_mut(MAGIC.len()..).unwrap_or_default();
    // A NUL ends the text.
    if text.len() >= room.len() {
        return Err(SlotError::TooLong);
    }
    room.fill(0);
    room.iter_mut().zip(text.bytes()).for_each(|(to, byte)| *to = byte);
    Ok(())
}

/// Returns the console in a slot, if there is one.
#[must_use]
pub fn get(slot: &[u8]) -> Option<&[u8]> {
    let text = slot.strip_prefix(&MAGIC)?.split(|&byte| byte == 0).next()?;
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn a_console_is_read_as_it_was_written_and_replaced() {
        let mut image = vec![0; 0x2000];
        assert_eq!(set(&mut image, "pl011,0x9000000"), Err(SlotError::NoSlot));
        image[SLOT.start..][..MAGIC.len()].copy_from_slice(&MAGIC);
        assert_eq!(get(&image[SLOT]), None);
        for text in ["uart8250,mmio32,0xfe650000", "pl011,0x9000000"] {
            assert_eq!(set(&mut image, text), Ok(()));
            assert_eq!(get(&image[SLOT]), Some(text.as_bytes()));
        }
        assert_eq!(set(&mut image, &"x".repeat(112)), Err(SlotError::TooLong));
        assert!(image[SLOT.end..].iter().all(|&byte| byte == 0));
    }
}
