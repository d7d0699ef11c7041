//! Unpackers for what the core calls a packed stream. The stage unpacks kernels to their place, the tool in
//! memory; what each takes for damaged is the same.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod appended;
mod gzip;
mod lzma;
mod zstd;

pub use appended::{AppendedTreeError, end, tree_after};

use alloc::vec::Vec;
use ringfence::packing::{Packing, Stream};
use ringfence::payload::{MAX_KERNEL, Measure, StreamError};

/// Reads the first bytes of a packed kernel and its length. Nothing else is unpacked.
///
/// # Errors
/// [`StreamError::Damaged`].
pub fn measure(stream: Stream<'_>) -> Result<Measure, StreamError> {
    let measure = match stream.packing {
        Packing::Gzip => gzip::measure(stream.bytes),
        Packing::Lzma => lzma::measure(stream.bytes),
        Packing::Zstd => zstd::measure(stream.bytes),
    };
    measure.filter(|measure| measure.len <= MAX_KERNEL).ok_or(StreamError::Damaged)
}

/// Returns the bytes of heap that [`unpack`] takes for a kernel of at most `footprint` bytes, beyond a few
/// KiB.
#[must_use]
pub fn work(stream: Stream<'_>, footprint: u64) -> u64 {
    match stream.packing {
        Packing::Gzip => 0,
        Packing::Lzma => lzma::work(stream.bytes, footprint),
        Packing::Zstd => zstd::work(stream.bytes, footprint),
    }
}

/// Unpacks to the front of `out`, and returns how many bytes there are. `None` when the stream is damaged, or
/// longer than `out`.
#[must_use]
pub fn unpack(stream: Stream<'_>, out: &mut [u8]) -> Option<usize> {
    match stream.packing {
        Packing::Gzip => gzip::unpack(stream.bytes, out),
        Packing::Lzma => lzma::unpack(stream.bytes, out),
        Packing::Zstd => zstd::unpack(stream.bytes, out),
    }
}

/// Unpacks to a vector of at most `limit` bytes, and checks a checksum that the stream has at its end.
///
/// # Errors
/// [`StreamError::Damaged`], also when there would be more than `limit` bytes or memory ran out.
pub fn to_vec(stream: Stream<'_>, limit: u64) -> Result<Vec<u8>, StreamError> {
    let unpacked = match stream.packing {
        Packing::Gzip => gzip::to_vec(stream.bytes, limit),
        Packing::Lzma => lzma::to_vec(stream.bytes, limit),
        Packing::Zstd => zstd::to_vec(stream.bytes, limit),
    };
    unpacked.ok_or(StreamError::Damaged)
}

/// Packs bytes, to be unpacked again.
#[cfg(test)]
fn pack(packing: Packing, bytes: &[u8]) -> Vec<u8> {
    match packing {
        Packing::Gzip => gzip::pack(bytes),
        Packing::Lzma => lzma::pack(bytes),
        Packing::Zstd => zstd::pack(bytes),
    }
}

#[cfg(test)]
mod tests;
