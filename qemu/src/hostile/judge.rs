//! How a hostile boot ended.

use crate::transcript::{Ending, Transcript};
use ringfence::facts::BootFacts;
use ringfence::fdt::Tree;
use ringfence::ledger;
use ringfence::span::Span;
use ringfence::survey::MemoryMap;
use std::fmt;

/// How a boot ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The kernel was entered, and every carveout was kept.
    HandedOff,
    /// One HALT line, with the rule or the first words of it.
    Refused(String),
    /// What must not be.
    Bad(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HandedOff => f.write_str("handed off"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::Bad(why) => write!(f, "BAD: {why}"),
        }
    }
}

/// Words of a stage that did not mean to end: a fault, a panic, or a promise of its own that it broke.
const DEFECTS: [&str; 4] = ["please report it", "stray access", "stack overflow", "access to carveout"];
/// What starts a line of the stage that says why it refuses.
const HALT: &str = "ringfence: HALT ";

/// Tells whether a console holds all that a boot has to say: a whole HALT line, or the payload's verdict.
pub(super) fn is_over(console: &str) -> bool {
    let whole = |start: &str| console.split_once(start).is_some_and(|(_, rest)| rest.contains('\n'));
    whole(HALT) || whole("payload: PASS") || whole("payload: FAIL")
}

/// Judges a boot with the loader's tree `dtb` and, where the bundle brings one, its tree `own`.
pub(super) fn judge(transcript: &Transcript, dtb: &[u8], own: Option<&[u8]>) -> Verdict {
    let halts: Vec<&str> = transcript.stage().filter_map(|line| line.strip_prefix("HALT ")).collect();
    let passed = transcript.payload_passed();
    let entered = transcript.lines.iter().any(|line| line.starts_with("payload: EL"));
    match (halts.as_slice(), entered) {
        ([], false) if transcript.stage().next().is_none() => {
            Verdict::Bad(format!("silent: {}", ended(transcript)))
        }
        ([], false) => Verdict::Bad(format!("no HALT line: {}", ended(transcript))),
        ([], true) if !passed => Verdict::Bad(format!("a wrong entry state:\n{}", transcript.tail(3))),
        ([], true) => match lost(transcript, dtb, own) {
            Some(lost) => Verdict::Bad(format!("handed off without {lost}")),
            None => Verdict::HandedOff,
        },
        ([halt], false) => match DEFECTS.iter().find(|words| halt.contains(**words)) {
            Some(_) => Verdict::Bad((*halt).to_owned()),
            None => Verdict::Refused(kind(halt)),
        },
        _ => Verdict::Bad(format!("{} HALT lines, kernel entered: {entered}", halts.len())),
    }
}

fn ended(transcript: &Transcript) -> String {
    match &transcript.ending {
        Ending::TimedOut(limit) => format!("hung for {} s", limit.as_secs()),
        other => format!("the board {other}"),
    }
}

/// Returns the rule of a refusal, or its first words without numbers and names.
fn kind(halt: &str) -> String {
    if halt.starts_with("RF") {
        return halt.split(' ').next().unwrap_or_default().to_owned();
    }
    let is_word = |word: &&str| !word.contains(|c: char| c.is_ascii_digit() || c == '/' || c == '`');
    let words: Vec<&str> = halt.split(' ').filter(is_word).take(6).collect();
    words.join(" ")
}

/// Returns a carveout of the trees that the stage did not report as kept.
fn lost(transcript: &Transcript, dtb: &[u8], own: Option<&[u8]>) -> Option<Span> {
    // A policy that was damaged into this accepts what is left.
    if transcript.stage().any(|line| line.starts_with("going on with ")) {
        return None;
    }
    let kept: Vec<Span> = transcript.stage().filter_map(kept).collect();
    let kept = ledger::union(kept);
    let loader = survey(dtb)?;
    let own = own.and_then(survey);
    let wanted = loader.carveouts().chain(own.iter().flat_map(MemoryMap::carveouts));
    let in_ram: Vec<Span> = wanted.flat_map(|span| loader.ram.within(span).collect::<Vec<_>>()).collect();
    ledger::subtract(&ledger::union(in_ram), &kept).first().copied()
}

fn survey(dtb: &[u8]) -> Option<MemoryMap> {
    Tree::parse(dtb).ok().map(|tree| MemoryMap::survey(&tree, &BootFacts::default()))
}

/// Reads `reserved mem: 0x84300000..0x847fffff (5120 KiB) nomap non-reusable camera@84300000`.
fn kept(line: &str) -> Option<Span> {
    let (span, rest) = line.strip_prefix("reserved mem: ")?.split_once(' ')?;
    let (first, last) = span.split_once("..")?;
    let number = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    let span = Span::from_ends(number(first)?, number(last)?.checked_add(1)?)?;
    rest.contains(") nomap ").then_some(span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn judged(console: &str) -> Verdict {
        let (console, ending) = (console.as_bytes(), Ending::PoweredOff);
        let transcript = Transcript::new(String::new(), console, b"", ending, Duration::ZERO);
        let region = ringfence::fdt::NewNode::new("tz@84000000")
            .prop("reg", [0x8400_0000_u64.to_be_bytes(), 0x10_0000_u64.to_be_bytes()].concat())
            .prop_empty("no-map");
        let reserved = ringfence::fdt::NewNode::new("reserved-memory")
            .prop_u32("#address-cells", 2)
            .prop_u32("#size-cells", 2)
            .prop_empty("ranges")
            .child(region);
        let memory = ringfence::fdt::NewNode::new("memory")
            .prop_str("device_type", "memory")
            .prop("reg", [0x8000_0000_u64.to_be_bytes(), 0x4000_0000_u64.to_be_bytes()].concat());
        let root = ringfence::fdt::NewNode::new("")
            .prop_u32("#address-cells", 2)
            .prop_u32("#size-cells", 2)
            .child(memory)
            .child(reserved);
        judge(&transcript, &ringfence::fdt::build(&root, 0, &[]).unwrap(), None)
    }

    const KEPT: &str =
        "ringfence: reserved mem: 0x84000000..0x840fffff (1024 KiB) nomap non-reusable tz@84000000\n";
    const ENTERED: &str = "payload: EL2 x0=0x1\npayload: PASS\n";

    #[test]
    fn silence_a_fault_and_a_lost_carveout_are_bad() {
        assert!(matches!(judged(""), Verdict::Bad(why) if why.starts_with("silent")));
        assert!(matches!(judged("ringfence: ringfence 0.1\n"), Verdict::Bad(_)));
        assert!(matches!(judged("ringfence: HALT stray access to 0x0\n"), Verdict::Bad(_)));
        assert!(matches!(judged("ringfence: HALT a\nringfence: HALT b\n"), Verdict::Bad(_)));
        assert_eq!(judged(ENTERED), Verdict::Bad("handed off without 0x84000000..0x84100000 (1 MiB)".into()));
        let mapped = KEPT.replace("nomap", "map");
        assert!(matches!(judged(&format!("{mapped}{ENTERED}")), Verdict::Bad(_)));
    }

    #[test]
    fn one_line_or_a_hand_off_that_keeps_all_is_right() {
        assert_eq!(judged(&format!("{KEPT}{ENTERED}")), Verdict::HandedOff);
        let halt = "ringfence: HALT RF201 error /reserved-memory/a: overlaps; move it\n";
        assert_eq!(judged(halt), Verdict::Refused("RF201".into()));
        let halt = "ringfence: HALT the device tree at 0x47200000 is damaged: a name\n";
        assert_eq!(judged(halt), Verdict::Refused("the device tree at is damaged:".into()));
    }
}
