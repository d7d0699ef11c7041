//! Reads `reg`-like properties: tuples of cells, as spans.

use crate::fdt::{Node, Tree};
use crate::span::Span;
use alloc::vec::Vec;
use core::fmt;

/// How many 32-bit cells an address and a size take (Devicetree Specification 2.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cells {
    /// `#address-cells`
    pub address: u32,
    /// `#size-cells`
    pub size: u32,
}

/// Why a `reg`-like property cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegError {
    /// The length is not a multiple of one tuple.
    Length {
        /// Length of the property, in bytes.
        len: usize,
        /// Length of one tuple, in bytes.
        tuple: usize,
    },
    /// The property is there but empty.
    Empty,
    /// A tuple of size 0.
    ZeroSize {
        /// Base address of the tuple.
        base: u64,
    },
    /// Base plus size, or one of them, does not fit 64 bits.
    Wraps {
        /// Base address of the tuple, its low 64 bits.
        base: u64,
    },
    /// The cells are ones that Linux cannot use for memory.
    Cells(Cells),
}

impl fmt::Display for RegError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { len, tuple } => {
                write!(f, "is {len} bytes long, which is not a multiple of its {tuple}-byte tuples")
            }
            Self::Empty => f.write_str("is empty"),
            Self::ZeroSize { base } => write!(f, "has size 0 at {base:#x}"),
            Self::Wraps { base } => write!(f, "ends beyond the 64-bit address space (base {base:#x})"),
            Self::Cells(c) => write!(f, "cannot be read with {}/{} cells", c.address, c.size),
        }
    }
}

impl Cells {
    /// The default of Linux for a root without cells (drivers/of/fdt.c, `early_init_dt_scan_root`).
    pub const LINUX_DEFAULT: Self = Self { address: 1, size: 1 };

    /// Returns the root's cells as Linux reads them.
    pub(super) fn of_root(tree: &Tree<'_>) -> Self {
        let root = tree.root();
        let get = |name| root.prop(name).and_then(|p| p.as_u32());
        Self {
            address: get("#address-cells").unwrap_or(Self::LINUX_DEFAULT.address),
            size: get("#size-cells").unwrap_or(Self::LINUX_DEFAULT.size),
        }
    }

    /// Returns the cells that `node` itself declares.
    pub(crate) fn declared(node: Node<'_, '_>) -> (Option<u32>, Option<u32>) {
        let get = |name| node.prop(name).and_then(|p| p.as_u32());
        (get("#address-cells"), get("#size-cells"))
    }

    /// Returns the bytes in one tuple.
    #[must_use]
    pub const fn tuple_len(self) -> usize {
        self.address.saturating_add(self.size).saturating_mul(4) as usize
    }

    /// Returns whether these cells can express addresses and sizes of memory: one or two cells each.
    #[must_use]
    pub const fn usable(self) -> bool {
        matches!(self.address, 1 | 2) && matches!(self.size, 1 | 2)
    }

    /// Reads every `(base, size)` tuple of `value`.
    pub fn tuples(self, value: &[u8]) -> Result<Vec<(u64, u64)>, RegError> {
        if !self.usable() {
            return Err(RegError::Cells(self));
        }
        if value.is_empty() {
            return Err(RegError::Empty);
        }
        let tuple = self.tuple_len();
        if !value.len().is_multiple_of(tuple) {
            return Err(RegError::Length { len: value.len(), tuple });
        }
        let number = |words: &[[u8; 4]]| {
            words.iter().fold(0, |n, word| n << 32 | u64::from(u32::from_be_bytes(*word)))
        };
        let split = self.address as usize;
        let (words, _) = value.as_chunks();
        let tuples = words.chunks_exact(tuple / 4).filter_map(|tuple| tuple.split_at_checked(split));
        Ok(tuples.map(|(base, size)| (number(base), number(size))).collect())
    }

