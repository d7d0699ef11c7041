//! A kernel: an arm64 `Image`, or a packed one.

use super::{Backend, PayloadError, StreamError};
use crate::facts::{self, Position};
use crate::kernel_image::Header;
use crate::packing::Stream;
use crate::profile::PageSize;
use crate::span::Span;

/// A kernel whose header was checked.
#[derive(Clone, Copy, Debug)]
pub struct Kernel<'a> {
    /// Where it is, and what it needs of its place. A packed one cannot stay, and its place has room for the
    /// work of unpacking.
    pub facts: facts::Kernel,
    /// Its page size, when its header states one.
    pub page_size: Option<PageSize>,
    /// Its length in bytes, unpacked; 0 where a stream does not say.
    pub len: u64,
    /// The stream that it is packed in.
    pub stream: Option<Stream<'a>>,
    /// Bytes of its place, at the end, that only unpacking takes.
    pub work: u64,
}

impl<'a> Kernel<'a> {
    /// Opens the kernel in `bytes`, which are at `at`.
    ///
    /// # Errors
    /// [`PayloadError`], when it is not one that this face can boot.
    pub fn open(at: Span, bytes: &'a [u8], backend: &impl Backend) -> Result<Self, PayloadError> {
        let Some(stream) = Stream::find(bytes)? else {
            let header = Header::parse(bytes)?;
            let len = at.len();
            let facts = facts(Position::Movable(at), &header, header.footprint(len));
            return Ok(Self { facts, page_size: header.page_size(), len, stream: None, work: 0 });
        };
        let measure = backend.measure(stream).map_err(|why| match why {
            StreamError::Unsupported => PayloadError::NoUnpacker(stream.packing),
            StreamError::Damaged => PayloadError::DamagedStream(stream.packing),
        })?;
        let header = Header::parse(&measure.head)?;
        let footprint = header.footprint(measure.len);
        let work = backend.work(stream, footprint);
        let facts = facts(Position::Packed(at), &header, footprint.saturating_add(work));
        let len = measure.len;
        Ok(Self { facts, page_size: header.page_size(), len, stream: Some(stream), work })
    }

    /// Checks that the kernel at its place, of which these are the bytes, needs what it was said to need.
    ///
    /// # Errors
    /// [`PayloadError::Changed`].
    pub fn check_copy(&self, copy: &[u8]) -> Result<(), PayloadError> {
        let header = Header::parse(copy).map_err(|_| PayloadError::Changed)?;
        let footprint = header.footprint(self.len).saturating_add(self.work);
        let needs = (header.text_offset(), footprint, header.page_size());
        if needs == (self.facts.text_offset, self.facts.image_size, self.page_size) {
            Ok(())
        } else {
            Err(PayloadError::Changed)
        }
    }
}

fn facts(position: Position, header: &Header, image_size: u64) -> facts::Kernel {
    facts::Kernel { position, text_offset: header.text_offset(), image_size }
}
