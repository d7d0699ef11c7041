//! The words of the structure block, one after the other, bounded by its end.

use super::header::be32;
use super::{FdtError, MAX_NAME, NameFault};

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
                let len = node_name(self.bytes, name).map_err(|fault| match fault {
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

    fn word(&self, at: usize, token: usize) -> Result<u32, FdtError> {
        be32(self.bytes, at).ok_or(FdtError::StructTruncated { offset: token })
    }

    /// Pass over `len` bytes and the padding to the next word.
    fn skip(&mut self, len: usize, token: usize) -> Result<(), FdtError> {
        match len.checked_next_multiple_of(4).and_then(|padded| self.at.checked_add(padded)) {
            Some(end) if end <= self.bytes.len() => {
                self.at = end;
                Ok(())
            }
            _ => Err(FdtError::StructTruncated { offset: token }),
        }
    }
}

/// Measure the NUL-terminated name at `at`, which must be printable ASCII; it may be empty.
pub(super) fn measure(bytes: &[u8], at: usize) -> Result<usize, NameFault> {
    let rest = bytes.get(at..).ok_or(NameFault::Outside)?;
    for (len, &byte) in rest.iter().take(MAX_NAME + 1).enumerate() {
        if !byte.is_ascii_graphic() {
            return if byte == 0 { Ok(len) } else { Err(NameFault::NotPrintable) };
        }
    }
    Err(if rest.len() > MAX_NAME { NameFault::TooLong } else { NameFault::Unterminated })
}

fn node_name(bytes: &[u8], at: usize) -> Result<usize, NameFault> {
    let len = measure(bytes, at)?;
    if bytes.get(at..at + len).is_some_and(|name| name.contains(&b'/')) {
        return Err(NameFault::Slash);
    }
    Ok(len)
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
