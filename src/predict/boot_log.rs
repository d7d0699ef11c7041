//! Kernel logs as people have them: serial captures, `dmesg`, the journal, rsyslog's files, whole or cut.
//!
//! All of them put something before the kernel's text: time stamps, host names, levels, colours. A line is
//! therefore recognised by its text, wherever in the line that starts at a word.

use crate::bootargs;
use crate::efi::{self, EfiMap};
use crate::ledger;
use crate::profile::PageSize;
use crate::span::{MIB, Span};
use alloc::string::String;
use alloc::vec::Vec;

/// The first line of every arm64 kernel (arch/arm64/kernel/setup.c).
const FIRST: &str = "Booting Linux on physical CPU ";
/// The first line of every kernel that has a version in it (init/main.c).
const VERSION: &str = "Linux version ";
/// The line after which a kernel prints no more of reserved memory (init/main.c). Long ones are wrapped from
/// 6.19 on, each line with this prefix, all but the last with a backslash.
const CMDLINE: &str = "Kernel command line: ";
/// What a kernel that does not get there prints.
const ENDS: &[&str] = &[CMDLINE, "Kernel panic - ", "Internal error: ", "Unable to handle kernel "];

/// Texts of lines about reserved memory or CMA that a prediction covers.
const TOPICS: &[&str] = &[
    "OF: reserved mem: ",
    "OF: fdt: Reserved memory: ",
    "Reserved memory: ",
    "software IO TLB: Reserved memory: ",
    "Skipping dt linux,cma-default",
    "cma: Reserved ",
    "cma: Failed to reserve ",
    "cma: Size ",
    "cma: Region ",
    "cma: Not enough slots ",
];

/// The log of one boot.
#[derive(Clone, Debug, Default)]
pub struct BootLog<'l> {
    lines: Vec<&'l str>,
    /// Whether only the lines about reserved memory were kept, as `grep` does.
    is_excerpt: bool,
    has_start: bool,
    has_end: bool,
}

impl<'l> BootLog<'l> {
    /// Takes a text as the log of one boot.
    #[must_use]
    pub fn of(text: &'l str) -> Self {
        Self::from_lines(lines(text).collect())
    }

    /// Splits a text into its boots, oldest first. What a boot loader printed is in none of them. A text that
    /// starts in the middle of a boot has that as its first one; one without any line of a kernel has none.
    #[must_use]
    pub fn split(text: &'l str) -> Vec<Self> {
        let all: Vec<&str> = lines(text).collect();
        // Not every architecture, and not every capture, has the first line.
        let start = if all.iter().any(|line| find(line, FIRST).is_some()) { FIRST } else { VERSION };
        let starts = all.iter().enumerate().filter(|(_, line)| find(line, start).is_some());
        let mut cuts: Vec<usize> = starts.map(|(at, _)| at).collect();
        cuts.insert(0, 0);
        cuts.push(all.len());
        let boots = cuts.windows(2).filter_map(|cut| match cut {
            [from, to] => all.get(*from..*to),
            _ => None,
        });
        let boots = boots.map(|lines| Self::from_lines(lines.to_vec()));
        boots.filter(|boot| boot.has_start || boot.has_end || boot.topical().next().is_some()).collect()
    }

    fn from_lines(lines: Vec<&'l str>) -> Self {
        let has =
            |texts: &[&str]| lines.iter().any(|line| texts.iter().any(|text| find(line, text).is_some()));
        let (has_start, has_end) = (has(&[FIRST, VERSION]), has(ENDS));
        let is_excerpt = !has_start
            && !has_end
            && lines.iter().all(|line| line.trim().is_empty() || topical(line).is_some());
        Self { has_start, has_end, is_excerpt, lines }
    }

