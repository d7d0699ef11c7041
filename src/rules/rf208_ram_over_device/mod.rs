//! RF208: RAM does not lie over the registers of a device.

use super::{Doc, OldReport, Sink};
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
    title: "no RAM bank lies over the registers of a device",
    severity: Severity::Error,
    why: "Linux maps the bank as memory, hands its pages out, and the first write to one of them writes to a \
          device: an external abort, or worse. QEMU makes such a tree for xlnx-zcu102 with -m 4G. All kernels.",
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
        if ledger::coverage(ram, span) == Coverage::None {
            return;
        }
        count += 1;
        if hits.len() < 4 {
            hits.push((node, span));
        }
    });
    let Some(&(first, span)) = hits.first() else { return };
    let severity = if analysis.is_at_boot() { DOC.severity } else { Severity::Warning };
    let others = match count - 1 {
        0 => String::new(),
        1 => String::from(", as do those of another"),
        others => format!(", as do those of {others} others"),
    };
    let message = format!("its registers {span} lie in RAM{others}");
    let finding = OldReport::new(DOC.id, severity, first.path(), message);
    let finding = hits.iter().fold(finding, |finding, (node, span)| finding.with_span(*span, node.name()));
    out.push(finding.with_help("end the bank in /memory below the registers"));
}

/// Children of the root whose `reg`, or that of what is below them, is no device's registers.
const NO_DEVICES: [&str; 4] = ["reserved-memory", "chosen", "memory", "cpus"];

/// Call `visit` with every register block of every device in use, as the CPU sees it.
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
        let memory = node.depth() == 1 && NO_DEVICES.iter().any(|name| node.has_base_name(name));
        let (Some(bus), true) = (open.last(), !memory && node.is_enabled()) else {
            skip_below = Some(node.depth());
            continue;
        };
        if node.has_prop("compatible") {
            bus.registers(node).flatten().for_each(|span| visit(node, span));
        }
        if node.children().next().is_none() {
            continue;
        }
        match bus.below(node).filter(|below| !below.has_flags()) {
            Some(below) => open.push(below),
            None => skip_below = Some(node.depth()),
        }
    }
}
