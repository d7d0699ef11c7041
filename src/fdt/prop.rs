//! A property: a name and bytes, and the few ways in which a device tree means them.

use super::header::{be32, be64};

/// A property of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prop<'a> {
    /// Its name, without the NUL.
    pub name: &'a str,
    /// Its value; may be empty.
    pub value: &'a [u8],
}

impl<'a> Prop<'a> {
    /// Reads the value as one word; `None` unless it has exactly 4 bytes.
    #[must_use]
    pub fn as_u32(&self) -> Option<u32> {
        if self.value.len() == 4 { be32(self.value, 0) } else { None }
    }

    /// Reads the value as one number of 4 or 8 bytes; `None` for any other length.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self.value.len() {
            4 => be32(self.value, 0).map(u64::from),
            8 => be64(self.value, 0),
            _ => None,
        }
    }

    /// Reads the first NUL-terminated string, which is all that Linux compares; `None` when no NUL ends it or
    /// it is not UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&'a str> {
        let len = self.value.iter().position(|&byte| byte == 0)?;
        core::str::from_utf8(self.value.get(..len)?).ok()
    }

    /// Reads the first string, or all of the value where no NUL ends it; `None` when it is not UTF-8. Linux
    /// compares `status`, `device_type` and `compatible` as C does, and the byte after a value is 0: of its
    /// padding, or the first one of a token.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        let len = self.value.iter().position(|&byte| byte == 0).unwrap_or(self.value.len());
        core::str::from_utf8(self.value.get(..len)?).ok()
    }

    /// Returns the strings of a string list, up to the first that is not UTF-8. The last one may lack its
    /// NUL, as in [`Prop::text`].
    pub fn strings(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut rest = self.value;
        core::iter::from_fn(move || {
            let string = Prop { name: "", value: rest }.text().filter(|_| !rest.is_empty())?;
            rest = rest.get(string.len() + 1..).unwrap_or_default();
            Some(string)
        })
    }

    /// Returns the value as big-endian words. Trailing bytes that fill no word are ignored, so check the
    /// length where it matters.
    pub fn cells(&self) -> impl ExactSizeIterator<Item = u32> + Clone + use<'a> {
        self.value.chunks_exact(4).map(|word| be32(word, 0).unwrap_or_default())
    }
}
