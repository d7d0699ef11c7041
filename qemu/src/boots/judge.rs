//! Compares Linux's memory map, from four sources, with the plan.

use crate::iomem::{Iomem, State as InIomem};
use crate::transcript::{Ending, Transcript};
use crate::{assertions, reserved_nodes};
use anyhow::{Context, Result, ensure};
use ringfence::claims::ClaimKind;
use ringfence::facts::BootFacts;
use ringfence::fdt::Tree;
use ringfence::pipeline::{self, Surveyed};
use ringfence::predict::{BootLog, Observed, Prediction, RegionOutcome, State, predict, verify};
use ringfence::profile::KernelProfile;
use ringfence::span::Span;
use ringfence::survey::{Extent, Region};

/// What is expected of a boot.
pub(super) struct Plan {
    prediction: Prediction,
    /// Whether every `reg` of a region can be read.
    is_readable: bool,
    /// The kernel, which gives the memory of its start to everyone, whatever region that is in.
    kernel: Option<Span>,
}

impl Plan {
    /// Predicts what a kernel does with a tree.
    ///
    /// # Errors
    /// When the tree cannot be read.
    pub(super) fn of(dtb: &[u8], facts: &BootFacts, profile: &KernelProfile) -> Result<Self> {
        let tree = Tree::parse(dtb).map_err(|error| anyhow::anyhow!("{error}"))?;
        let surveyed = Surveyed::of(tree, pipeline::Context { policy: None, profile, facts });
        let is_malformed = |region: &Region| matches!(region.extent, Extent::Malformed { .. });
        let is_readable = !surveyed.analysis().map.regions.iter().any(is_malformed);
        let kernel = surveyed.analysis().span_of(ClaimKind::Kernel);
        Ok(Self { prediction: predict(surveyed.analysis()), is_readable, kernel })
    }

    /// Tells whether the kernel is to die of the tree.
    pub(super) fn dies(&self) -> bool {
        self.prediction.panic.is_some()
    }

    /// Compares a boot with the prediction and with the requirements of the policy.
    ///
    /// # Errors
    /// Naming the first thing that is not as planned.
    pub(super) fn judge(&self, transcript: &Transcript, required: &[(u64, u64)]) -> Result<String> {
        if let Some(why) = self.prediction.panic {
            return self.judge_death(transcript, why);
        }
        assertions::came_up(transcript)?;
        let iomem = Iomem::parse(transcript.section("iomem"))?;
        for &(base, size) in required {
            let span = Span::new(base, size).context("an empty requirement")?;
            // Beyond the end that `mem=` sets, nothing is Linux' to use.
            let limited = transcript.section("cmdline").iter().any(|line| line.contains(" mem="));
            if !(limited && iomem.state(span) == InIomem::Absent) {
                assertions::carved(&iomem, "a required carveout", span)?;
            }
        }
        let memory = entries(transcript.section("memblock-memory"));
        let reserved = entries(transcript.section("memblock-reserved"));
        ensure!(!memory.is_empty() && !reserved.is_empty(), "debugfs shows no memblock");
        for outcome in &self.prediction.regions {
            let is_over_kernel = outcome.span.zip(self.kernel).is_some_and(|(span, at)| span.overlaps(at));
            if !is_over_kernel {
                region(outcome, &iomem, &memory, &reserved)?;
            }
        }
        // The tree that Linux itself shows: no region may have been lost on the way.
        let shown = reserved_nodes::regions(transcript.section("reserved-memory"));
        for region in if self.is_readable { shown? } else { shown.unwrap_or_default() } {
            for span in region.spans.iter().filter(|_| region.no_map && region.is_enabled()) {
                let planned = self.prediction.regions.iter().any(|outcome| outcome.span == Some(*span));
                ensure!(
                    planned,
                    "{}: {span} is in the tree that Linux has, but was not planned",
                    region.name
                );
            }
        }
        let total = assertions::cma_total(transcript)?;
        ensure!(
            total == self.prediction.cma_total,
            "CmaTotal is {} KiB, predicted were {} KiB",
            total >> 10,
            self.prediction.cma_total >> 10
        );
        self.compare(transcript, Some(&transcript.section("iomem").join("\n")))?;
        let count = |state| self.prediction.regions.iter().filter(|outcome| outcome.state == state).count();
        Ok(format!(
            "{} nomap, {} reserved, {} pools, CmaTotal {} MiB",
            count(State::NoMap),
            count(State::Reserved),
            count(State::Cma) + count(State::Coherent),
            total >> 20
        ))
    }

