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

/// A word of the structure block: a `u32` where the blob lies on a multiple of 4, as every blob that boots
/// does, else bytes. A CPU that may not read unaligned needs seven instructions more for each of those.
pub(super) trait Word: Copy {
    /// Returns the big-endian number.
    fn number(self) -> u32;
    /// Returns how many bytes are before the first NUL, or `None` where there is none.
    fn first_nul(self) -> Option<usize>;
    /// Returns words as the bytes that they are.
    fn bytes(words: &[Self]) -> &[u8];
}

impl Word for u32 {
    #[inline(always)]
    fn number(self) -> u32 {
        Self::from_be(self)
    }

    #[inline(always)]
    fn first_nul(self) -> Option<usize> {
        // The lowest bit that this leaves is in the first byte that is 0: a borrow only reaches bytes above.
        let word = Self::from_le(self);
        let zeros = word.wrapping_sub(0x0101_0101) & !word & 0x8080_8080;
        (zeros != 0).then_some(zeros.trailing_zeros() as usize / 8)
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
    fn first_nul(self) -> Option<usize> {
        self.iter().position(|&byte| byte == 0)
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
    /// Names have been checked before, so only their ends are searched for.
    checked: bool,
}

impl<'a, W: Word> Tokens<'a, W> {
    /// Starts at offset `at` of a blob, whose `words` end where the structure block ends; `at` is a multiple
    /// of 4. `checked` states that an earlier walk came to the end.
    pub(super) fn new(words: &'a [W], at: usize, checked: bool) -> Self {
        Self { rest: words.get(at / 4..).unwrap_or_default(), end: words.len(), nops: None, checked }
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
    // Most of the time of reading a tree is spent here, in two loops: a call for each token would cost as
    // much.
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
                let found =
                    if self.checked { find_end(self.rest) } else { measure(W::bytes(self.rest), 0, false) };
                let len = match found {
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

/// Finds the length of a name that is known to be good: the first NUL, a word at a time.
fn find_end<W: Word>(words: &[W]) -> Result<usize, NameFault> {
    let mut len = 0;
    for word in words {
        match word.first_nul() {
            Some(bytes) => return Ok(len + bytes),
            None => len += 4,
        }
    }
    Err(NameFault::Unterminated)
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
    let mut run = 0;
    let good = strings.iter().all(|&byte| {
        run = if byte == 0 { 0 } else { run + 1 };
        run <= MAX_NAME && (byte == 0 || byte.is_ascii_graphic())
    });
    good && run == 0
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
