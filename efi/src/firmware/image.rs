//! This very image: its sections in memory, its load options.

use crate::refusal::{Result, refusal};
use alloc::vec::Vec;
use ringfence::efi::PAGE;
use ringfence::efi::pe::{Headers, Subsystem};
use uefi::boot::{self, OpenProtocolAttributes, OpenProtocolParams, ScopedProtocol};
use uefi::proto::loaded_image::LoadedImage;

/// The running image.
#[derive(Clone, Copy)]
pub(crate) struct Image {
    base: *const u8,
    size: usize,
    /// The first page, which holds the headers and is never written.
    head: &'static [u8],
    headers: Headers,
}

fn loaded() -> Option<ScopedProtocol<LoadedImage>> {
    let handle = boot::image_handle();
    let params = OpenProtocolParams { handle, agent: handle, controller: None };
    // SAFETY: the protocol of the running image stays on its handle as long as the image runs.
    unsafe { boot::open_protocol(params, OpenProtocolAttributes::GetProtocol) }.ok()
}

impl Image {
    /// Finds the running image; `None` when the firmware does not say where it is, or has not kept its
    /// headers.
    pub(crate) fn running() -> Option<Self> {
        let (base, size) = loaded()?.info();
        let (base, size) = (base.cast::<u8>(), usize::try_from(size).ok()?);
        if base.is_null() || size < PAGE as usize {
            return None;
        }
        // SAFETY: the firmware states where it has loaded this image, which stays there while it runs;
        // nothing writes to its first page.
        let head = unsafe { core::slice::from_raw_parts(base, PAGE as usize) };
        Some(Self { base, size, head, headers: Headers::parse(head).ok()? })
    }

    /// Tells whether the firmware runs it as a driver.
    pub(crate) fn is_driver(self) -> bool {
        self.headers.subsystem(self.head) == Some(Subsystem::Driver)
    }

    /// Returns the bytes of a section that was added to the image; nothing ever writes to those.
    pub(crate) fn section(self, name: &[u8]) -> Option<&'static [u8]> {
        let section = self.headers.section(self.head, name)?;
        if !section.is_constant || section.memory.is_empty() || section.memory.end > self.size {
            return None;
        }
        let start = self.base.wrapping_add(section.memory.start);
        // SAFETY: inside the image, as just checked, which stays as long as it runs; no section that is
        // written to shares a byte with it.
        Some(unsafe { core::slice::from_raw_parts(start, section.memory.len()) })
    }
}

/// Most bytes of load options that are read: many times what Linux takes.
const MAX_OPTIONS: usize = 64 << 10;

/// Returns a copy of the load options, as they were passed.
pub(crate) fn load_options() -> Result<Vec<u8>> {
    let image = loaded();
    let bytes = image.as_ref().and_then(|image| image.load_options_as_bytes()).unwrap_or_default();
    if bytes.len() > MAX_OPTIONS {
        return Err(refusal!("the load options are {} bytes long; shorten the command line", bytes.len()));
    }
    Ok(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::super::fake::Firmware;
    use super::*;

    #[test]
    fn load_options_are_bounded() {
        for (len, is_read) in [(0, true), (3, true), (MAX_OPTIONS, true), (MAX_OPTIONS + 2, false)] {
            let options: Vec<u8> = b"a\0".iter().copied().cycle().take(len).collect();
            let _running = Firmware { options: options.clone(), ..Firmware::default() }.start();
            assert_eq!(load_options().ok(), is_read.then_some(options), "{len}");
        }
    }
}
