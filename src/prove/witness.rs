//! The witness: the `fdt` crate reads the same blob, and must find the same memory map.
//!
//! The two readers share no code, so both would have to be wrong in the same way for a carveout to vanish.
//! The crate panics on damaged blobs and loses nodes after NOPs, so it reads only a NOP-free copy of what our
//! own structure check has passed, with the cells checked, and only through the calls used below: never
//! `chosen()`,
//! `memory()`, `cpus()` or `model()` on a tree that may lack them, nor `raw_reg()` with cells of 0.

use crate::fdt::{Edits, MAX_DEPTH, Tree, rewrite};
use crate::span::Span;
use crate::survey::{Cells, MemoryMap, bank_span};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// A disagreement between the two readers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// The witness cannot read the blob at all.
    Unreadable,
    /// The number of regions or banks differs: ours, then the witness's.
    Count(usize, usize),
    /// A region or bank, by name.
    Entry(String),
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => f.write_str("it cannot read the blob"),
            Self::Count(ours, theirs) => write!(f, "{ours} entries here, {theirs} there"),
            Self::Entry(name) => write!(f, "it sees {name} differently"),
        }
    }
}

/// One region or bank as either reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) spans: Vec<Span>,
    pub(super) no_map: bool,
    pub(super) reusable: bool,
}

/// What one reader sees of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// The memory reserve list, base and size.
    pub(super) reserve: Vec<(u64, u64)>,
    /// The regions, then the banks.
    pub(super) entries: Vec<Entry>,
}

/// A second reader: of a blob without NOPs whose structure is sound, and whose cells the survey has read.
pub(super) type SecondReader = fn(&[u8], &MemoryMap) -> Result<View, Disagreement>;

/// Reads `tree` with a second reader and compares every reserved region, RAM bank and memory reserve entry.
pub(super) fn agree(tree: &Tree<'_>, map: &MemoryMap, second: SecondReader) -> Result<(), Disagreement> {
    let copy;
    let bytes = if tree.blob().has_nops() {
        copy = rewrite(tree, &Edits::new()).map_err(|_| Disagreement::Unreadable)?;
        &copy[..]
    } else {
        tree.blob().bytes()
    };
    let theirs = second(bytes, map)?;
    if !tree.blob().memreserve().eq(theirs.reserve) {
        return Err(Disagreement::Entry("/memreserve/".to_string()));
    }
    let ours = seen_by_us(tree, map);
    if ours.len() != theirs.entries.len() {
        return Err(Disagreement::Count(ours.len(), theirs.entries.len()));
    }
    match ours.into_iter().zip(theirs.entries).find(|(a, b)| a != b) {
        Some((ours, _)) => Err(Disagreement::Entry(ours.name)),
        None => Ok(()),
    }
}

/// Reads a blob with the `fdt` crate.
pub(super) fn read(bytes: &[u8], map: &MemoryMap) -> Result<View, Disagreement> {
    const { assert!(MAX_DEPTH < 64, "the witness panics at depth 64") };
    let witness = fdt::Fdt::new(bytes).map_err(|_| Disagreement::Unreadable)?;
    let reserve = witness.memory_reservations();
    let reserve = reserve.map(|entry| (entry.address() as usize as u64, entry.size() as u64)).collect();
    Ok(View { reserve, entries: seen_by_witness(&witness, map) })
}

fn seen_by_us(tree: &Tree<'_>, map: &MemoryMap) -> Vec<Entry> {
    let regions = map.regions.iter().map(|region| Entry {
        name: region.name.clone(),
        spans: region.spans().to_vec(),
        no_map: region.no_map,
        reusable: region.reusable,
    });
    let mut banks: Vec<Entry> = Vec::new();
    for bank in &map.banks {
        let node = tree.node(bank.node);
        if node.prop("linux,usable-memory").is_some() {
            continue;
        }
        let name = node.name();
        match banks.last_mut().filter(|last| last.name == name) {
            Some(last) => last.spans.extend(bank.span),
            None => banks.push(Entry {
                name: name.to_string(),
                spans: bank.span.into_iter().collect(),
                no_map: false,
                reusable: false,
            }),
        }
    }
    regions.chain(banks).collect()
}

/// The witness's view of one node, read in one pass, since each of its queries walks the whole node.
#[derive(Default)]
struct Seen<'a> {
    reg: Option<&'a [u8]>,
    device_type: Option<&'a [u8]>,
    status: Option<&'a [u8]>,
    no_map: bool,
    reusable: bool,
    usable_memory: bool,
}

impl<'a> Seen<'a> {
    fn of(node: fdt::node::FdtNode<'_, 'a>) -> Self {
        let mut seen = Self::default();
        for prop in node.properties() {
            match prop.name {
                "reg" => seen.reg = seen.reg.or(Some(prop.value)),
                "device_type" => seen.device_type = seen.device_type.or(Some(prop.value)),
                "status" => seen.status = seen.status.or(Some(prop.value)),
                "no-map" => seen.no_map = true,
                "reusable" => seen.reusable = true,
                "linux,usable-memory" => seen.usable_memory = true,
                _ => {}
            }
        }
        seen
    }

    fn entry(&self, name: &str, cells: Cells, whole: bool) -> Entry {
        let reg = self.reg.unwrap_or_default();
        let kept = if whole { reg.len() } else { reg.len() - reg.len() % cells.tuple_len().max(1) };
        let tuples = cells.tuples(reg.get(..kept).unwrap_or_default()).unwrap_or_default();
        let spans: Vec<Option<Span>> = tuples
            .iter()
            .map(|&(base, size)| if whole { Span::new(base, size) } else { bank_span(base, size) })
            .collect();
        let readable = !whole || spans.iter().all(Option::is_some);
        Entry {
            name: name.to_string(),
            spans: if readable { spans.into_iter().flatten().collect() } else { Vec::new() },
            no_map: self.no_map,
            reusable: self.reusable,
        }
    }

    /// Returns whether it is an enabled bank with a `reg` that holds a tuple.
    fn is_bank(&self, cells: Cells) -> bool {
        text(self.device_type) == Some("memory")
            && (self.status.is_none() || matches!(text(self.status), Some("ok" | "okay")))
            && !self.usable_memory
            && cells.usable()
            && self.reg.is_some_and(|reg| reg.len() >= cells.tuple_len())
    }
}

/// Returns the text of a property as the witness reads one.
fn text(value: Option<&[u8]>) -> Option<&str> {
    fdt::node::NodeProperty { name: "", value: value? }.as_str()
}

fn seen_by_witness(witness: &fdt::Fdt<'_>, map: &MemoryMap) -> Vec<Entry> {
    let cells = map.reserved.as_ref().map_or(map.cells, |reserved| reserved.cells(map.cells));
    let mut regions: Vec<Entry> = Vec::new();
    let mut banks: Vec<Entry> = Vec::new();
    let mut reserved = false;
    // One pass over the root's children, for each of which the witness walks all its descendants.
    for node in witness.find_node("/").into_iter().flat_map(|root| root.children()) {
        if !reserved && node.name.split('@').next() == Some("reserved-memory") {
            reserved = true;
            regions.extend(node.children().map(|child| Seen::of(child).entry(child.name, cells, true)));
        }
        let seen = Seen::of(node);
        if seen.is_bank(map.cells) {
            banks.push(seen.entry(node.name, map.cells, false));
        }
    }
    regions.append(&mut banks);
    regions
}