    /// Fails unless the kernel died, with the predicted lines before, if it had a console.
    fn judge_death(&self, transcript: &Transcript, why: &str) -> Result<String> {
        ensure!(!transcript.linux_came_up(), "Linux came up, where it was to die of: {why}");
        let ending = &transcript.ending;
        ensure!(!matches!(ending, Ending::Failed(_)), "{ending}: {}", transcript.complaints);
        let printed = transcript.lines.iter().any(|line| line.contains("Booting Linux"));
        if printed {
            self.compare(transcript, None)?;
        }
        Ok(format!("dies{}: {why}", if printed { "" } else { " in silence" }))
    }

    /// Fails unless the kernel's log and memory map are the predicted ones.
    fn compare(&self, transcript: &Transcript, iomem: Option<&str>) -> Result<()> {
        let log = transcript.lines.join("\n");
        let log = BootLog::of(&log);
        let differences = verify(&self.prediction, &Observed { log: &log, iomem });
        let words: Vec<String> = differences.iter().map(ToString::to_string).collect();
        ensure!(differences.is_empty(), "{}", words.join("; "));
        Ok(())
    }
}

/// The smallest page.
const PAGE: u64 = 4 << 10;

/// Fails unless a region became in iomem and in memblock what was planned.
fn region(outcome: &RegionOutcome, iomem: &Iomem, memory: &[Entry], reserved: &[Entry]) -> Result<()> {
    let Some(span) = outcome.span.filter(|span| outcome.ram == span.len()) else { return Ok(()) };
    // Where other memory ends inside a page, iomem does not show that page, and in 5.10 none of a
    // carveout either.
    let whole = span.inward(PAGE);
    let found = iomem.state(whole.unwrap_or(span));
    match outcome.state {
        State::NoMap => {
            let is_unmapped = found == InIomem::Carved || (whole.is_none() && found == InIomem::Absent);
            ensure!(is_unmapped, "{}: {span} was to be unmapped, but is {found}", outcome.name);
            let bare = memory.iter().find(|entry| entry.lacks("NOMAP") && entry.span.overlaps(span));
            ensure!(bare.is_none(), "{}: {span} is mapped memory in memblock", outcome.name);
        }
        State::Reserved | State::Cma | State::Coherent if outcome.no_map == 0 => {
            ensure!(
                found == InIomem::Reserved,
                "{}: {span} was to be reserved, but is {found}",
                outcome.name
            );
            let held = reserved.iter().filter_map(|entry| entry.span.intersection(span)).map(Span::len);
            ensure!(held.sum::<u64>() == span.len(), "{}: {span} is not reserved in memblock", outcome.name);
        }
        _ => {}
    }
    Ok(())
}

/// One line of memblock's files in debugfs.
struct Entry {
    span: Span,
    /// Its flags, from kernels that print them.
    flags: Option<String>,
}

impl Entry {
    /// Tells whether the kernel says that it has no such flag.
    fn lacks(&self, flag: &str) -> bool {
        self.flags.as_ref().is_some_and(|flags| !flags.contains(flag))
    }
}

/// Reads lines such as `   0: 0x0000000040000000..0x00000000817fffff    0 NONE`.
fn entries(lines: &[String]) -> Vec<Entry> {
    let number = |text: &str| u64::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok();
    let entry = |line: &String| {
        let mut words = line.split_once(": ")?.1.split_whitespace();
        let (first, last) = words.next()?.split_once("..")?;
        let span = Span::from_ends(number(first)?, number(last)?.checked_add(1)?)?;
        Some(Entry { span, flags: words.nth(1).map(str::to_owned) })
    };
    lines.iter().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memblock_is_read_with_flags_and_without() {
        let lines = ["   0: 0x0000000040000000..0x00000000817fffff    0 NONE", "   1: 0x9000..0x9fff", "x"];
        let entries = entries(&lines.map(str::to_owned));
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].span, Span::from_ends(0x4000_0000, 0x8180_0000).unwrap());
        assert!(entries[0].lacks("NOMAP") && !entries[1].lacks("NOMAP"));
    }
}
