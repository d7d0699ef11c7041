//! Reads the tokens of the structure block one after the other, bounded by its end.

use super::{FdtError, MAX_NAME, NameFault};
use zerocopy::{FromBytes, IntoBytes};

pub(super) const BEGIN_NODE: u32 = 1;
pub(super) const END_NODE: u32 = 2;
pub(super) const PROP: u32 = 3;
pub(super) const NOP: u32 = 4;
pub(super) const END: u32 = 9;

/// One token with its operands. Offsets count bytes from the start of the blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A node starts; its name has been checked, except for emptiness.
    Begin { name: u32, len: u32 },
    /// The innermost open node ends.
    EndNode,
    /// A property; `name` is an offset into the strings block that has not been checked.
    Prop { name: u32, value: u32, len: u32 },
    /// The structure block ends.
    End,
}

/// A word of the blob: a `u32` where the blob lies on a multiple of 4, as every blob that boots does, else
/// bytes. A CPU that may not read unaligned needs seven instructions more for each of those.
pub(super) trait Word: Copy {
    /// Returns the big-endian number.
    fn number(self) -> u32;
    /// Returns the bytes, the first one lowest.
    fn little(self) -> u32;
    /// Returns words as the bytes that they are.
    fn bytes(words: &[Self]) -> &[u8];
}

/// 1 in each byte of a word.
const ONES: u32 = 0x0101_0101;
/// The highest bit of each byte of a word.
const HIGH: u32 = 0x80 * ONES;

impl Word for u32 {
    #[inline(always)]
    fn number(self) -> u32 {
        Self::from_be(self)
    }

    #[inline(always)]
    fn little(self) -> u32 {
        Self::from_le(self)
    }

    fn bytes(words: &[Self]) -> &[u8] {
        words.as_bytes()
    }
}

impl Word for [u8; 4] {
    #[inline(always)]
    fn number(self) -> u32 {
        u32::from_be_bytes(self)
    }

    #[inline(always)]
    fn little(self) -> u32 {
        u32::from_le_bytes(self)
    }

    fn bytes(words: &[Self]) -> &[u8] {
        words.as_flattened()
    }
}

/// The words of a blob up to the end of its structure block.
pub(super) enum Words<'a> {
    /// They lie on multiples of 4.
    Aligned(&'a [u32]),
    /// They do not.
    Bytes(&'a [[u8; 4]]),
}

impl<'a> Words<'a> {
    /// Takes the whole words of `bytes`.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let (words, _) = bytes.as_chunks();
        match <[u32]>::ref_from_bytes(words.as_flattened()) {
            Ok(words) => Self::Aligned(words),
            Err(_) => Self::Bytes(words),
        }
    }
}

/// Walks the tokens, passing over NOPs.
#[derive(Clone, Copy)]
pub(super) struct Tokens<'a, W> {
    /// The unread rest of the structure block.
    rest: &'a [W],
    /// Words from the start of the blob to the end of its structure block.
    end: usize,
    /// Offsets of the first and the last NOP passed so far.
    nops: Option<(usize, usize)>,
}

impl<'a, W: Word> Tokens<'a, W> {
    /// Starts at offset `at` of a blob, whose `words` end where the structure block ends; `at` is a multiple
    /// of 4.
    pub(super) fn new(words: &'a [W], at: usize) -> Self {
        Self { rest: words.get(at / 4..).unwrap_or_default(), end: words.len(), nops: None }
    }

    /// Returns the offset of the byte after the last token.
    #[inline]
    pub(super) fn at(&self) -> usize {
        (self.end - self.rest.len()) * 4
    }

    /// Returns the offsets of the first and the last NOP passed so far.
    pub(super) fn nops(&self) -> Option<(usize, usize)> {
        self.nops
    }

