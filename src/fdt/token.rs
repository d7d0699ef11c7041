//! The words of the structure block, one after the other, bounded by its end.

use super::header::be32;
use super::{FdtError, MAX_NAME, NameFault};
use crate::span::align_up;

pub(super) const BEGIN_NODE: u32 = 1;
pub(super) const END_NODE: u32 = 2;
pub(super) const PROP: u32 = 3;
pub(super) const NOP: u32 = 4;
pub(super) const END: u32 = 9;

/// One token with what belongs to it. Offsets count bytes from the start of the blob.
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

/// Walks the tokens, passing over NOPs.
#[derive(Clone, Copy)]
pub(super) struct Tokens<'a> {
    /// The blob up to the end of its structure block.
    bytes: &'a [u8],
    /// Where the next word is read.
    at: usize,
    /// NOPs passed so far.
    nops: u32,
}

impl<'a> Tokens<'a> {
    /// Start at offset `at` of `bytes`, which end where the structure block ends.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, nops: 0 }
    }

    /// Offset of the byte behind the last token.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// NOPs passed so far.
    pub(super) fn nops(&self) -> u32 {
        self.nops
    }

    /// Read the next token that is no NOP, with the offset at which it stands. Advances by at least 4 bytes or
    /// fails, so a walk ends.
    #[inline]
    pub(super) fn next(&mut self) -> Result<(usize, Token), FdtError> {
        let mut offset = self.at;
        let mut word = self.word(offset, offset)?;
        while word == NOP {
            self.nops += 1;
            offset += 4;
            word = self.word(offset, offset)?;
        }
        self.at = offset + 4;
        let token = match word {
            BEGIN_NODE => {
                let name = self.at;
                let len = measure(self.bytes, name, false).map_err(|fault| match fault {
                    NameFault::Unterminated => FdtError::StructTruncated { offset },
                    fault => FdtError::BadNodeName { offset: name, fault },
                })?;
                self.skip(len + 1, offset)?;
                Token::Begin { name: name as u32, len: len as u32 }
            }
            END_NODE => Token::EndNode,
            PROP => {
                let len = self.word(offset + 4, offset)?;
                let name = self.word(offset + 8, offset)?;
                self.at = offset + 12;
                let value = self.at as u32;
                self.skip(len as usize, offset)?;
                Token::Prop { name, value, len }
            }
            END => Token::End,
            token => return Err(FdtError::BadToken { offset, token }),
        };
        Ok((offset, token))
    }

    #[inline]
    fn word(&self, at: usize, token: usize) -> Result<u32, FdtError> {
        // Made only when needed: an error that is dropped costs more than reading the word.
        let Some(word) = be32(self.bytes, at) else {
            return Err(FdtError::StructTruncated { offset: token });
        };
        Ok(word)
    }

    /// Pass over `len` bytes and the padding to the next word.
    fn skip(&mut self, len: usize, token: usize) -> Result<(), FdtError> {
        match align_up(self.at as u64 + len as u64, 4).map(|end| end as usize) {
            Some(end) if end <= self.bytes.len() => {
                self.at = end;
                Ok(())
            }
            _ => Err(FdtError::StructTruncated { offset: token }),
        }
    }
}

/// Measure the NUL-terminated name at `at`, which must be printable ASCII; it may be empty. `slash` tells whether
/// it may hold a `/`.
pub(super) fn measure(bytes: &[u8], at: usize, slash: bool) -> Result<usize, NameFault> {
    let rest = bytes.get(at..).ok_or(NameFault::Outside)?;
    let window = rest.get(..MAX_NAME + 1).unwrap_or(rest);
    let len = window.iter().position(|&byte| !byte.is_ascii_graphic() || (byte == b'/' && !slash));
    match len.and_then(|len| Some((len, window.get(len)?))) {
        Some((len, 0)) => Ok(len),
        Some((_, b'/')) => Err(NameFault::Slash),
        Some(_) => Err(NameFault::NotPrintable),
        None if rest.len() > MAX_NAME => Err(NameFault::TooLong),
        None => Err(NameFault::Unterminated),
    }
}

/// Tell whether a name can start anywhere in a strings block, other than at a NUL: one scan in place of one for
/// each property.
pub(super) fn all_names(strings: &[u8]) -> bool {
    let mut run = 0;
    let good = strings.iter().all(|&byte| {
        run = if byte == 0 { 0 } else { run + 1 };
        run <= MAX_NAME && (byte == 0 || byte.is_ascii_graphic())
    });
    good && run == 0
}

/// Check a name that is to be written; `slash` tells whether it may hold a `/`.
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
