//! Checks of a boot: Linux came up, and its memory map is the one that the stage announced.

use crate::iomem::{Iomem, State};
use crate::reserved_nodes::{self, Region};
use crate::transcript::{Ending, Transcript};
use anyhow::{Result, bail, ensure};
use ringfence::span::Span;
use std::collections::BTreeMap;
use std::fmt;

/// What a good boot showed.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// How many carveouts Linux honours.
    pub(crate) carveouts: usize,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// CmaTotal in bytes.
    pub(crate) cma: u64,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mib, cma) = (self.bytes >> 20, self.cma >> 20);
        write!(f, "{} carveouts of {mib} MiB hold, CmaTotal {cma} MiB as announced", self.carveouts)
    }
}

/// Compares a boot with the lines of the stage and with the tree that Linux was given.
///
/// # Errors
/// Naming what was not as promised: no Linux, a panic, a carveout that is not one, another CMA size.
pub(crate) fn held(transcript: &Transcript) -> Result<Held> {
    came_up(transcript)?;
    let (carveouts, bytes) = carveouts(transcript)?;
    let regions = reserved_nodes::regions(transcript.section("reserved-memory"))?;
    let result = Held { carveouts, bytes, cma: cma_total(transcript)? };
    let announced = announced_pools(transcript, &regions)?.values().sum::<u64>()
        + kernel_default(transcript)
        + of_each_node(transcript);
    ensure!(
        announced == result.cma,
        "Linux has {} KiB of CMA where the stage announced {} KiB",
        result.cma >> 10,
        announced >> 10
    );
    Ok(result)
}

/// Fails unless Linux keeps every carveout of its tree out of System RAM; tells how many there are, and their
/// bytes.
///
/// # Errors
/// Naming the carveout that is none.
pub(crate) fn carveouts(transcript: &Transcript) -> Result<(usize, u64)> {
    let iomem = Iomem::parse(transcript.section("iomem"))?;
    let regions = reserved_nodes::regions(transcript.section("reserved-memory"))?;
    let (mut count, mut bytes) = (0, 0);
    for region in regions.iter().filter(|region| region.no_map && region.is_enabled()) {
        for span in &region.spans {
            carved(&iomem, &region.name, *span)?;
            bytes += span.len();
        }
        count += 1;
    }
    Ok((count, bytes))
}

/// Fails unless Linux came up, printed its map and powered off without a panic before.
pub(crate) fn came_up(transcript: &Transcript) -> Result<()> {
    if let Some(line) = transcript.panic() {
        bail!("panic: {line}");
    }
    let tail = || format!("{}{}", transcript.tail(12), transcript.complaints);
    ensure!(
        transcript.linux_came_up(),
        "Linux did not come up; {}; the end was:\n{}",
        transcript.ending,
        tail()
    );
    ensure!(transcript.ending == Ending::PoweredOff, "Linux came up, but the board {}", transcript.ending);
    Ok(())
}

/// Fails unless the payload was entered in the state that a kernel needs.
pub(crate) fn payload_entered(transcript: &Transcript) -> Result<()> {
    ensure!(transcript.payload_passed(), "the payload was not entered:\n{}", transcript.tail(8));
    Ok(())
}

/// Fails unless Linux keeps a span wholly out of System RAM.
pub(crate) fn carved(iomem: &Iomem, name: &str, span: Span) -> Result<()> {
    let state = iomem.state(span);
    let (base, last) = (span.base(), span.last());
    ensure!(state == State::Carved, "{name} {base:#x}..{last:#x} is {state} in Linux' iomem");
    Ok(())
}

/// Fails when the command line asked to fill memory and that did not work.
pub(crate) fn filled(transcript: &Transcript) -> Result<()> {
    let asked = transcript.section("cmdline").iter().any(|line| line.contains("ringfence.stress"));
    let end = transcript.section("stress").last().map_or("nothing", String::as_str);
    ensure!(!asked || end.ends_with(", status 0"), "filling memory ended with: {end}");
    Ok(())
}

