//! `ramoops`: reserved memory in which a log outlives a boot, and which Linux shows in `/sys/fs/pstore`
//! (fs/pstore/ram.c, fs/pstore/ram_core.c).

use crate::fdt::{NewNode, Node, Tree};
use crate::policy::PersistentLog;
use crate::span::{KIB, Span};
use crate::survey::{Cells, Extent, MemoryMap, Region};
use alloc::format;

/// Marks a region that ringfence made, next to `ramoops`: only its `pmsg` holds the structured log.
const OWN: &str = "ringfence,log";
/// Room for the structured log after the console area, in bytes: the stage's ring and a header.
const RING: u64 = 64 * KIB;
/// Alignment of a region that ringfence places: the largest page of any arm64 kernel.
pub const ALIGN: u64 = 64 * KIB;

/// Length of the header of a zone (`struct persistent_ram_buffer`) in bytes: signature, start, size.
const HEADER: usize = 12;
/// The signature, `DBGC` in memory.
const SIGNATURE: u32 = 0x4347_4244;

/// The layout of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zones {
    /// The zone that becomes `console-ramoops-0`: lines of text.
    pub console: Span,
    /// The zone that becomes `pmsg-ramoops-0`, in a region that ringfence made: the structured log.
    pub ring: Option<Span>,
}

/// Returns the size in bytes of the region for the log that is `wanted`.
#[must_use]
pub const fn len(wanted: &PersistentLog) -> u64 {
    wanted.size.saturating_add(RING)
}

/// Makes the node of a region at `span`. `None` when the address does not fit the root's cells.
pub(crate) fn node(span: Span, cells: Cells) -> Option<NewNode> {
    let console = u32::try_from(span.len().checked_sub(RING)?).ok()?;
    let node = NewNode::new(&format!("ramoops@{:x}", span.base()))
        .prop_strs("compatible", &[OWN, "ramoops"])
        .prop("reg", cells.encode_span(span)?)
        .prop_u32("console-size", console);
    Some(node.prop_u32("pmsg-size", RING as u32))
}

/// Returns the first region that Linux will give to its `ramoops` driver: one of size 0 is never set up.
#[must_use]
pub fn find<'m>(tree: &Tree<'_>, map: &'m MemoryMap) -> Option<&'m Region> {
    let is_somewhere = |region: &Region| matches!(region.extent, Extent::Static(_) | Extent::Dynamic(_));
    map.enabled().find(|region| is_somewhere(region) && is(tree.node(region.node), "ramoops"))
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.prop("compatible").is_some_and(|list| list.strings().any(|entry| entry == name))
}

fn number(node: Node<'_, '_>, name: &str) -> u32 {
    node.prop(name).and_then(|prop| prop.as_u32()).unwrap_or(0)
}

/// Returns the size in bytes that a node states for one of its kinds of records, as the driver takes it:
/// rounded down to a power of two.
pub(crate) fn size(node: Node<'_, '_>, name: &str) -> u64 {
    match number(node, name) {
        0 => 0,
        some => 1 << some.ilog2(),
    }
}

