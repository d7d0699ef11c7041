//! What the sentinel reports, in memory: a ring of records of fixed size, which Linux can read and which
//! outlives a warm reset. It is read without any other file: the names of the carveouts are in it.
//!
//! All words are 64 bits, little-endian: 16 words of head, 64 holes of 6 words (base, end, name), then
//! records of 8 words. The first records are kept, later ones go round.

use crate::abi::{COUNTS, HOLES, Hole, NAME};
use crate::report::{Event, Kind};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::Release};

/// Bytes of the ring.
pub const LEN: usize = 16 << 10;
/// The first word, `RFSENT01` in memory.
pub const MAGIC: u64 = u64::from_le_bytes(*b"RFSENT01");
/// Records that are never written over: how it began says most.
const KEPT: u64 = 32;
const HEAD: usize = 16;
const HOLE: usize = 6;
const RECORD: usize = 8;
/// How many records there is room for.
pub const RECORDS: u64 = ((LEN / 8 - HEAD - HOLES * HOLE) / RECORD) as u64;

/// The ring, as the sentinel writes it.
#[repr(C)]
#[derive(Debug)]
pub struct Ring {
    magic: AtomicU64,
    /// How many records were written.
    written: AtomicU64,
    /// Counts of CNTPCT_EL0 in a second.
    frequency: AtomicU64,
    holes: AtomicU64,
    counts: [AtomicU64; COUNTS],
    _head: [AtomicU64; HEAD - 4 - COUNTS],
    hole: [[AtomicU64; HOLE]; HOLES],
    record: [[AtomicU64; RECORD]; RECORDS as usize],
}

const _: () = assert!(size_of::<Ring>() <= LEN);

/// Returns where the record with this number, from 0, goes.
const fn slot(number: u64) -> u64 {
    if number < KEPT { number } else { KEPT + (number - KEPT) % (RECORDS - KEPT) }
}

impl Ring {
    /// Starts it, empty, for these holes. The memory is all zero.
    pub fn start(&self, frequency: u64, holes: &[Hole]) {
        self.frequency.store(frequency, Relaxed);
        self.holes.store(holes.len().min(HOLES) as u64, Relaxed);
        for (words, hole) in self.hole.iter().zip(holes) {
            let name = hole.name.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
            let all = [hole.base, hole.end].into_iter().chain(name);
            words.iter().zip(all).for_each(|(word, value)| word.store(value, Relaxed));
        }
        self.magic.store(MAGIC, Release);
    }

    /// Adds a record.
    pub fn add(&self, event: &Event) {
        let number = self.written.fetch_add(1, Relaxed);
        let Some(record) = self.record.get(slot(number) as usize) else { return };
        let [first, rest @ ..] = record;
        // A reader takes a record without a number for none.
        first.store(0, Release);
        let place = event.hole.map_or(0, |hole| u64::from(hole) + 1);
        let how = event.esr & 0xffff_ffff | place << 32 | u64::from(event.level) << 48;
        let words =
            [event.time, event.cpu, event.address, event.pc, event.virtual_address, how, event.dropped];
        rest.iter().zip(words).for_each(|(word, value)| word.store(value, Relaxed));
        first.store((number + 1) << 8 | event.kind as u64, Release);
    }

    /// Returns how many records were written.
    pub fn count(&self) -> u64 {
        self.written.load(Relaxed)
    }

    /// Shows the counts of what came to EL2.
    pub fn show_counts(&self, counts: &[AtomicU64; COUNTS]) {
        self.counts.iter().zip(counts).for_each(|(to, from)| to.store(from.load(Relaxed), Relaxed));
    }
}

/// A ring that was read, from whoever had the memory: every word of it may be wrong.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'r> {
    bytes: &'r [u8],
}

impl<'r> Reader<'r> {
    /// Finds the ring that `bytes` start with. `None` where they do not.
    #[must_use]
    pub fn new(bytes: &'r [u8]) -> Option<Self> {
        let reader = Self { bytes: bytes.get(..LEN)? };
        (reader.word(0) == MAGIC).then_some(reader)
    }

    /// Finds the first ring in a dump of memory, at a multiple of 8 bytes.
    #[must_use]
    pub fn find(dump: &'r [u8]) -> Option<Self> {
        let magic = MAGIC.to_le_bytes();
        let (words, _) = dump.as_chunks::<8>();
        let starts = words.iter().enumerate().filter(|(_, word)| **word == magic);
        starts.filter_map(|(index, _)| Self::new(dump.get(index * 8..)?)).next()
    }

    fn word(&self, index: usize) -> u64 {
        let bytes = self.bytes.get(index * 8..).and_then(|rest| rest.first_chunk::<8>());
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// Returns how many records were written, of which the ring may hold fewer.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.word(1)
    }

    /// Returns the counts of what came to EL2, in the order of [`Count`](crate::abi::Count).
    #[must_use]
    pub fn counts(&self) -> [u64; COUNTS] {
        core::array::from_fn(|index| self.word(4 + index))
    }

    /// Returns the name of a hole, if the ring has it and it is text.
    #[must_use]
    pub fn name(&self, hole: u16) -> Option<&'r str> {
        let hole = usize::from(hole);
        if hole as u64 >= self.word(3) || hole >= HOLES {
            return None;
        }
        let start = (HEAD + hole * HOLE + 2) * 8;
        let name = self.bytes.get(start..start + NAME)?;
        let name = name.split(|byte| *byte == 0).next()?;
        core::str::from_utf8(name).ok().filter(|name| name.bytes().all(|byte| byte.is_ascii_graphic()))
    }

    /// Returns the time of an event in microseconds since the counter started.
    #[must_use]
    pub fn microseconds(&self, event: &Event) -> u64 {
        let frequency = u128::from(self.word(2).max(1));
        u64::try_from(u128::from(event.time) * 1_000_000 / frequency).unwrap_or(u64::MAX)
    }

    /// Returns the records that it holds, oldest first.
    pub fn events(&self) -> impl Iterator<Item = Event> + use<'r> {
        let reader = *self;
        let written = reader.written();
        let kept = 0..written.min(KEPT);
        let round = written.saturating_sub(RECORDS - KEPT).max(KEPT)..written.max(KEPT);
        kept.chain(round.take(RECORDS as usize)).filter_map(move |number| reader.event(number))
    }

    fn event(&self, number: u64) -> Option<Event> {
        let at = HEAD + HOLES * HOLE + slot(number) as usize * RECORD;
        let [first, time, cpu, address, pc, virtual_address, how, dropped] =
            core::array::from_fn(|index| self.word(at + index));
        // Written by another number: it was being replaced.
        if first >> 8 != number.wrapping_add(1) & (u64::MAX >> 8) {
            return None;
        }
        let hole = u16::try_from(how >> 32 & 0xffff).ok()?.checked_sub(1);
        Some(Event {
            kind: Kind::from_number(first & 0xff)?,
            level: (how >> 48 & 3) as u8,
            hole,
            time,
            cpu,
            address,
            pc,
            virtual_address,
            esr: how & 0xffff_ffff,
            dropped,
        })
    }
}

#[cfg(test)]
mod tests;
