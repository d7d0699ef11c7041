//! Finds the stage's log ring in a memory dump. Its layout is documented in `boot/src/ring.rs`.

/// The first eight bytes of a ring.
const MAGIC: [u8; 8] = *b"RFRING01";
/// Length of the header in bytes.
const HEADER_LEN: usize = 64;
/// Steps in bytes at which a ring is searched: it is aligned to 64 in memory, but in a `ramoops` region it
/// follows a header of three words.
const STEP: usize = 4;

/// A ring as found in a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Where it starts in the dump, in bytes.
    pub offset: usize,
    /// Build id of the stage that wrote it.
    pub build_id: [u8; 20],
    /// Bytes that the stage wrote, of which the ring keeps the last.
    pub written: u64,
    /// The frames it keeps, oldest first, starting at a frame's start.
    pub frames: Vec<u8>,
}

impl Ring {
    /// Finds the first complete ring in `dump`.
    #[must_use]
    pub fn find(dump: &[u8]) -> Option<Self> {
        (0..dump.len()).step_by(STEP).find_map(|offset| Self::read(dump.get(offset..)?, offset))
    }

    fn read(bytes: &[u8], offset: usize) -> Option<Self> {
        if !bytes.starts_with(&MAGIC) {
            return None;
        }
        let (header, rest) = bytes.split_first_chunk::<HEADER_LEN>()?;
        let build_id = header.get(0x08..0x1c)?.try_into().ok()?;
        let capacity = u32::from_le_bytes(header.get(0x1c..0x20)?.try_into().ok()?);
        let written = u64::from_le_bytes(header.get(0x20..0x28)?.try_into().ok()?);
        let data = rest.get(..capacity as usize).filter(|data| !data.is_empty())?;
        Some(Self { offset, build_id, written, frames: unroll(data, written) })
    }
}

/// Puts the bytes into the order in which they were written.
fn unroll(data: &[u8], written: u64) -> Vec<u8> {
    let capacity = data.len() as u64;
    if written <= capacity {
        return data.iter().take(written as usize).copied().collect();
    }
    let (newer, older) = data.split_at((written % capacity) as usize);
    // The oldest frame is partly overwritten; frames end with a zero byte.
    let whole = older.iter().chain(newer).skip_while(|&&byte| byte != 0).skip(1);
    whole.copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(lead: usize, capacity: u32, written: u64, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xee; lead];
        bytes.extend(MAGIC);
        bytes.extend([7; 20]);
        bytes.extend(capacity.to_le_bytes());
        bytes.extend(written.to_le_bytes());
        bytes.extend([0; 24]);
        bytes.extend(data);
        bytes
    }

    #[test]
    fn a_ring_is_found_wherever_the_dump_starts() {
        let ring = Ring::find(&dump(0x100c, 8, 4, b"abc\0....")).unwrap();
        assert_eq!((ring.offset, ring.written, ring.build_id), (0x100c, 4, [7; 20]));
        assert_eq!(ring.frames, b"abc\0");
    }

    #[test]
    fn a_ring_that_went_round_starts_at_its_first_whole_frame() {
        let ring = Ring::find(&dump(0, 8, 10, b"f\0b\0cd\0e")).unwrap();
        assert_eq!(ring.frames, b"cd\0ef\0", "`b` lost its start");
    }

    #[test]
    fn what_is_not_there_as_a_whole_is_no_ring() {
        assert_eq!(Ring::find(&dump(0, 9, 4, b"abc\0....")), None);
        assert_eq!(Ring::find(&dump(0, 0, 0, b"")), None);
        assert_eq!(Ring::find(&MAGIC), None);
        assert_eq!(Ring::find(b"no ring at all"), None);
    }
}