    /// Reads every tuple of `value` as a span. An empty or wrapping tuple is an error.
    pub fn spans(self, value: &[u8]) -> Result<Vec<Span>, RegError> {
        self.tuples(value)?
            .into_iter()
            .map(|(base, size)| match size {
                0 => Err(RegError::ZeroSize { base }),
                _ => Span::new(base, size).ok_or(RegError::Wraps { base }),
            })
            .collect()
    }

    /// Reads the one tuple of a `value` that does not fit these cells. It takes the cells with which its base
    /// is `unit`, the unit address. One-cell and two-cell addresses never read alike, so the answer is
    /// unambiguous. Firmware that assumes 2/1 cells writes such a tuple under a root of 2/2.
    #[must_use]
    pub fn decode_by_unit_address(self, value: &[u8], unit: u64) -> Option<Span> {
        for address in [1, 2] {
            let size = (value.len() as u32 / 4).wrapping_sub(address);
            if let Ok([span]) = (Self { address, size }).spans(value).as_deref()
                && span.base() == unit
            {
                return Some(*span);
            }
        }
        None
    }

    /// Writes one `(base, size)` tuple, or `None` when a number does not fit its cells, or they are not
    /// usable: a tree may declare four thousand million of them.
    #[must_use]
    pub fn encode(self, base: u64, size: u64) -> Option<Vec<u8>> {
        if !self.usable() {
            return None;
        }
        let mut out = Vec::with_capacity(self.tuple_len());
        for (number, cells) in [(base, self.address), (size, self.size)] {
            match cells {
                1 => out.extend_from_slice(&u32::try_from(number).ok()?.to_be_bytes()),
                2 => out.extend_from_slice(&number.to_be_bytes()),
                _ => return None,
            }
        }
        Some(out)
    }

    /// Writes one span as a tuple, or `None` when it does not fit the cells.
    #[must_use]
    pub fn encode_span(self, span: Span) -> Option<Vec<u8>> {
        self.encode(span.base(), span.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_no_tree_may_have_ask_for_no_memory() {
        for (address, size) in [(u32::MAX, 2), (2, u32::MAX), (0, 1), (3, 1)] {
            let cells = Cells { address, size };
            assert_eq!(cells.encode(0x4000_0000, 0x1000), None);
            assert!(cells.tuples(&[0; 64]).is_err());
        }
    }

    #[test]
    fn tuples_of_any_usable_cells_read_back() {
        for (address, size) in [(1, 1), (2, 1), (1, 2), (2, 2)] {
            let cells = Cells { address, size };
            let value = cells.encode(0x8430_0000, 0x50_0000).unwrap();
            assert_eq!(cells.tuples(&value), Ok(alloc::vec![(0x8430_0000, 0x50_0000)]));
        }
        assert_eq!(Cells { address: 1, size: 1 }.encode(1 << 32, 1), None);
    }

    #[test]
    fn a_tuple_in_other_cells_is_known_by_its_unit_address() {
        let cells = Cells { address: 2, size: 2 };
        let camera = Span::new(0x8430_0000, 0x50_0000);
        for (address, size) in [(2, 1), (1, 2), (1, 1)] {
            let value = Cells { address, size }.encode(0x8430_0000, 0x50_0000).unwrap();
            assert_eq!(cells.decode_by_unit_address(&value, 0x8430_0000), camera);
            assert_eq!(cells.decode_by_unit_address(&value, 0x8430_0001), None);
        }
        assert_eq!(cells.decode_by_unit_address(&[0; 12], 0), None);
    }

    #[test]
    fn a_bad_reg_says_what_is_bad() {
        let cells = Cells { address: 2, size: 2 };
        assert_eq!(cells.spans(&[0; 12]), Err(RegError::Length { len: 12, tuple: 16 }));
        assert_eq!(cells.spans(&[]), Err(RegError::Empty));
        assert_eq!(cells.spans(&[0; 16]), Err(RegError::ZeroSize { base: 0 }));
        assert_eq!(cells.spans(&[0xff; 16]), Err(RegError::Wraps { base: u64::MAX }));
        let wide = Cells { address: 3, size: u32::MAX };
        assert_eq!(wide.spans(&[0; 16]), Err(RegError::Cells(wide)));
    }
}
