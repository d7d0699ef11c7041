//! A kernel: an arm64 `Image`, or what one is packed in.

use super::Payload;
use ringfence::facts::Kernel;
use ringfence::kernel_image::Header;
use ringfence::span::Span;

/// Open the kernel at `at`; `name` is for people.
pub(super) fn open(at: Span, bytes: &'static [u8], name: &str) -> Payload {
    #[cfg(feature = "gzip")]
    if let Some(measure) = super::packed::measure(bytes, name) {
        let at = Kernel::packed_at(at);
        let size = measure.footprint.saturating_add(measure.packed.work);
        return Payload { packed: Some(measure.packed), ..payload(at, &measure.header, size) };
    }
    // The EFI zboot form, gzip, zstd.
    let packings: [&[u8]; 3] = [b"MZ\0\0zimg", &[0x1f, 0x8b, 8], &[0x28, 0xb5, 0x2f, 0xfd]];
    if packings.iter().any(|magic| bytes.starts_with(magic)) {
        halt!("{name} at {at} is packed in a way that this stage cannot unpack; `ringfence pack` unpacks it");
    }
    let header = Header::parse(bytes).unwrap_or_else(|why| halt!("{name} at {at} is no kernel: {why}"));
    payload(at, &header, header.footprint(at.len()))
}

fn payload(at: Span, header: &Header, image_size: u64) -> Payload {
    let kernel = Kernel { at, text_offset: header.text_offset(), image_size, movable: true };
    Payload { bundle: Some(at), kernel: Some(kernel), page_size: header.page_size(), ..Payload::default() }
}
