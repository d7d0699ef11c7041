//! RF208: a RAM bank is over the registers of a device.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::fdt::{Bus, Node, NodeId};
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

        A `reg` that a carveout or the node's own `memory-region` holds is shared memory; one that covers a
        whole bank is the window of a memory controller; one below a node with registers of its own is an
        offset. None of these is a finding.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

/// In a tree at rest the banks are often a guess that the loader corrects, so there it is a warning.
pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let ram = analysis.map.ram.spans();
    let (Some(first), Some(last)) = (ram.first(), ram.last()) else { return };
    let carveouts = ledger::union(analysis.map.carveouts().collect());
    let mut hits: Vec<(Node<'_, '_>, Span)> = Vec::new();
    let mut count = 0;
    each_register(analysis, |node, span| {
        // On most boards all devices are on one side of the RAM.
        if span.end() <= first.base()
            || span.base() >= last.end()
            || ledger::coverage(ram, span) == Coverage::None
            || !is_device(node)
            || is_offset(node)
            || is_memory(analysis, &carveouts, node, span)
        {
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

/// Returns whether a node is a device in use: it has a `compatible`, and neither it nor a node above it is
/// disabled. Few nodes have registers in RAM, so this is asked last.
fn is_device(node: Node<'_, '_>) -> bool {
    let path = core::iter::successors(Some(node), Node::parent).take_while(|node| node.depth() > 0);
    node.has_prop("compatible")
        && path.clone().all(|node| node.is_enabled())
        && path.last().is_some_and(|top| !NO_DEVICES.iter().any(|name| top.has_base_name(name)))
}

/// Returns whether the `reg` of a node is an offset into the registers of a node above it, as below a system
/// controller.
fn is_offset(node: Node<'_, '_>) -> bool {
    let has_registers = |parent: &Node<'_, '_>| {
        let translates = parent.prop("ranges").is_some_and(|ranges| !ranges.value.is_empty());
        parent.depth() > 0 && parent.has_prop("reg") && !translates
    };
    core::iter::successors(node.parent(), Node::parent).any(|parent| has_registers(&parent))
}

/// Returns whether a `reg` names memory and not registers: a window over a whole bank, as memory controllers
/// have, or memory that a carveout or the node's own `memory-region` holds, as that of a mailbox.
fn is_memory(analysis: &Analysis<'_, '_>, carveouts: &[Span], node: Node<'_, '_>, span: Span) -> bool {
    let mut regions = analysis.regions_of(node.id());
    ledger::meeting(analysis.map.ram.spans(), span).iter().any(|&bank| span.covers(bank))
        || ledger::coverage(carveouts, span) == Coverage::All
        || regions.any(|region| region.spans().iter().any(|own| own.covers(span)))
}

/// Calls `visit` with every register block, as the CPU sees it.
fn each_register<'s>(analysis: &'s Analysis<'s, '_>, mut visit: impl FnMut(Node<'s, '_>, Span)) {
    let tree = &analysis.tree;
    // The nodes above the one at hand, from the root down, each with the bus of its children.
    let mut above: Vec<(NodeId, Option<Bus>)> = Vec::new();
    for (node, reg) in tree.props_named("reg") {
        let mut missing: Vec<Node<'_, '_>> = Vec::new();
        let mut next = node.parent();
        while let Some(parent) = next
            && above.get(parent.depth()).is_none_or(|(id, _)| *id != parent.id())
        {
            missing.push(parent);
            next = parent.parent();
        }
        above.truncate(next.map_or(0, |known| known.depth() + 1));
        for parent in missing.into_iter().rev() {
            let bus = match above.last() {
                None => Bus::root(tree),
                Some((_, bus)) => bus.as_ref().and_then(|bus| bus.below(parent)),
            };
            above.push((parent.id(), bus.filter(|bus| !bus.has_flags())));
        }
        let Some((_, Some(bus))) = above.last() else { continue };
        bus.registers_in(reg.value).flatten().for_each(|span| visit(node, span));
    }
}
