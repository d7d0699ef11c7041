//! RF208: a RAM bank is over the registers of a device.

use super::registers::{each_register, is_of_device};
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::fdt::Node;
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

        A `reg` that a static region or the node's own `memory-region` holds is shared memory; one that covers
        a whole bank is the window of a memory controller; one below a node with registers of its own is an
        offset; one whose `reg-names` has `iova` is an address behind an IOMMU, as Qualcomm's Wi-Fi has. None
        of these is a finding.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

/// In a tree at rest the banks are often a guess that the loader corrects, so there it is a warning.
pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let ram = analysis.map.ram.spans();
    let (Some(first), Some(last)) = (ram.first(), ram.last()) else { return };
    let reserved = ledger::union(analysis.reservations().map(|(_, span)| span).collect());
    let mut hits: Vec<(Node<'_, '_>, Span)> = Vec::new();
    let mut count = 0;
    each_register(analysis, |node, index, span| {
        // On most boards all devices are on one side of the RAM.
        if span.end() <= first.base()
            || span.base() >= last.end()
            || ledger::coverage(ram, span) == Coverage::None
            || !is_of_device(node, index)
            || is_offset(node)
            || is_memory(analysis, &reserved, node, span)
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
/// have, or memory that a static region or the node's own `memory-region` holds, as that of a mailbox. Linux
/// gives none of it out.
fn is_memory(analysis: &Analysis<'_, '_>, reserved: &[Span], node: Node<'_, '_>, span: Span) -> bool {
    let mut regions = analysis.regions_of(node.id());
    ledger::meeting(analysis.map.ram.spans(), span).iter().any(|&bank| span.covers(bank))
        || ledger::coverage(reserved, span) == Coverage::All
        || regions.any(|region| region.spans().iter().any(|own| own.covers(span)))
}