    /// Reads the next token that is not a NOP, with its offset. Advances by at least 4 bytes
    /// or fails, so a walk ends.
    // Most of the time of reading a tree is spent here: a call for each token would cost as much.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Result<(usize, Token), FdtError> {
        let (offset, word) = loop {
            let offset = self.at();
            let Some((word, rest)) = self.rest.split_first() else {
                return Err(FdtError::StructTruncated { offset });
            };
            self.rest = rest;
            match word.number() {
                NOP => self.nops = Some((self.nops.map_or(offset, |(first, _)| first), offset)),
                word => break (offset, word),
            }
        };
        let token = match word {
            BEGIN_NODE => {
                let name = self.at();
                let len = match node_name(self.rest) {
                    Ok(len) => len,
                    Err(NameFault::Unterminated) => return Err(FdtError::StructTruncated { offset }),
                    Err(fault) => return Err(FdtError::BadNodeName { offset: name, fault }),
                };
                // The NUL is inside, and so is the rest of its word.
                self.rest = self.rest.get(len / 4 + 1..).unwrap_or_default();
                Token::Begin { name: name as u32, len: len as u32 }
            }
            END_NODE => Token::EndNode,
            PROP => {
                let [len, name, rest @ ..] = self.rest else {
                    return Err(FdtError::StructTruncated { offset });
                };
                let len = len.number();
                let Some(behind) = rest.get(len.div_ceil(4) as usize..) else {
                    return Err(FdtError::StructTruncated { offset });
                };
                self.rest = rest;
                let value = self.at() as u32;
                self.rest = behind;
                Token::Prop { name: name.number(), value, len }
            }
            END => Token::End,
            token => return Err(FdtError::BadToken { offset, token }),
        };
        Ok((offset, token))
    }
}

/// Measures the name of a node: four bytes at a time, and again byte by byte where one of them is wrong.
fn node_name<W: Word>(words: &[W]) -> Result<usize, NameFault> {
    let mut len = 0;
    for word in words.iter().take(MAX_NAME / 4) {
        let bytes = NameBytes::of(word.little());
        let slashes = word.little() ^ (u32::from(b'/') * ONES);
        let wrong = bytes.wrong | (slashes.wrapping_sub(ONES) & !slashes & HIGH);
        let in_name = if bytes.nuls == 0 { u32::MAX } else { (1 << (bytes.nuls.trailing_zeros() - 7)) - 1 };
        match wrong & in_name {
            0 if bytes.nuls == 0 => len += 4,
            0 => return Ok(len + bytes.nuls.trailing_zeros() as usize / 8),
            _ => break,
        }
    }
    measure(W::bytes(words), 0, false)
}

/// What four bytes of names are: the highest bit of each byte that is a NUL, and of each that no name has.
#[derive(Clone, Copy)]
struct NameBytes {
    nuls: u32,
    wrong: u32,
}

impl NameBytes {
    #[inline(always)]
    fn of(word: u32) -> Self {
        // Only a byte above 0x7f, which is wrong by itself, carries into the bytes after it.
        let is_filled = word.wrapping_add(0x7f * ONES);
        let is_graphic = word.wrapping_add(0x5f * ONES);
        let is_delete = word.wrapping_add(ONES);
        Self {
            nuls: !(is_filled | word) & HIGH,
            wrong: (word | (is_filled & !is_graphic) | is_delete) & HIGH,
        }
    }
}

/// A byte may be in the name of a property.
const GRAPHIC: u8 = 1;
/// A byte is not a `/`.
const NO_SLASH: u8 = 2;

/// What each byte is, since names are read byte by byte.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let graphic = if (byte as u8).is_ascii_graphic() { GRAPHIC } else { 0 };
        classes[byte] = graphic | if byte as u8 == b'/' { 0 } else { NO_SLASH };
        byte += 1;
    }
    classes
};

/// Measures the NUL-terminated name at `at`, which must be printable ASCII and may be empty. With `slash`, it
/// may hold a `/`.
pub(super) fn measure(bytes: &[u8], at: usize, slash: bool) -> Result<usize, NameFault> {
    let rest = bytes.get(at..).ok_or(NameFault::Outside)?;
    let window = rest.get(..MAX_NAME + 1).unwrap_or(rest);
    let plain = if slash { GRAPHIC } else { GRAPHIC | NO_SLASH };
    let len = window.iter().position(|&byte| CLASSES[byte as usize] & plain != plain);
    match len.and_then(|len| Some((len, window.get(len)?))) {
        Some((len, 0)) => Ok(len),
        Some((_, b'/')) => Err(NameFault::Slash),
        Some(_) => Err(NameFault::NotPrintable),
        None if rest.len() > MAX_NAME => Err(NameFault::TooLong),
        None => Err(NameFault::Unterminated),
    }
}