/// Returns the layout of `region`, which [`find`] returned, or why the stage cannot write to it.
///
/// Dump records come first, then the console, then `pmsg`; sizes are rounded down to powers of two.
///
/// # Errors
/// A text that completes a sentence about the region.
pub fn zones(tree: &Tree<'_>, region: &Region) -> Result<Zones, &'static str> {
    let node = tree.node(region.node);
    let size = |name| size(node, name);
    let [span] = region.spans() else { return Err("has no fixed address") };
    if region.no_map {
        return Err("is `no-map`, which the stage does not touch");
    }
    if number(node, "ecc-size") != 0 {
        return Err("has `ecc-size`, whose checksums the stage does not write");
    }
    let (console, pmsg, record) = (size("console-size"), size("pmsg-size"), size("record-size"));
    let records = span.len().checked_sub(console + pmsg + size("ftrace-size"));
    let Some(records) = records.filter(|_| console > HEADER as u64) else {
        return Err("has no room for a console");
    };
    let at = match record {
        0 => 0,
        // Where nothing is left for them, there are none.
        _ if records % record == 0 => records,
        _ => return Err("has records that do not fill it evenly"),
    };
    let zone = |offset: u64, len: u64| span.base().checked_add(offset).and_then(|base| Span::new(base, len));
    let console = zone(at, console).ok_or("has no room for a console")?;
    let own = is(node, OWN) && pmsg > HEADER as u64;
    Ok(Zones { console, ring: zone(at + console.len(), pmsg).filter(|_| own) })
}

/// Appends to a zone as Linux does (`persistent_ram_write`). Lines of an earlier boot stay
/// until they are overwritten, the oldest bytes first.
pub fn append(zone: &mut [u8], text: &[u8]) {
    write(zone, text, true);
}

/// Makes `bytes` the only content of a zone, or their end when they are too long for it.
pub fn replace(zone: &mut [u8], bytes: &[u8]) {
    write(zone, bytes, false);
}

fn write(zone: &mut [u8], bytes: &[u8], keep: bool) {
    let Some((header, data)) = zone.split_first_chunk_mut::<HEADER>() else { return };
    let capacity = data.len();
    let word = |at: usize| {
        header.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes) as usize
    };
    let (mut start, mut size) = (word(4), word(8));
    // Linux would not accept such a header as a log, either.
    if !keep || word(0) != SIGNATURE as usize || size > capacity || start > size {
        (start, size) = (0, 0);
    }
    let bytes = bytes.get(bytes.len().saturating_sub(capacity)..).unwrap_or_default();
    let (to_end, rest) = bytes.split_at(bytes.len().min(capacity - start));
    for (at, part) in [(start, to_end), (0, rest)] {
        if let Some(place) = data.get_mut(at..at + part.len()) {
            place.copy_from_slice(part);
        }
    }
    start = if rest.is_empty() { start + to_end.len() } else { rest.len() };
    size = capacity.min(size + bytes.len());
    for (field, value) in header.chunks_exact_mut(4).zip([SIGNATURE as usize, start, size]) {
        field.copy_from_slice(&(value as u32).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::BootFacts;
    use crate::fdt::build;
    use alloc::vec::Vec;

    /// Returns the bytes that Linux takes as the old log (`persistent_ram_save_old`).
    fn shown(zone: &[u8]) -> Vec<u8> {
        let word = |at: usize| u32::from_le_bytes(zone[at..at + 4].try_into().unwrap()) as usize;
        let (start, size) = (word(4), word(8));
        assert_eq!(&zone[..4], b"DBGC");
        assert!(size <= zone.len() - HEADER && start <= size);
        let data = &zone[HEADER..];
        [&data[start..size], &data[..start]].concat()
    }

    #[test]
    fn what_is_appended_follows_what_was_there() {
        let mut zone = [0xee; HEADER + 10];
        append(&mut zone, b"abcd");
        assert_eq!(shown(&zone), b"abcd");
        append(&mut zone, b"efgh");
        append(&mut zone, b"ij");
        assert_eq!(shown(&zone), b"abcdefghij");
        append(&mut zone, b"klm");
        assert_eq!(shown(&zone), b"defghijklm", "the oldest bytes go first");
        append(&mut zone, b"0123456789abc");
        assert_eq!(shown(&zone), b"3456789abc");
    }

    #[test]
    fn a_header_that_linux_would_refuse_starts_anew() {
        for (size, start) in [(11_u32, 0_u32), (4, 5), (u32::MAX, u32::MAX)] {
            let mut zone = [0xee; HEADER + 10];
            append(&mut zone, b"abcd");
            zone[4..8].copy_from_slice(&start.to_le_bytes());
            zone[8..12].copy_from_slice(&size.to_le_bytes());
            append(&mut zone, b"new");
            assert_eq!(shown(&zone), b"new");
        }
    }

    #[test]
    fn a_replaced_zone_holds_nothing_else() {
        let mut zone = [0xee; HEADER + 10];
        append(&mut zone, b"abcdefgh");
        replace(&mut zone, b"new");
        assert_eq!(shown(&zone), b"new");
        for len in 0..=HEADER {
            append(&mut zone[..len], b"no room");
        }
    }

    fn region(node: NewNode) -> Result<Zones, &'static str> {
        let cells = Cells { address: 2, size: 2 };
        let with_cells = |node: NewNode| node.prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
        let reserved = with_cells(NewNode::new("reserved-memory")).prop_empty("ranges").child(node);
        let dtb = build(&with_cells(NewNode::new("")).child(reserved), 0, &[]).unwrap();
        let tree = Tree::parse(&dtb).unwrap();
        let map = MemoryMap::survey(&tree, &BootFacts::default());
        assert_eq!(map.cells, cells);
        zones(&tree, find(&tree, &map).unwrap())
    }

    fn of(sizes: &[(&str, u32)]) -> NewNode {
        let reg = [0x8000_0000_u64.to_be_bytes(), 0x4_0000_u64.to_be_bytes()].concat();
        let node = NewNode::new("ramoops@80000000").prop_str("compatible", "ramoops").prop("reg", reg);
        sizes.iter().fold(node, |node, &(name, size)| node.prop_u32(name, size))
    }

    #[test]
    fn an_own_region_is_read_as_it_was_made() {
        let wanted = PersistentLog { size: 128 * KIB, base: None };
        let span = Span::new(0x8000_0000, len(&wanted)).unwrap();
        let zones = region(node(span, Cells { address: 2, size: 2 }).unwrap()).unwrap();
        assert_eq!(zones.console, Span::new(0x8000_0000, 128 * KIB).unwrap());
        assert_eq!(zones.ring, Span::new(0x8002_0000, 64 * KIB));
    }

    #[test]
    fn the_console_lies_behind_the_records() {
        let zones =
            region(of(&[("record-size", 0x1_0000), ("console-size", 0x1_ffff), ("pmsg-size", 0x1_0000)]));
        let zones = zones.unwrap();
        assert_eq!(zones.console, Span::new(0x8002_0000, 0x1_0000).unwrap(), "sizes are rounded down");
        assert_eq!(zones.ring, None, "what the user space of another board wants to find stays");
        // Nothing is left for dumps, as on some phones.
        let zones =
            region(of(&[("record-size", 0x1_0000), ("console-size", 0x2_0000), ("pmsg-size", 0x2_0000)]));
        assert_eq!(zones.unwrap().console, Span::new(0x8000_0000, 0x2_0000).unwrap());
    }

    #[test]
    fn a_region_that_cannot_be_written_says_why() {
        let why = |node| region(node).unwrap_err();
        assert!(why(of(&[("record-size", 0x1_0000)])).contains("console"));
        assert!(why(of(&[("console-size", 0x8_0000)])).contains("console"));
        assert!(why(of(&[("console-size", 0x1_0000), ("record-size", 0x2_0000)])).contains("evenly"));
        assert!(why(of(&[("console-size", 0x1_0000), ("ecc-size", 16)])).contains("ecc-size"));
        assert!(why(of(&[("console-size", 0x1_0000)]).prop_empty("no-map")).contains("no-map"));
    }
}
