//! The console of a board in parts: how it ended, the stage's lines, and the sections of the init script.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How a board ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By itself, in order.
    PoweredOff,
    /// Everything that was waited for was on its console, and it was stopped.
    Enough,
    /// The stage reported that it gave up.
    GaveUp,
    /// It was killed after this long.
    TimedOut(Duration),
    /// QEMU did not do it, with this status.
    Failed(String),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PoweredOff => f.write_str("powered off"),
            Self::Enough => f.write_str("printed all that was waited for"),
            Self::GaveUp => f.write_str("gave up"),
            Self::TimedOut(limit) => write!(f, "was still running after {} s", limit.as_secs()),
            Self::Failed(status) => write!(f, "QEMU failed: {status}"),
        }
    }
}

/// The console of one run.
#[derive(Clone, Debug)]
pub(crate) struct Transcript {
    /// The command line that started it.
    pub(crate) command: String,
    /// Its lines without line ends.
    pub(crate) lines: Vec<String>,
    /// What QEMU itself complained about.
    pub(crate) complaints: String,
    /// How it ended.
    pub(crate) ending: Ending,
    /// How long it took.
    pub(crate) took: Duration,
    sections: BTreeMap<String, Vec<String>>,
}

impl Transcript {
    /// Takes a console apart.
    pub(crate) fn new(
        command: String,
        console: &[u8],
        stderr: &[u8],
        ending: Ending,
        took: Duration,
    ) -> Self {
        let text = plain(&String::from_utf8_lossy(console));
        let lines: Vec<String> = text.lines().map(|line| through_log(line).to_owned()).collect();
        let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut current = None;
        for line in &lines {
            if let Some(name) = line.strip_prefix("=== ").and_then(|rest| rest.strip_suffix(" ===")) {
                current = Some(name.to_owned());
                sections.entry(name.to_owned()).or_default();
            } else if let Some(name) = &current {
                // The kernel's own messages may come in between.
                if !line.starts_with('[') {
                    sections.entry(name.clone()).or_default().push(line.clone());
                }
            }
        }
        let complaints = String::from_utf8_lossy(stderr).into_owned();
        Self { command, lines, complaints, ending, took, sections }
    }

    /// Returns the lines of one section of the init script, empty when Linux did not reach it.
    pub(crate) fn section(&self, name: &str) -> &[String] {
        self.sections.get(name).map_or(&[], Vec::as_slice)
    }

    /// Tells whether Linux came up and the init script ran to its end.
    pub(crate) fn linux_came_up(&self) -> bool {
        self.sections.contains_key("end") && !self.section("iomem").is_empty()
    }

    /// Tells whether the payload was entered in the state that a kernel needs.
    pub(crate) fn payload_passed(&self) -> bool {
        self.lines.iter().any(|line| line == "payload: PASS")
    }

    /// Returns the first line that reports a panic, of Linux or of the stage.
    pub(crate) fn panic(&self) -> Option<&str> {
        let signs = ["Kernel panic", "Internal error:", "ringfence: panic", "ringfence: PANIC"];
        self.lines.iter().find(|line| signs.iter().any(|sign| line.contains(sign))).map(String::as_str)
    }

    /// Returns what the stage printed, without its prefix.
    pub(crate) fn stage(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| line.strip_prefix("ringfence: "))
    }

    /// Returns the last lines, for an error.
    pub(crate) fn tail(&self, count: usize) -> String {
        let from = self.lines.len().saturating_sub(count);
        self.lines.get(from..).unwrap_or_default().join("\n")
    }
}

/// Returns the text without carriage returns, and without the sequences of firmware's consoles that move the
/// cursor or set a colour.
fn plain(console: &str) -> String {
    let mut text = String::with_capacity(console.len());
    let mut rest = console.chars().filter(|&c| c != '\r').peekable();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' && rest.next_if_eq(&'[').is_some() {
            while rest.next().is_some_and(|c| !c.is_ascii_alphabetic()) {}
        } else {
            text.push(c);
        }
    }
    text
}

/// Returns what the init script wrote into the kernel's log, on boards whose console Linux has no driver for;
/// else the line.
fn through_log(line: &str) -> &str {
    match line.split_once("] init: ") {
        Some((stamp, rest)) if stamp.starts_with('[') => rest,
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript(text: &str) -> Transcript {
        Transcript::new(String::new(), text.as_bytes(), b"", Ending::PoweredOff, Duration::ZERO)
    }

    #[test]
    fn sections_hold_what_init_printed_and_not_what_the_kernel_said_in_between() {
        let text = "ringfence: survey\r\n=== iomem ===\r\n40000000-7fffffff : System RAM\r\n\
                    [    1.0] random: ready\r\n=== end ===\r\n";
        let transcript = transcript(text);
        assert_eq!(transcript.section("iomem"), ["40000000-7fffffff : System RAM"]);
        assert_eq!(transcript.stage().collect::<Vec<_>>(), ["survey"]);
        assert!(transcript.linux_came_up() && transcript.panic().is_none());
    }

    #[test]
    fn what_moves_the_cursor_is_no_text() {
        let transcript = transcript("\u{1b}[2J\u{1b}[01;01Hringfence: one\r\n\u{1b}[0mringfence: two\n");
        assert_eq!(transcript.stage().collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn a_linux_that_printed_no_map_did_not_come_up() {
        assert!(!transcript("=== iomem ===\n=== end ===\n").linux_came_up());
        assert!(!transcript("=== iomem ===\n0-1 : System RAM\n").linux_came_up());
        assert!(transcript("[ 0.0] Kernel panic - not syncing\n").panic().is_some());
    }
}