/// CmaTotal of `/proc/meminfo` in bytes.
pub(crate) fn cma_total(transcript: &Transcript) -> Result<u64> {
    for line in transcript.section("meminfo") {
        if let Some(value) = line.strip_prefix("CmaTotal:") {
            return Ok(value.trim().trim_end_matches("kB").trim().parse::<u64>()? << 10);
        }
    }
    bail!("Linux printed no CmaTotal");
}

/// Returns the pools that the stage said Linux would have, by base: those of the tree, and the default one.
///
/// A line `cma: 64 MiB at 0x…` announces a pool, as does a line `reserved mem: … reusable`; a pool announced
/// twice counts once.
fn announced_pools(transcript: &Transcript, regions: &[Region]) -> Result<BTreeMap<u64, u64>> {
    let mut pools = BTreeMap::new();
    for line in transcript.stage() {
        if let Some(rest) = line.strip_prefix("cma: ") {
            if let Some((base, size)) = announced_cma(rest) {
                pools.insert(base, size);
            }
        } else if let Some(rest) = line.strip_prefix("reserved mem: ")
            && rest.contains(" map reusable ")
            && let Some(span) = announced_region(rest)
        {
            pools.insert(span.base(), span.len());
        }
    }
    for region in regions.iter().filter(|region| region.reusable && region.is_enabled()) {
        for span in &region.spans {
            let known = pools.get(&span.base()) == Some(&span.len());
            ensure!(known, "the tree has a pool {} that the stage did not announce", region.name);
        }
    }
    Ok(pools)
}

/// Returns the bytes of the pool that Linux places by itself: the stage then announces no place, and the
/// kernel's own line counts.
fn kernel_default(transcript: &Transcript) -> u64 {
    let placed = |line: &str| line.strip_prefix("cma: ").and_then(announced_cma).is_some();
    if transcript.stage().any(placed) {
        return 0;
    }
    let mut reserved = transcript.lines.iter().filter_map(|line| line.split_once("cma: Reserved "));
    reserved.find_map(|(_, rest)| announced_cma(rest)).map_or(0, |(_, size)| size)
}

/// Returns the bytes of the pools that Linux 7 makes in addition to the default one: one for each node, where
/// there are several.
fn of_each_node(transcript: &Transcript) -> u64 {
    let said = |start: &'static str| transcript.lines.iter().filter_map(move |line| line.split_once(start));
    let up = said("smp: Brought up ").find_map(|(_, rest)| rest.split(' ').next()?.parse().ok());
    let nodes = up.filter(|&nodes: &usize| nodes > 1).unwrap_or(0);
    let pools: Vec<u64> =
        said("cma: Reserved ").filter_map(|(_, rest)| announced_cma(rest)).map(|(_, size)| size).collect();
    if pools.len() == nodes + 1 { pools.iter().skip(1).sum() } else { 0 }
}

