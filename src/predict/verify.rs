//! Compares a captured boot with a prediction.
//!
//! The map decides, not the log: a kernel prints `nomap` for regions that it has just refused. Each region is
//! looked up in `/proc/iomem`, if given, and the log is compared line by line.

use super::boot_log::BootLog;
use super::{DefaultCma, Prediction, RegionOutcome, State};
use crate::ledger::subtract;
use crate::ledger::{self, Coverage};
use crate::span::{MIB, Span};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// The captured output of a boot.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'o> {
    /// The kernel's log.
    pub log: &'o BootLog<'o>,
    /// `/proc/iomem` as root reads it.
    pub iomem: Option<&'o str>,
}

/// A difference between a boot and its prediction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Predicted to be out of Linux' reach, but ordinary or mapped RAM: the region, and the bytes.
    Exposed(String, Span),
    /// Predicted to be withheld from the page allocator, but not reserved: the region, and the bytes.
    Unreserved(String, Span),
    /// Predicted to be free, but not RAM to Linux: the region, and the bytes.
    Withheld(String, Span),
    /// Predicted, but not printed.
    Missing(String),
    /// Predicted, but not in a log that was cut: whether its start is missing, else its end.
    Cut(String, bool),
    /// Printed, but not predicted.
    Unexpected(String),
    /// A watched carveout was accessed: the sentinel's line.
    Touched(String),
    /// The log has no line about reserved memory at all.
    SilentLog,
    /// `/proc/iomem` was read without the right to see addresses.
    BlindIomem,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exposed(name, span) => write!(f, "{name}: {span} should be unmapped, but is System RAM"),
            Self::Unreserved(name, span) => write!(f, "{name}: {span} should be reserved, but is free"),
            Self::Withheld(name, span) => write!(f, "{name}: {span} should be free, but is not System RAM"),
            Self::Missing(line) => write!(f, "not printed: {line}"),
            Self::Cut(line, true) => write!(f, "not in the log, which lacks the start of the boot: {line}"),
            Self::Cut(line, false) => write!(f, "not in the log, which ends before the command line: {line}"),
            Self::Unexpected(line) => write!(f, "not predicted: {line}"),
            Self::Touched(line) => write!(f, "the sentinel reported: {line}"),
            Self::SilentLog => f.write_str(
                "the log has no line about reserved memory: boot without `quiet`, or capture `dmesg`",
            ),
            Self::BlindIomem => f.write_str("/proc/iomem shows no addresses: read it as root"),
        }
    }
}

/// Returns every difference between a prediction and a boot.
#[must_use]
pub fn verify(prediction: &Prediction, observed: &Observed<'_>) -> Vec<Difference> {
    let mut out = Vec::new();
    if let Some(text) = observed.iomem {
        match Iomem::read(text) {
            Some(iomem) => prediction.regions.iter().for_each(|outcome| compare(outcome, &iomem, &mut out)),
            None => out.push(Difference::BlindIomem),
        }
    }
    compare_log(prediction, observed.log, &mut out);
    out.extend(observed.log.accesses().map(|line| Difference::Touched(line.to_string())));
    out
}

/// The RAM in `/proc/iomem`.
struct Iomem {
    /// RAM that Linux maps.
    ram: Vec<Span>,
    /// The part of it that the page allocator never had.
    reserved: Vec<Span>,
}

impl Iomem {
    /// Reads the file; `None` when it hides its addresses. Top-level `reserved` entries are not mapped
    /// and need no entry here.
    fn read(text: &str) -> Option<Self> {
        let (mut ram, mut reserved) = (Vec::new(), Vec::new());
        for line in text.lines() {
            let Some((range, name)) = line.split_once(" : ") else { continue };
            let Some((start, end)) = range.trim().split_once('-') else { continue };
            let number = |text| u64::from_str_radix(text, 16).ok();
            let (Some(start), Some(end)) = (number(start), number(end)) else { continue };
            let Some(span) = Span::from_ends(start, end.saturating_add(1)) else { continue };
            let nested = range.starts_with(' ');
            match name.trim() {
                "System RAM" if !nested => ram.push(span),
                "reserved" | "Kernel code" | "Kernel data" if nested => reserved.push(span),
                _ => {}
            }
        }
        let hidden = ram.iter().all(|span| span.end() == 1);
        (!hidden).then(|| Self { ram: ledger::union(ram), reserved: ledger::union(reserved) })
    }
}

