//! The witness: the `fdt` crate reads the same blob, and must see the same memory map.
//!
//! The two readers share no code, so both would have to be wrong in the same way for a carveout to vanish. The
//! crate panics on damaged blobs and loses nodes behind NOPs, so it reads only a NOP-free copy of what our own
//! structure check has passed, with the cells checked, and only through the calls used below: never `chosen()`,
//! `memory()`, `cpus()` or `model()` on a tree that may lack them, nor `raw_reg()` with cells of 0.

use crate::fdt::{Edits, MAX_DEPTH, Tree, rewrite};
use crate::span::Span;
use crate::survey::MemoryMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// What the two readers do not agree on.
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
struct Entry {
    name: String,
    spans: Vec<Span>,
    no_map: bool,
    reusable: bool,
}

/// Let the witness read `tree` and compare every reserved region, RAM bank and memory reserve entry.
pub(super) fn agree(tree: &Tree<'_>, map: &MemoryMap) -> Result<(), Disagreement> {
    let copy;
    let bytes = if tree.blob().has_nops() {
        copy = rewrite(tree, &Edits::new()).map_err(|_| Disagreement::Unreadable)?;
        &copy[..]
    } else {
        tree.blob().bytes()
    };
    const { assert!(MAX_DEPTH < 64, "the witness panics at depth 64") };
    let witness = fdt::Fdt::new(bytes).map_err(|_| Disagreement::Unreadable)?;
    let reserve =
        witness.memory_reservations().map(|entry| (entry.address() as usize as u64, entry.size() as u64));
    if !reserve.eq(tree.blob().memreserve()) {
        return Err(Disagreement::Entry("/memreserve/".to_string()));
    }
    let ours = seen_by_us(tree, map);
    let theirs = seen_by_witness(&witness, map);
    if ours.len() != theirs.len() {
        return Err(Disagreement::Count(ours.len(), theirs.len()));
    }
    match ours.into_iter().zip(theirs).find(|(a, b)| a != b) {
        Some((ours, _)) => Err(Disagreement::Entry(ours.name)),
        None => Ok(()),
    }
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

fn seen_by_witness(witness: &fdt::Fdt<'_>, map: &MemoryMap) -> Vec<Entry> {
    let cells = map.reserved.as_ref().map_or(map.cells, |reserved| reserved.cells(map.cells));
    let entry = |node: &fdt::node::FdtNode<'_, '_>, cells: crate::survey::Cells, whole: bool| {
        let reg = node.property("reg").map_or(&[][..], |prop| prop.value);
        let kept = if whole { reg.len() } else { reg.len() - reg.len() % cells.tuple_len().max(1) };
        let tuples = cells.tuples(reg.get(..kept).unwrap_or_default()).unwrap_or_default();
        let spans: Vec<Option<Span>> = tuples.iter().map(|&(base, size)| Span::new(base, size)).collect();
        let readable = !whole || spans.iter().all(Option::is_some);
        Entry {
            name: node.name.to_string(),
            spans: if readable { spans.into_iter().flatten().collect() } else { Vec::new() },
            no_map: node.property("no-map").is_some(),
            reusable: node.property("reusable").is_some(),
        }
    };
    let mut entries: Vec<Entry> = Vec::new();
    if let Some(reserved) = witness.find_node("/reserved-memory") {
        entries.extend(reserved.children().map(|child| entry(&child, cells, true)));
    }
    if let Some(root) = witness.find_node("/") {
        for node in root.children() {
            let text = |name: &str| node.property(name).and_then(|prop| prop.as_str());
            // The witness walks the whole node for every property: ask first what rules most nodes out.
            if text("device_type") != Some("memory") {
                continue;
            }
            let enabled = matches!(text("status"), None | Some("ok" | "okay"));
            let replaced = node.property("linux,usable-memory").is_some();
            if !enabled || replaced {
                continue;
            }
            let bank = entry(&node, map.cells, false);
            let has_tuple = node.property("reg").is_some_and(|reg| reg.value.len() >= map.cells.tuple_len());
            if has_tuple && map.cells.usable() {
                entries.push(bank);
            }
        }
    }
    entries
}