/// Reads `64 MiB at 0xf9c00000 …`; without `at`, the place is the kernel's to choose.
fn announced_cma(text: &str) -> Option<(u64, u64)> {
    let mut words = text.split(' ');
    let number: u64 = words.next()?.parse().ok()?;
    let unit = match words.next()? {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    let base = (words.next()? == "at").then(|| words.next())??.trim_end_matches(',');
    Some((u64::from_str_radix(base.strip_prefix("0x")?, 16).ok()?, number.checked_mul(unit)?))
}

/// Reads `0x84300000..0x847fffff (5120 KiB) …`.
fn announced_region(text: &str) -> Option<Span> {
    let (first, last) = text.split(' ').next()?.split_once("..")?;
    let number = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    Span::from_ends(number(first)?, number(last)?.checked_add(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const GOOD: &str = "ringfence: reserved mem: 0x84300000..0x847fffff (5120 KiB) nomap non-reusable \
                        camera@84300000\nringfence: reserved mem: 0xff000000..0xffbfffff (12288 KiB) map \
                        reusable adsp-heap\nringfence: cma: 64 MiB at 0xf9c00000 via bootargs \
                        \"cma=64M@0xf9c00000\"\n\
                        === iomem ===\n40000000-842fffff : System RAM\n84300000-847fffff : reserved\n\
                        84800000-13fffffff : System RAM\n=== meminfo ===\nCmaTotal:          77824 kB\n\
                        === reserved-memory ===\ncells=00000002 00000002\n\
                        camera@84300000 reg=00000000843000000000000000500000 no-map=\n\
                        adsp-heap reg=00000000ff0000000000000000c00000 reusable=\n=== end ===\n";

    fn verdict(text: &str, ending: Ending) -> Result<Held> {
        held(&Transcript::new(String::new(), text.as_bytes(), b"", ending, Duration::ZERO))
    }

    #[test]
    fn a_boot_as_promised_holds() {
        let held = verdict(GOOD, Ending::PoweredOff).unwrap();
        assert_eq!((held.carveouts, held.bytes, held.cma), (1, 5 << 20, 76 << 20));
    }

    #[test]
    fn the_announcement_may_be_the_boot_argument() {
        let line = "64 MiB at 0xf9c00000 via bootargs \"cma=64M@0xf9c00000\"";
        assert_eq!(announced_cma(line), Some((0xf9c0_0000, 64 << 20)));
        assert_eq!(announced_cma("12 MiB at 0xff000000 via /x"), Some((0xff00_0000, 12 << 20)));
        assert_eq!(announced_cma("64 MiB via bootargs \"cma=64M\""), None, "the kernel chooses");
        assert_eq!(announced_cma("none"), None);
    }

    #[test]
    fn a_pool_that_nobody_asked_for_is_the_kernels_own() {
        let text = GOOD.replace(
            "ringfence: cma: 64 MiB at 0xf9c00000 via bootargs \"cma=64M@0xf9c00000\"",
            "[ 0.0] cma: Reserved 64 MiB at 0xf9c00000",
        );
        assert_eq!(verdict(&text, Ending::PoweredOff).unwrap().cma, 76 << 20);
        let both = format!("{GOOD}[ 0.0] cma: Reserved 64 MiB at 0xf9c00000\n");
        assert_eq!(verdict(&both, Ending::PoweredOff).unwrap().cma, 76 << 20);
    }

    #[test]
    fn pools_of_nodes_count_where_there_are_several() {
        let pool = "[ 0.0] cma: Reserved 64 MiB at 0xf9c00000\n";
        let of_node = "[ 0.0] cma: Reserved 32 MiB at 0x5de00000\n";
        let text = |nodes| {
            let total = GOOD.replace("77824", "143360");
            format!("{pool}{of_node}{of_node}[ 0.1] smp: Brought up {nodes}, 4 CPUs\n{total}")
        };
        assert_eq!(verdict(&text("2 nodes"), Ending::PoweredOff).unwrap().cma, 140 << 20);
        assert!(verdict(&text("1 node"), Ending::PoweredOff).is_err());
        assert!(verdict(&text("3 nodes"), Ending::PoweredOff).is_err());
    }

    #[test]
    fn each_broken_promise_is_named() {
        let fails = |text: &str, ending| format!("{:#}", verdict(text, ending).unwrap_err());
        let lost = GOOD.replace("84300000-847fffff : reserved\n", "84300000-847fffff : System RAM\n");
        assert!(
            fails(&lost, Ending::PoweredOff).contains("camera@84300000 0x84300000..0x847fffff is System")
        );
        let less = GOOD.replace("77824", "65536");
        assert!(fails(&less, Ending::PoweredOff).contains("65536 KiB of CMA"));
        let silent = GOOD.replace("map reusable", "map odd");
        assert!(fails(&silent, Ending::PoweredOff).contains("did not announce"));
        let panicked = format!("{GOOD}Kernel panic - not syncing: x\n");
        assert!(fails(&panicked, Ending::PoweredOff).contains("panic"));
        assert!(fails(GOOD, Ending::TimedOut(Duration::ZERO)).contains("still running"));
        assert!(fails("nothing", Ending::PoweredOff).contains("did not come up"));
    }
}