/// Returns whether a name can start anywhere in a strings block, other than at a NUL. This takes one scan
/// instead of one for each property.
pub(super) fn all_names(strings: &[u8]) -> bool {
    let (_, rest) = strings.as_chunks::<4>();
    let open = match Words::of(strings) {
        Words::Aligned(words) => open_name(words),
        Words::Bytes(words) => open_name(words),
    };
    let open = open.and_then(|open| {
        rest.iter().try_fold(open, |open, &byte| match byte {
            0 => Some(0),
            byte => (byte.is_ascii_graphic() && open < MAX_NAME).then_some(open + 1),
        })
    });
    open == Some(0)
}

/// Returns the bytes of the name that the end of `words` cuts off, 0 where a NUL is last, or `None` where a
/// name is too long or not printable. Looks at four bytes at a time.
fn open_name<W: Word>(words: &[W]) -> Option<usize> {
    let mut open = 0;
    for word in words {
        let NameBytes { nuls, wrong } = NameBytes::of(word.little());
        if wrong != 0 {
            return None;
        }
        open += if nuls == 0 { 4 } else { nuls.trailing_zeros() as usize / 8 };
        if open > MAX_NAME {
            return None;
        }
        if nuls != 0 {
            open = nuls.leading_zeros() as usize / 8;
        }
    }
    Some(open)
}

/// Checks a name that is to be written. With `slash`, it may hold a `/`.
pub(super) fn check_name(name: &str, slash: bool) -> Result<(), NameFault> {
    if name.is_empty() {
        Err(NameFault::Empty)
    } else if name.len() > MAX_NAME {
        Err(NameFault::TooLong)
    } else if !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        Err(NameFault::NotPrintable)
    } else if !slash && name.contains('/') {
        Err(NameFault::Slash)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// Says the same as `all_names`, byte by byte.
    fn all_names_by_bytes(strings: &[u8]) -> bool {
        let ends = strings.last().is_none_or(|&byte| byte == 0);
        ends && strings
            .split(|&byte| byte == 0)
            .all(|name| name.len() <= MAX_NAME && name.iter().all(u8::is_ascii_graphic))
    }

    fn name() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![200 => 0x21_u8..0x7f, 1 => any::<u8>()];
        prop_oneof![
            9 => prop::collection::vec(byte.clone(), 0..20),
            1 => prop::collection::vec(byte, 250..260),
        ]
    }

    proptest! {
        #[test]
        fn names_are_judged_as_by_bytes(
            names in prop::collection::vec(name(), 0..8), cut in 0..3_usize, from in 0..4_usize,
        ) {
            let terminated = names.iter().flat_map(|name| name.iter().copied().chain([0]));
            let mut strings: Vec<u8> = terminated.collect();
            strings.truncate(strings.len().saturating_sub(cut / 2));
            // Wherever it starts.
            let strings = strings.get(from.min(strings.len())..).unwrap_or_default();
            prop_assert_eq!(all_names(strings), all_names_by_bytes(strings));
        }

        #[test]
        fn a_node_is_measured_as_by_bytes(
            name in name(), slash in any::<prop::sample::Index>(), more in 0..9_usize,
        ) {
            let mut bytes = name;
            if more == 8 && !bytes.is_empty() {
                let at = slash.index(bytes.len());
                bytes[at] = b'/';
            }
            bytes.resize(bytes.len().next_multiple_of(4) + 4 * (more / 4), 0);
            let (words, _) = bytes.as_chunks::<4>();
            prop_assert_eq!(node_name(words), measure(&bytes, 0, false));
        }
    }
}
