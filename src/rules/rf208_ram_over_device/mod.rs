//! RF208: a RAM bank is over the registers of a device.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::fdt::{Bus, Node};
use crate::finding::{RuleId, Severity};
use crate::ledger::{self, Coverage};
use crate::span::Span;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(208),
    name: "ram-over-device",
    title: "a RAM bank overlaps the registers of a device",
    why: r"
        No RAM bank may overlap the registers of a device. Linux maps the bank as memory and hands its pages
        out; the first write to one of them writes to a device: an external abort, or worse. QEMU makes such
        a tree for `xlnx-zcu102` with `-m 4G`.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

/// In a tree at rest the banks are often a guess that the loader corrects, so there it is a warning.
pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let ram = analysis.map.ram.spans();
    if ram.is_empty() {
        return;
    }
    let mut hits: Vec<(Node<'_, '_>, Span)> = Vec::new();
    let mut count = 0;
    each_register(analysis, |node, span| {
        if ledger::coverage(ram, span) == Coverage::None || !is_device(node) {
            return;
        }
        count += 1;
        if hits.len() < 4 {
            hits.push((node, span));
        }
    });
    let Some(&(first, span)) = hits.first() else { return };
    let others = match count - 1 {
        0 => String::new(),
        1 => String::from(", and so are those of another device"),
        others => format!(", and so are those of {others} other devices"),
    };
    let report = out
        .report(first, format_args!("its registers {span} are in RAM{others}"))
        .at("reg")
        .help("end the bank in /memory below the registers");
    for (node, span) in hits {
        report.node(span, node);
    }
    if !analysis.is_at_boot() {
        report.severity(Severity::Warning);
    }
}

/// Children of the root whose `reg`, or that of what is below them, is no device's registers.
const NO_DEVICES: [&str; 4] = ["reserved-memory", "chosen", "memory", "cpus"];

/// Returns whether a node is a device in use: it has a `compatible`, and neither it nor a node above it is disabled.
/// Few nodes have registers in RAM, so this is asked last.
fn is_device(node: Node<'_, '_>) -> bool {
    let path = core::iter::successors(Some(node), Node::parent).take_while(|node| node.depth() > 0);
    node.has_prop("compatible")
        && path.clone().all(|node| node.is_enabled())
        && path.last().is_some_and(|top| !NO_DEVICES.iter().any(|name| top.has_base_name(name)))
}

/// Calls `visit` with every register block, as the CPU sees it.
fn each_register<'s>(analysis: &'s Analysis<'s, '_>, mut visit: impl FnMut(Node<'s, '_>, Span)) {
    let Some(root) = Bus::root(&analysis.tree) else { return };
    // The buses above the node at hand, from the root down.
    let mut open = alloc::vec![root];
    let mut skip_below: Option<usize> = None;
    for node in analysis.tree.nodes().skip(1) {
        if skip_below.is_some_and(|depth| node.depth() > depth) {
            continue;
        }
        skip_below = None;
        open.truncate(node.depth());
        let Some(bus) = open.last() else { continue };
        bus.registers(node).flatten().for_each(|span| visit(node, span));
        if node.children().next().is_none() {
            continue;
        }
        match bus.below(node).filter(|below| !below.has_flags()) {
            Some(below) => open.push(below),
            None => skip_below = Some(node.depth()),
        }
    }
}
