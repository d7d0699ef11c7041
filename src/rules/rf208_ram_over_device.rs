//! RF208: RAM does not lie over the registers of a device.

use super::{ALL_KERNELS, Analysis, Doc, Report, Sink};
use crate::fdt::Node;
use crate::finding::{RuleId, Severity};
use crate::ledger::{self, Coverage};
use crate::span::Span;
use crate::survey::Cells;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(208),
    title: "no RAM bank lies over the registers of a device",
    severity: Severity::Error,
    kernels: ALL_KERNELS,
    why: "Linux maps the bank as memory, hands its pages out, and the first write to one of them writes to a \
          device: an external abort, or worse. QEMU makes such a tree for xlnx-zcu102 with -m 4G. All kernels.",
    bad: "/ { #address-cells = <2>; #size-cells = <2>;
\tmemory@0 { device_type = \"memory\"; reg = <0x0 0x0 0x1 0x0>; };
\tsoc { compatible = \"simple-bus\"; #address-cells = <1>; #size-cells = <1>; ranges = <0x0 0x0 0xff000000 0x1000000>;
\t\tserial@0 { compatible = \"arm,pl011\"; reg = <0x0 0x1000>; };
\t};
};",
    good: "/ { #address-cells = <2>; #size-cells = <2>;
\tmemory@0 { device_type = \"memory\"; reg = <0x0 0x0 0x0 0x80000000>; };
\tsoc { compatible = \"simple-bus\"; #address-cells = <1>; #size-cells = <1>; ranges = <0x0 0x0 0xff000000 0x1000000>;
\t\tserial@0 { compatible = \"arm,pl011\"; reg = <0x0 0x1000>; };
\t};
};",
    policy: "",
    repair: "",
};

/// A stretch of a bus's addresses and where the CPU sees it.
#[derive(Clone, Copy)]
struct Window {
    bus: Span,
    cpu: u64,
}

/// More windows than any bus has: each device asks them in turn.
const MAX_WINDOWS: usize = 1024;

/// How a bus's addresses become the CPU's.
#[derive(Clone)]
enum Bus {
    /// They are the same.
    Same,
    /// Through windows.
    Windows(Vec<Window>),
    /// They never do: no `ranges`, or cells that are none of an address.
    Closed,
}

impl Bus {
    fn to_cpu(&self, span: Span) -> Option<Span> {
        match self {
            Self::Same => Some(span),
            Self::Windows(windows) => {
                let window = windows.iter().find(|window| window.bus.covers(span))?;
                span.at(window.cpu.checked_add(span.base() - window.bus.base())?)
            }
            Self::Closed => None,
        }
    }

    /// The bus that `node` makes for its children, on the bus `self` with these cells of address.
    fn below(&self, node: Node<'_, '_>, above: Cells) -> Self {
        let Some(ranges) = node.prop("ranges") else { return Self::Closed };
        let Some(own) = cells(node) else { return Self::Closed };
        if ranges.value.is_empty() {
            return self.clone();
        }
        let words: Vec<u64> = ranges.cells().map(u64::from).collect();
        let (a, b) = (own.address as usize, above.address as usize);
        let number = |words: &[u64]| words.iter().fold(0, |n, word| n << 32 | word);
        let window = |tuple: &[u64]| {
            let (from, rest) = tuple.split_at_checked(a)?;
            let (to, size) = rest.split_at_checked(b)?;
            let bus = Span::new(number(from), number(size))?;
            Some(Window { bus, cpu: self.to_cpu(bus.at(number(to))?)?.base() })
        };
        let tuples = words.chunks_exact(a + b + own.size as usize).take(MAX_WINDOWS);
        Self::Windows(tuples.filter_map(window).collect())
    }
}

/// The cells of a bus, when they are ones of memory.
fn cells(node: Node<'_, '_>) -> Option<Cells> {
    let cells = Cells { address: node.address_cells().ok()?, size: node.size_cells().ok()? };
    cells.usable().then_some(cells)
}

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
    let finding = Report::new(DOC.id, severity, first.path(), message);
    let finding = hits.iter().fold(finding, |finding, (node, span)| finding.with_span(*span, node.name()));
    out.push(finding.with_help("end the bank in /memory below the registers"));
}

/// Children of the root whose `reg`, or that of what is below them, is no device's registers.
const NO_DEVICES: [&str; 4] = ["reserved-memory", "chosen", "memory", "cpus"];

/// Call `visit` with every register block of every device in use, as the CPU sees it.
fn each_register<'s>(analysis: &'s Analysis<'s, '_>, mut visit: impl FnMut(Node<'s, '_>, Span)) {
    let Some(root_cells) = cells(analysis.tree.root()) else { return };
    // The buses above the node at hand, from the root down, with their cells.
    let mut open: Vec<(Bus, Option<Cells>)> = alloc::vec![(Bus::Same, Some(root_cells))];
    let mut skip_below: Option<usize> = None;
    for node in analysis.tree.nodes().skip(1) {
        if skip_below.is_some_and(|depth| node.depth() > depth) {
            continue;
        }
        skip_below = None;
        open.truncate(node.depth());
        let memory = node.depth() == 1 && NO_DEVICES.iter().any(|name| node.has_base_name(name));
        let (Some((bus, Some(above))), true) = (open.last(), !memory && node.is_enabled()) else {
            skip_below = Some(node.depth());
            continue;
        };
        let registers = node.prop("reg").filter(|_| node.has_prop("compatible"));
        let spans = registers.and_then(|reg| above.spans(reg.value).ok()).unwrap_or_default();
        for span in spans.into_iter().filter_map(|span| bus.to_cpu(span)) {
            visit(node, span);
        }
        if node.children().next().is_none() {
            continue;
        }
        match bus.below(node, *above) {
            Bus::Closed => skip_below = Some(node.depth()),
            below => open.push((below, cells(node))),
        }
    }
}
