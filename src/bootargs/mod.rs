//! The kernel command line, read as the kernel reads it and rewritten without disturbing its neighbours.
//!
//! The tokenizer follows `next_arg()` and `parse_args()` of the kernel's `lib/cmdline.c` and
//! `kernel/params.c`: quotes group, the first `=` splits, and everything after a lone `--` belongs to init.

mod cma;
mod number;

pub use cma::{CmaArg, cma_of_nodes};
pub use number::memparse;

use crate::span::Span;
use alloc::vec::Vec;
use core::ops::Range;

/// The longest command line, in bytes without the terminator, that arm64 kernels keep (`COMMAND_LINE_SIZE`
/// less one); the rest is dropped silently.
pub const MAX_LEN: usize = 2047;

/// One argument of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arg<'a> {
    /// Name, without quotes.
    pub param: &'a [u8],
    /// What follows the first `=`, without quotes around it; `None` when there is no `=`.
    pub value: Option<&'a [u8]>,
    /// Where the whole argument is in the line, quotes included.
    pub range: Range<usize>,
}

/// Returns the arguments that the kernel parses, in order; stops at a lone `--`.
pub fn args(line: &[u8]) -> impl Iterator<Item = Arg<'_>> {
    let mut at = 0;
    core::iter::from_fn(move || {
        let arg = next_arg(line, at)?;
        at = arg.range.end;
        if arg.value.is_none() && arg.param == b"--" {
            at = line.len();
            return None;
        }
        Some(arg)
    })
}

/// Returns the last value given to `param`, as the kernel lets the last one win.
#[must_use]
pub fn last_value<'a>(line: &'a [u8], param: &[u8]) -> Option<&'a [u8]> {
    let [value] = last_values(line, [param]);
    value
}

/// Returns what a value says that is one of the usual words for yes or no (lib/kstrtox.c, `kstrtobool`).
pub(crate) fn boolean(value: &[u8]) -> Option<bool> {
    match value {
        b"0" | b"n" | b"N" | b"off" => Some(false),
        b"1" | b"y" | b"Y" | b"on" => Some(true),
        _ => None,
    }
}

/// Returns the last value given to each of `params`, in one pass over the line.
#[must_use]
pub fn last_values<'a, const N: usize>(line: &'a [u8], params: [&[u8]; N]) -> [Option<&'a [u8]>; N] {
    let mut values = [None; N];
    for arg in args(line).filter(|arg| arg.value.is_some()) {
        for (value, param) in values.iter_mut().zip(params) {
            if arg.param == param {
                *value = arg.value;
            }
        }
    }
    values
}

/// Returns the place that the value of a `crashkernel=` asks for. `None` where the kernel chooses it: ranges
/// of sizes, and `,high` or `,low` (Documentation/admin-guide/kdump/kdump.rst).
#[must_use]
pub fn crashkernel(value: &[u8]) -> Option<Span> {
    let (size, rest) = memparse(value);
    let [b'@', base @ ..] = rest else { return None };
    Span::new(memparse(base).0.filter(|&base| base != 0)?, size?)
}

/// Returns whether `byte` is white space to the kernel, whose `isspace()` counts the Latin-1 no-break space.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | 0xa0)
}

fn next_arg(line: &[u8], from: usize) -> Option<Arg<'_>> {
    let start = from + line.get(from..)?.iter().position(|&b| !is_space(b))?;
    let quoted = line.get(start) == Some(&b'"');
    let text = start + usize::from(quoted);
    let mut in_quote = quoted;
    let mut equals = None;
    let mut end = text;
    while let Some(&byte) = line.get(end) {
        if is_space(byte) && !in_quote {
            break;
        }
        // The kernel's "no equals yet" is offset 0, so a leading `=` never splits.
        if byte == b'=' && equals.is_none() && end > text {
            equals = Some(end);
        }
        in_quote ^= byte == b'"';
        end += 1;
    }
    let mut text_end = end;
    if quoted && text_end > text && line.get(text_end - 1) == Some(&b'"') {
        text_end -= 1;
    }
    let (param, value) = match equals {
        None => (line.get(text..text_end)?, None),
        Some(eq) => (line.get(text..eq)?, Some(unquote(line.get(eq + 1..text_end.max(eq + 1))?))),
    };
    Some(Arg { param, value, range: start..end })
}

fn unquote(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        [b'"', inner @ ..] => inner,
        other => other,
    }
}

/// Returns the effective `cma=` of a command line, or `None` when it has none with a value.
///
/// Any value counts, even an empty one: the kernel then drops the tree's default pool
/// (`early_cma()` in kernel/dma/contiguous.c).
#[must_use]
pub fn cma(line: &[u8]) -> Option<CmaArg> {
    last_value(line, b"cma").map(CmaArg::parse)
}

/// Makes `cma` the only `cma=` of the line, or removes every `cma=` for `None`.
///
/// The last `cma=` is replaced in place, and earlier ones are removed with the blank before them. A new one
/// goes to the end of what the kernel parses. Every other byte survives.
#[must_use]
pub fn with_cma(line: &[u8], cma: Option<&CmaArg>) -> Vec<u8> {
    let standing: Vec<Range<usize>> =
        args(line).filter(|arg| arg.param == b"cma" && arg.value.is_some()).map(|arg| arg.range).collect();
    let text = cma.map(CmaArg::to_bytes);
    let mut out = Vec::with_capacity(line.len() + text.as_ref().map_or(0, |t| t.len() + 1));
    let mut copied = 0;
    let keep_last = if text.is_some() { 1 } else { 0 };
    let removed = standing.len().saturating_sub(keep_last);
    for (index, range) in standing.iter().enumerate() {
        out.extend_from_slice(line.get(copied..range.start).unwrap_or_default());
        copied = range.end;
        if index >= removed {
            out.extend_from_slice(text.as_deref().unwrap_or_default());
        } else if out.last().is_some_and(|&b| is_space(b)) {
            out.pop();
        } else if line.get(copied).is_some_and(|&b| is_space(b)) {
            copied += 1;
        }
    }
    let rest = line.get(copied..).unwrap_or_default();
    match text {
        Some(text) if standing.is_empty() => {
            let parsed = args(line).last().map_or(0, |arg| arg.range.end);
            out.extend_from_slice(line.get(..parsed).unwrap_or_default());
            if parsed > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(&text);
            let tail = line.get(parsed..).unwrap_or_default();
            if tail.first().is_some_and(|&b| !is_space(b)) {
                out.push(b' ');
            }
            out.extend_from_slice(tail);
        }
        _ => out.extend_from_slice(rest),
    }
    out
}

#[cfg(test)]
mod tests;
