//! A kernel that is packed: a gzip stream or a zstd frame, alone or in the EFI zboot form
//! (drivers/firmware/efi/libstub/zboot-header.S).

use super::gzip;
#[cfg(feature = "zstd")]
use super::zstd;
use ringfence::kernel_image::Header;

/// Largest kernel that a stream may claim to hold, in bytes: what is beyond it is a bomb.
pub(super) const MAX: u64 = 512 << 20;

/// A kernel that is still packed.
#[derive(Clone, Copy)]
pub(in crate::machine) struct Packed {
    stream: &'static [u8],
    /// Bytes behind the kernel's own that its place has more, for the work of unpacking.
    pub work: u64,
}

/// What is known of a kernel before it is unpacked.
pub(super) struct Measure {
    pub header: Header,
    /// Bytes of the kernel from its base on, those of its BSS included.
    pub footprint: u64,
    pub packed: Packed,
}

/// The stream that `bytes` are, or hold as an EFI zboot image.
fn stream(bytes: &'static [u8]) -> Option<&'static [u8]> {
    if !bytes.starts_with(b"MZ\0\0zimg") {
        return Some(bytes);
    }
    let word = |at: usize| {
        let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let start = word(8)?;
    bytes.get(start..start.checked_add(word(12)?)?)
}

/// Measure the kernel that is packed in `bytes`; `None` when it is not, or in a way that is not known here.
pub(super) fn measure(bytes: &'static [u8], name: &str) -> Option<Measure> {
    let stream = stream(bytes)?;
    if gzip::is(stream) {
        let (header, len) = gzip::measure(stream, name);
        return Some(Measure {
            header,
            footprint: header.footprint(len),
            packed: Packed { stream, work: 0 },
        });
    }
    #[cfg(feature = "zstd")]
    if zstd::is(stream) {
        let (header, footprint, work) = zstd::measure(stream, name);
        return Some(Measure { header, footprint, packed: Packed { stream, work } });
    }
    None
}

impl Packed {
    /// Unpack into the front of `place`, whose last [`work`](Self::work) bytes are for the work; returns how many bytes
    /// the kernel has.
    pub(in crate::machine) fn unpack(self, place: &'static mut [u8]) -> Option<usize> {
        #[cfg(feature = "zstd")]
        if zstd::is(self.stream) {
            let (out, work) = place.split_at_mut_checked(place.len().checked_sub(self.work as usize)?)?;
            return zstd::unpack(self.stream, out, work);
        }
        gzip::unpack(self.stream, place)
    }
}