fn compare(outcome: &RegionOutcome, iomem: &Iomem, out: &mut Vec<Difference>) {
    let Some(span) = outcome.span.filter(|_| outcome.ram > 0) else { return };
    let mapped = || iomem.ram.iter().filter_map(|ram| ram.intersection(span)).collect::<Vec<_>>();
    match outcome.state {
        State::NoMap | State::Removed | State::Coherent if outcome.no_map == outcome.ram => {
            out.extend(mapped().first().map(|&span| Difference::Exposed(outcome.name.clone(), span)));
        }
        State::Reserved | State::Cma | State::Coherent => {
            let bare = subtract(&mapped(), &iomem.reserved);
            out.extend(bare.first().map(|&span| Difference::Unreserved(outcome.name.clone(), span)));
        }
        State::Free if ledger::coverage(&iomem.ram, span) == Coverage::None => {
            out.push(Difference::Withheld(outcome.name.clone(), span));
        }
        State::NoMap | State::Removed | State::Free | State::Absent => {}
    }
}

fn compare_log(prediction: &Prediction, log: &BootLog<'_>, out: &mut Vec<Difference>) {
    let mut seen: Vec<&str> = log.topical().collect();
    if seen.is_empty() && !prediction.log.is_empty() && !log.lacks_start() && !log.lacks_end() {
        out.push(Difference::SilentLog);
        return;
    }
    let missing = |line: String| match (log.lacks_start(), log.lacks_end()) {
        (false, false) => Difference::Missing(line),
        (start, _) => Difference::Cut(line, start),
    };
    let default = match prediction.cma {
        DefaultCma::Somewhere { shown, .. } => Some(shown),
        DefaultCma::At(_) | DefaultCma::None => None,
    };
    let of_nodes = prediction.node_pools.iter().filter(|pool| pool.span.is_none()).map(|pool| pool.shown);
    for shown in default.into_iter().chain(of_nodes) {
        let about = format!("cma: Reserved {} MiB at ", shown / MIB);
        let known = |line: &str| prediction.log.iter().any(|predicted| predicted == line);
        match seen.iter().position(|line| line.starts_with(&about) && !known(line)) {
            Some(at) => drop(seen.remove(at)),
            None => out.push(missing(format!("{about}(any address)"))),
        }
    }
    let predicted: Vec<&str> = prediction.log.iter().map(String::as_str).collect();
    out.extend(beyond(&predicted, &seen).into_iter().map(|line| missing(line.to_string())));
    out.extend(beyond(&seen, &predicted).into_iter().map(|line| Difference::Unexpected(line.to_string())));
}

/// Returns the lines that are more often in the one list than in the other.
fn beyond<'l>(lines: &[&'l str], others: &[&'l str]) -> Vec<&'l str> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    others.iter().for_each(|line| *left.entry(line).or_default() += 1);
    let mut more = lines.to_vec();
    more.retain(|line| match left.get_mut(line) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sentinel_saw_is_a_difference() {
        let text = "Linux version 6.12.95\r\nringfence: sentinel: EL0 read of carveout camera at 0x84300000, \
                    PC 0x0\r\nringfence: sentinel: watches camera\nKernel command line: quiet\n";
        let log = BootLog::of(text);
        let seen: Vec<&str> = log.accesses().collect();
        assert_eq!(seen, ["EL0 read of carveout camera at 0x84300000, PC 0x0"]);
        let difference = Difference::Touched(seen.concat()).to_string();
        assert!(difference.starts_with("the sentinel reported: EL0 read"), "{difference}");
    }

    #[test]
    fn iomem_without_rights_shows_nothing() {
        assert!(Iomem::read("00000000-00000000 : System RAM\n").is_none());
        let iomem = Iomem::read("40000000-4fffffff : System RAM\n  40200000-402fffff : reserved\n").unwrap();
        assert_eq!(iomem.reserved.first().map(|span| span.base()), Some(0x4020_0000));
    }
}
