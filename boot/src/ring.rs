//! The ring in which the structured log survives: a header that a dump can be searched for, then the bytes.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0x00 | 8 | magic, the bytes `RFRING01` |
//! | 0x08 | 20 | build id, SHA-1 of the ELF's `.note.gnu.build-id`: which ELF decodes this log |
//! | 0x1c | 4 | capacity: bytes of data after the header, little endian |
//! | 0x20 | 8 | head: bytes written since the start, little endian; the next one goes to `head % capacity` |
//! | 0x28 | 24 | zero |
//! | 0x40 | capacity | data: defmt frames, rzCOBS encoded, each ended by a zero byte |
//!
//! While `head <= capacity` the log is `data[..head]`. Afterwards the oldest byte is `data[head % capacity]`,
//! inside a frame that is partly overwritten: a reader skips up to and including the first zero byte.
//! All of it is one contiguous piece of RAM, aligned to 64 bytes.

/// The first eight bytes.
pub const MAGIC: [u8; 8] = *b"RFRING01";
/// Length of the header in bytes.
pub const HEADER_LEN: usize = 64;
/// Length of the build id in bytes.
pub const BUILD_ID_LEN: usize = 20;

/// A ring in borrowed memory, whose previous content is of no interest.
pub struct Ring<'m> {
    /// Header and data.
    memory: &'m mut [u8],
    head: u64,
    /// `head % capacity`, kept because a division for each write is expensive.
    next: usize,
}

impl<'m> Ring<'m> {
    /// Makes an empty ring in `memory`, or returns `None` when there is no room for any data.
    pub fn new(memory: &'m mut [u8], build_id: &[u8; BUILD_ID_LEN]) -> Option<Self> {
        let (header, data) = memory.split_first_chunk_mut::<HEADER_LEN>()?;
        let capacity = u32::try_from(data.len()).ok().filter(|&n| n > 0)?;
        header.fill(0);
        copy(header, 0x00, &MAGIC);
        copy(header, 0x08, build_id);
        copy(header, 0x1c, &capacity.to_le_bytes());
        Some(Self { memory, head: 0, next: 0 })
    }

    /// Appends `bytes`, over the oldest ones when it is full.
    pub fn write(&mut self, bytes: &[u8]) {
        let Some((header, data)) = self.memory.split_first_chunk_mut::<HEADER_LEN>() else { return };
        let mut rest = bytes;
        // Room is what is left before the end, and never none.
        while let Some(room) = data.get_mut(self.next..).filter(|_| !rest.is_empty()) {
            let (now, later) = rest.split_at(rest.len().min(room.len()));
            room.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
            self.next = if now.len() < room.len() { self.next + now.len() } else { 0 };
            rest = later;
        }
        self.head = self.head.wrapping_add(bytes.len() as u64);
        if let Some(head) = header.get_mut(0x20..0x28).and_then(|field| field.first_chunk_mut()) {
            *head = self.head.to_le_bytes();
        }
    }

    /// Ends the ring, and returns its memory: header and data.
    #[must_use]
    pub fn into_bytes(self) -> &'m [u8] {
        self.memory
    }
}

fn copy(header: &mut [u8; HEADER_LEN], at: usize, bytes: &[u8]) {
    for (to, from) in header.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field<const N: usize>(memory: &[u8], at: usize) -> [u8; N] {
        memory[at..at + N].try_into().unwrap()
    }

    #[test]
    fn the_header_tells_a_reader_everything() {
        let mut memory = [0xee_u8; HEADER_LEN + 16];
        let mut ring = Ring::new(&mut memory, &[7; 20]).unwrap();
        ring.write(b"abc\0");
        assert_eq!(ring.into_bytes().len(), HEADER_LEN + 16);
        assert_eq!(field(&memory, 0), MAGIC);
        assert_eq!(field(&memory, 8), [7; 20]);
        assert_eq!(u32::from_le_bytes(field(&memory, 0x1c)), 16);
        assert_eq!(u64::from_le_bytes(field(&memory, 0x20)), 4);
        assert_eq!(field(&memory, HEADER_LEN), *b"abc\0");
    }

    #[test]
    fn a_full_ring_loses_its_oldest_bytes() {
        let mut memory = [0_u8; HEADER_LEN + 8];
        let mut ring = Ring::new(&mut memory, &[0; BUILD_ID_LEN]).unwrap();
        ring.write(b"0123456789");
        assert_eq!(u64::from_le_bytes(field(&memory, 0x20)), 10);
        assert_eq!(&memory[HEADER_LEN..], b"89234567", "the oldest byte is at head % capacity = 2");
    }

    #[test]
    fn no_room_is_no_ring() {
        assert!(Ring::new(&mut [0; HEADER_LEN], &[0; BUILD_ID_LEN]).is_none());
        assert!(Ring::new(&mut [0; 3], &[0; BUILD_ID_LEN]).is_none());
    }
}
