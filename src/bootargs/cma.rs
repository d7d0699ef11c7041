//! The `cma=` argument: `cma=SIZE[@BASE[-LIMIT]]` (kernel/dma/contiguous.c, `early_cma()`).

use super::{args, memparse};
use crate::span::{KIB, MIB, Span};
use alloc::format;
use alloc::vec::Vec;

/// What a `cma=` argument asks for. A number too large for 64 bits reads as the largest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CmaArg {
    /// Bytes wanted; 0 turns CMA off.
    pub size: u64,
    /// First address wanted, when `@BASE` is there.
    pub base: Option<u64>,
    /// End (exclusive) of the window to place it in, when `-LIMIT` is there.
    pub limit: Option<u64>,
}

impl CmaArg {
    /// Reads the value of a `cma=`. Total: garbage reads as 0, as in the kernel.
    #[must_use]
    pub fn parse(value: &[u8]) -> Self {
        let (size, rest) = memparse(value);
        let mut arg = Self { size: size.unwrap_or(u64::MAX), base: None, limit: None };
        if let [b'@', rest @ ..] = rest {
            let (base, rest) = memparse(rest);
            arg.base = Some(base.unwrap_or(u64::MAX));
            if let [b'-', rest @ ..] = rest {
                arg.limit = Some(memparse(rest).0.unwrap_or(u64::MAX));
            }
        }
        arg
    }

    /// Asks for exactly `span`.
    #[must_use]
    pub const fn at(span: Span) -> Self {
        Self { size: span.len(), base: Some(span.base()), limit: None }
    }

    /// Returns the place that is asked for, when it is one fixed place: a non-zero base, and no window wider
    /// than the size. Base 0 leaves the choice to the kernel (`dma_contiguous_reserve_area()`).
    #[must_use]
    pub fn fixed(&self) -> Option<Span> {
        let span = Span::new(self.base.filter(|&base| base != 0)?, self.size)?;
        match self.limit {
            None => Some(span),
            Some(limit) if limit == span.end() => Some(span),
            Some(_) => None,
        }
    }

    /// Returns the argument as text, `cma=64M@0xf8000000`, with the size in the largest unit that states it
    /// exactly.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (size, unit) = match self.size {
            0 => (0, ""),
            n if n % MIB == 0 => (n / MIB, "M"),
            n if n % KIB == 0 => (n / KIB, "K"),
            n => (n, ""),
        };
        let mut text = format!("cma={size}{unit}");
        if let Some(base) = self.base {
            text += &format!("@{base:#x}");
            if let Some(limit) = self.limit {
                text += &format!("-{limit:#x}");
            }
        }
        text.into_bytes()
    }
}

/// Returns the pools of NUMA nodes that `numa_cma=NODE:SIZE,…` asks for, as numbers of nodes and bytes; of
/// one node the last counts. `None` where there is no such argument (kernel/dma/contiguous.c,
/// `early_numa_cma()`).
#[must_use]
pub fn cma_of_nodes(line: &[u8]) -> Option<Vec<(u32, u64)>> {
    let mut pools = None;
    for value in args(line).filter(|arg| arg.param == b"numa_cma").filter_map(|arg| arg.value) {
        let pools = pools.get_or_insert_with(Vec::new);
        for pair in value.split(|&byte| byte == b',') {
            // The kernel stops at what is not a pair.
            let Some(colon) = pair.iter().position(|&byte| byte == b':') else { break };
            let (node, size) = pair.split_at(colon);
            let digits = core::str::from_utf8(node).ok().and_then(|node| node.parse().ok());
            let Some(node) = digits else { break };
            let (size, rest) = memparse(size.get(1..).unwrap_or_default());
            pools.push((node, size.unwrap_or(u64::MAX)));
            if !rest.is_empty() {
                break;
            }
        }
    }
    pools
}
