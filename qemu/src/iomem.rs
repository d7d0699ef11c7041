//! The state of a range of memory in Linux: `/proc/iomem`.

use anyhow::{Context, Result};
use ringfence::span::Span;
use std::fmt;

/// The entries of `/proc/iomem`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Iomem {
    top: Vec<(Span, String)>,
    nested: Vec<(Span, String)>,
}

/// What Linux made of a span of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Reserved and not System RAM: no mapping, no allocation. What a carveout must be.
    Carved,
    /// System RAM that is reserved: mapped, not allocated, except by the owner of a pool.
    Reserved,
    /// At least this many bytes of it are System RAM that anyone may get.
    Free(u64),
    /// At least a part of it is not memory to Linux, and the rest is not free.
    Absent,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Carved => f.write_str("reserved and not System RAM"),
            Self::Reserved => f.write_str("reserved, but still System RAM"),
            Self::Free(bytes) => write!(f, "System RAM that is not reserved, {} KiB of it", bytes >> 10),
            Self::Absent => f.write_str("not memory at all"),
        }
    }
}

impl Iomem {
    /// Reads the lines of `/proc/iomem`; indentation tells an entry within another.
    ///
    /// # Errors
    /// When a line is not an entry, or all addresses are zero as for a reader without the privilege.
    pub(crate) fn parse(lines: &[String]) -> Result<Self> {
        let mut map = Self::default();
        for line in lines.iter().filter(|line| !line.trim().is_empty()) {
            let (span, what) = entry(line.trim()).with_context(|| format!("no iomem entry: `{line}`"))?;
            let entries = if line.starts_with(' ') { &mut map.nested } else { &mut map.top };
            entries.push((span, what.to_owned()));
        }
        if map.top.iter().all(|(span, _)| span.end() <= 1) {
            anyhow::bail!("iomem shows no addresses");
        }
        Ok(map)
    }

    /// Returns what Linux counts as System RAM, reserved or not.
    pub(crate) fn ram(&self) -> impl Iterator<Item = Span> {
        self.named(&self.top, "System RAM")
    }

    /// Tells what Linux made of a span.
    pub(crate) fn state(&self, span: Span) -> State {
        let carved = covered(span, self.named(&self.top, "reserved"));
        if carved == span.len() {
            return State::Carved;
        }
        // No two entries of one level overlap, so what they cover adds up.
        let ram: Vec<Span> =
            self.named(&self.top, "System RAM").filter_map(|ram| ram.intersection(span)).collect();
        let ram_bytes: u64 = ram.iter().map(|span| span.len()).sum();
        let held: u64 = ram.iter().map(|ram| covered(*ram, self.named(&self.nested, "reserved"))).sum();
        if held < ram_bytes {
            State::Free(ram_bytes - held)
        } else if ram_bytes + carved == span.len() {
            State::Reserved
        } else {
            State::Absent
        }
    }

    fn named<'m>(&self, entries: &'m [(Span, String)], name: &'m str) -> impl Iterator<Item = Span> + 'm {
        entries.iter().filter(move |(_, what)| what == name).map(|(span, _)| *span)
    }
}

fn covered(span: Span, by: impl Iterator<Item = Span>) -> u64 {
    by.filter_map(|other| other.intersection(span)).map(Span::len).sum()
}

fn entry(line: &str) -> Option<(Span, &str)> {
    let (range, what) = line.split_once(" : ")?;
    let (first, last) = range.split_once('-')?;
    let first = u64::from_str_radix(first, 16).ok()?;
    let last = u64::from_str_radix(last, 16).ok()?;
    Some((Span::from_ends(first, last.checked_add(1)?)?, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> Iomem {
        let text = "09000000-09000fff : pl011@9000000\n40000000-817fffff : System RAM\n  \
                    40200000-41a7ffff : Kernel code\n  48000000-480f1fff : reserved\n\
                    81800000-835fffff : reserved\n83600000-842fffff : System RAM\n\
                    84300000-888fffff : reserved\n";
        Iomem::parse(&text.lines().map(str::to_owned).collect::<Vec<_>>()).unwrap()
    }

    fn state(base: u64, end: u64) -> State {
        map().state(Span::from_ends(base, end).unwrap())
    }

    #[test]
    fn a_carveout_is_reserved_and_outside_of_system_ram() {
        assert_eq!(state(0x8180_0000, 0x8360_0000), State::Carved);
        assert_eq!(state(0x8430_0000, 0x8480_0000), State::Carved);
    }

    #[test]
    fn one_free_page_is_enough_to_fail() {
        assert_eq!(state(0x8180_0000, 0x8360_1000), State::Free(0x1000));
        assert_eq!(state(0x7000_0000, 0x7100_0000), State::Free(0x100_0000));
    }

    #[test]
    fn reserved_inside_system_ram_is_not_a_carveout() {
        assert_eq!(state(0x4800_0000, 0x480f_2000), State::Reserved);
    }

    #[test]
    fn what_is_no_memory_is_absent() {
        assert_eq!(state(0x8890_0000, 0x8900_0000), State::Absent);
        assert_eq!(state(0x8800_0000, 0x8900_0000), State::Absent);
    }

    #[test]
    fn a_map_without_addresses_is_refused() {
        assert!(Iomem::parse(&["00000000-00000000 : System RAM".into()]).is_err());
        assert!(Iomem::parse(&["nonsense".into()]).is_err());
    }
}