    /// Returns the lines that a prediction covers, without what is before the kernel's text.
    pub fn topical(&self) -> impl Iterator<Item = &'l str> {
        self.lines.iter().filter_map(|line| topical(line))
    }

    /// Returns what the sentinel printed of accesses to watched carveouts while this kernel ran.
    pub fn accesses(&self) -> impl Iterator<Item = &'l str> {
        let text =
            |line: &&'l str| find(line, "ringfence: sentinel: EL")?.strip_prefix("ringfence: sentinel: ");
        self.lines.iter().filter_map(text)
    }

    /// Returns the version of the kernel, such as `6.12.95+deb13-arm64`.
    #[must_use]
    pub fn version(&self) -> Option<&'l str> {
        let text = self.lines.iter().find_map(|line| find(line, VERSION))?;
        text.strip_prefix(VERSION)?.split_whitespace().next().filter(|text| text.contains('.'))
    }

    /// Returns the kernel's page size: that of its hash tables, whose lines have it in two units
    /// (`alloc_large_system_hash` in mm/mm_init.c).
    #[must_use]
    pub fn page_size(&self) -> Option<PageSize> {
        self.lines.iter().find_map(|line| {
            let (_, rest) = line.split_once(" hash table entries: ")?.1.split_once("(order: ")?;
            let (order, rest) = rest.split_once(", ")?;
            let bytes: u64 = rest.split_once(" bytes")?.0.parse().ok()?;
            let page = bytes.checked_shr(order.parse().ok()?)?;
            [PageSize::K4, PageSize::K16, PageSize::K64].into_iter().find(|size| size.bytes() == page)
        })
    }

    /// Returns the command line.
    #[must_use]
    pub fn cmdline(&self) -> Option<String> {
        let mut out: Option<String> = None;
        for line in self.lines.iter().filter_map(|line| find(line, CMDLINE)) {
            let part = line.strip_prefix(CMDLINE).unwrap_or_default();
            let (part, goes_on) = part.strip_suffix(" \\").map_or((part, false), |part| (part, true));
            let whole = out.get_or_insert_default();
            if !whole.is_empty() {
                whole.push(' ');
            }
            whole.push_str(part);
            if !goes_on {
                break;
            }
        }
        out
    }

    /// Tells whether an EFI memory map, not `/memory`, gave the kernel its RAM.
    #[must_use]
    pub fn is_efi(&self) -> bool {
        self.lines.iter().any(|line| find(line, "efi: EFI v").is_some())
    }

    /// Returns the EFI memory map that the kernel printed, which it does with `efi=debug`.
    #[must_use]
    pub fn efi_map(&self) -> Option<EfiMap> {
        efi::parse(&self.lines.join("\n")).ok().map(|(map, _)| map).filter(|_| self.is_efi())
    }

    /// Returns the RAM that the kernel had, with what it left unmapped: ascending, disjoint.
    #[must_use]
    pub fn ram(&self) -> Vec<Span> {
        let after =
            self.lines.iter().skip_while(|line| find(line, "Early memory node ranges").is_none()).skip(1);
        let hex = |text: &str| u64::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok();
        let bank = |line: &&str| {
            let (_, range) = line.split_once(" node ")?.1.split_once(": [mem ")?;
            let (base, last) = range.split_once(']')?.0.split_once('-')?;
            Span::from_ends(hex(base)?, hex(last)?.checked_add(1)?)
        };
        ledger::union(after.map_while(bank).collect())
    }

    /// Returns the size in bytes of the default pool that neither tree nor command line asks for: of its one
    /// line, or 0 when a whole log has none. `None` when the log does not tell.
    #[must_use]
    pub fn default_cma(&self) -> Option<u64> {
        let asks = |line: &str| bootargs::cma(line.as_bytes()).is_some();
        if self.cmdline().is_some_and(|line| asks(&line)) {
            return None;
        }
        let size = |line: &'l str| {
            let rest = line
                .strip_prefix("cma: Reserved ")
                .or_else(|| line.strip_prefix("cma: Failed to reserve "))?;
            rest.split_once(" MiB")?.0.parse::<u64>().ok()?.checked_mul(MIB)
        };
        let mut sizes = self.topical().filter_map(size);
        match (sizes.next(), sizes.next()) {
            (None, _) if self.has_start && self.has_end => Some(0),
            (one, None) => one,
            (_, Some(_)) => None,
        }
    }

    /// Tells whether the log has a line with the place of a region, as kernels print from 6.6 on.
    #[must_use]
    pub fn has_region_lines(&self) -> bool {
        self.topical().any(|line| line.starts_with("OF: reserved mem: 0x"))
    }

    /// Tells whether lines may be missing at the start.
    #[must_use]
    pub const fn lacks_start(&self) -> bool {
        !self.has_start && !self.is_excerpt
    }

    /// Tells whether lines may be missing at the end.
    #[must_use]
    pub const fn lacks_end(&self) -> bool {
        !self.has_end && !self.is_excerpt
    }
}

/// Splits a text into lines. Serial lines end with any number of carriage returns, or with nothing else.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', '\r'])
        .map(|line| line.trim_end_matches(['\0', ' ', '\t']))
        .filter(|line| !line.is_empty())
}

/// Returns the part of `line` that starts with `text`, when nothing but whole words is before it.
fn find<'l>(line: &'l str, text: &str) -> Option<&'l str> {
    line.match_indices(text)
        .map(|(at, _)| line.split_at(at))
        .find(|(before, _)| ends_word(before))
        .map(|(_, it)| it)
}

/// Tells whether the kernel's text can start after this: a colour ends with `m`, a level with `>`.
fn ends_word(before: &str) -> bool {
    let colour = || before.rsplit_once('\u{1b}').is_some_and(|(_, code)| !code.contains(' '));
    before.is_empty() || before.ends_with([' ', '\t', ']', '>', ':', '\0']) || colour()
}

/// Returns the kernel's text of a line, when it is one to compare.
fn topical(line: &str) -> Option<&str> {
    // The earliest text wins: one of them is the end of another.
    let found = TOPICS.iter().filter_map(|topic| find(line, topic)).max_by_key(|text| text.len());
    found.or_else(|| overlap(line)).map(|text| text.split('\u{1b}').next().unwrap_or(text).trim_end())
}

/// Returns `NODE (0xBASE--0xEND) overlaps with NODE (0xBASE--0xEND)`.
fn overlap(line: &str) -> Option<&str> {
    let (first, _) = line.split_once(" overlaps with ").filter(|_| line.contains("--0x"))?;
    let name = first.rfind(" (0x")?;
    let start = first.get(..name)?.rfind([' ', '\t']).map_or(0, |space| space + 1);
    line.get(start..)
}

#[cfg(test)]
mod tests;
