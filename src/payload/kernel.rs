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
            let facts = facts(Position::Movable(at), &header, header.footprint(at.len()));
            return Ok(Self { facts, page_size: header.page_size(), stream: None, work: 0 });
        };
        let measure = backend.measure(stream).map_err(|why| match why {
            StreamError::Unsupported => PayloadError::NoUnpacker(stream.packing),
            StreamError::Damaged => PayloadError::DamagedStream(stream.packing),
        })?;
        let header = Header::parse(&measure.head)?;
        let footprint = header.footprint(measure.len);
        let work = backend.work(stream, footprint);
        let facts = facts(Position::Packed(at), &header, footprint.saturating_add(work));
        Ok(Self { facts, page_size: header.page_size(), stream: Some(stream), work })
    }
}

fn facts(position: Position, header: &Header, image_size: u64) -> facts::Kernel {
    facts::Kernel { position, text_offset: header.text_offset(), image_size }
}
