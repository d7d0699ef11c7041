//! RAM: where the loader's tree states any, its `/memory` nodes replace the bundle's. Linux takes its RAM
//! from them unless the EFI memory map has it; even then they say which NUMA node a bank is near to.

use super::{MergeError, Merging};
use crate::fdt::{NewNode, Node, NodeId, Tree};
use crate::ledger;
use crate::order;
use crate::policy::Merge;
use crate::span::{Size, Span};
use crate::survey::{Bank, Ram};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The node that a bank of memory is near to.
const NUMA: &str = "numa-node-id";

impl Merging<'_, '_, '_, '_> {
    /// Replaces the memory nodes, unless both trees state the same RAM.
    pub(super) fn ram(&mut self) -> Result<(), MergeError> {
        let loader = self.loader.tree;
        let stated = by_numa(loader, &self.loader_map.banks);
        let own = by_numa(self.own, &self.map.banks);
        if stated.is_empty() || stated == own {
            return Ok(());
        }
        let registers = match self.registers() {
            // A kernel that reads its RAM elsewhere does not miss it.
            Err(_) if self.is_ram_given => {
                self.account
                    .left
                    .push("/memory (it does not fit the cells of the bundle's tree)".to_string());
                return Ok(());
            }
            registers => registers?,
        };
        let old: Vec<Node<'_, '_>> = self.own.root().children().filter(is_memory).collect();
        let mut names: Vec<&str> = self.own.root().children().map(|child| child.name()).collect();
        names.retain(|name| old.iter().all(|node| node.name() != *name));
        // What refers to the memory of the bundle's tree refers to the first node.
        let phandle = old.iter().find_map(|node| node.prop("phandle"));
        let mut phandle = phandle.map(|prop| prop.value);
        let mut written: Vec<String> = Vec::new();
        for (node, reg) in registers {
            let node = loader.node(node);
            let name = free_name(node.name(), |name| {
                names.contains(&name) || written.iter().any(|written| written == name)
            });
            let mut new = NewNode::new(&name).prop_str("device_type", "memory").prop("reg", reg);
            if let Some(numa) = node.prop(NUMA) {
                new = new.prop(NUMA, numa.value);
            }
            if let Some(phandle) = phandle.take() {
                new = new.prop("phandle", phandle);
            }
            written.push(name);
            match old.first() {
                Some(first) => self.edits.add_node_after(first.id(), new),
                None => self.edits.add_node_first(self.own.root().id(), new),
            }
        }
        for node in old {
            self.edits.remove_node(node.id());
        }
        let total = |numa: &[Nearby]| ledger::union(numa.iter().flat_map(|one| one.spans.clone()).collect());
        let size =
            |spans: Vec<Span>| Size(spans.iter().fold(0u64, |sum, span| sum.saturating_add(span.len())));
        let (now, before) = (total(&stated), total(&own));
        self.account.taken.push(match (before.is_empty(), now == before) {
            _ if self.is_ram_given => "/memory".to_string(),
            (true, _) => format!("RAM of {}", size(now)),
            (false, true) => "the NUMA nodes of RAM".to_string(),
            (false, false) => format!("RAM of {} in place of {}", size(now), size(before)),
        });
        Ok(())
    }

    /// Returns the `reg` of each memory node of the loader's tree in the cells of the bundle's.
    fn registers(&self) -> Result<Vec<(NodeId, Vec<u8>)>, MergeError> {
        let mut nodes: Vec<(NodeId, Vec<u8>)> = Vec::new();
        for bank in &self.loader_map.banks {
            let Some(span) = bank.span else { continue };
            let tuple = self.map.cells.encode_span(span);
            let tuple = tuple.ok_or_else(|| MergeError::Cells { what: "RAM".to_string(), span })?;
            match nodes.last_mut() {
                Some((node, reg)) if *node == bank.node => reg.extend(tuple),
                _ => nodes.push((bank.node, tuple)),
            }
        }
        Ok(nodes)
    }

    /// Returns the RAM of this boot: what the facts give, else what the merged tree will state.
    pub(super) fn ram_of_boot(&self) -> &Ram {
        let is_taken = self.merge == Merge::All && self.loader_map.ram.is_known();
        if is_taken { &self.loader_map.ram } else { &self.map.ram }
    }
}

/// The RAM of one NUMA node.
#[derive(PartialEq, Eq)]
struct Nearby {
    numa: Option<u32>,
    /// Ascending, disjoint.
    spans: Vec<Span>,
}

/// Returns the RAM of each NUMA node, by its number.
fn by_numa(tree: &Tree<'_>, banks: &[Bank]) -> Vec<Nearby> {
    let numa = |node| tree.node(node).prop(NUMA).and_then(|prop| prop.as_u32());
    let mut spans: Vec<(Option<u32>, Span)> =
        banks.iter().filter_map(|bank| Some((numa(bank.node), bank.span?))).collect();
    order::sort(&mut spans);
    let mut all: Vec<Nearby> = Vec::new();
    for (numa, span) in spans {
        match all.last_mut() {
            Some(last) if last.numa == numa => last.spans.push(span),
            _ => all.push(Nearby { numa, spans: alloc::vec![span] }),
        }
    }
    for one in &mut all {
        one.spans = ledger::union(core::mem::take(&mut one.spans));
    }
    all
}

/// Returns whether a child of the root states RAM, or would if a repair gave it its `device_type`.
fn is_memory(node: &Node<'_, '_>) -> bool {
    node.has_base_name("memory") || node.prop("device_type").and_then(|prop| prop.as_str()) == Some("memory")
}

/// Returns `name`, with a number before the unit address where it `is_taken`.
pub(super) fn free_name(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let (base, unit) = name.split_once('@').map_or((name, None), |(base, unit)| (base, Some(unit)));
    let numbered = |number: u32| match unit {
        Some(unit) => format!("{base}-{number}@{unit}"),
        None => format!("{base}-{number}"),
    };
    let mut free = name.to_string();
    let mut number = 2;
    while is_taken(&free) {
        free = numbered(number);
        number += 1;
    }
    free
}
