//! `/chosen`: what the boot loader passes to the kernel.

use super::memory::bank_span;
use super::reg::Cells;
use crate::bootargs::{self, CmaArg};
use crate::fdt::{NodeId, Tree};
use crate::span::{Span, align_down};
use alloc::vec::Vec;

/// The properties of `/chosen` that concern memory.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// The node, when there is one.
    pub node: Option<NodeId>,
    /// The kernel command line without its terminator.
    pub bootargs: Option<Vec<u8>>,
    /// The effective `cma=` of that line.
    pub cma: Option<CmaArg>,
    /// Bytes of RAM that `mem=` keeps, in whole 4 KiB pages.
    pub limit: Option<u64>,
    /// The `crashkernel=SIZE@BASE` of that line; `None` where the kernel chooses the place.
    pub crashkernel: Option<Span>,
    /// `linux,initrd-start` to `linux,initrd-end`; `None` when absent, unreadable or empty.
    pub initrd: Option<Span>,
    /// `linux,elfcorehdr`, the crashed kernel's ELF header; `None` when absent or unreadable.
    pub elfcorehdr: Option<Span>,
    /// The windows of `linux,usable-memory-range`, in the root's cells, up to the first of size 0, where
    /// Linux stops reading; empty when absent or unreadable.
    pub usable: Vec<Span>,
}

impl Chosen {
    pub(super) fn survey(tree: &Tree<'_>, cells: Cells) -> Self {
        let Some(node) = tree.find("/chosen") else { return Self::default() };
        let number = |name| node.prop(name).and_then(|p| p.as_u64());
        let spans = |name| node.prop(name).and_then(|p| cells.spans(p.value).ok()).unwrap_or_default();
        let windows = |value| cells.tuples(value).unwrap_or_default();
        let usable = node.prop("linux,usable-memory-range").map(|prop| windows(prop.value));
        let line = node.prop("bootargs").map(|p| p.value.split(|&byte| byte == 0).next().unwrap_or_default());
        let [cma, limit, crashkernel] =
            bootargs::last_values(line.unwrap_or_default(), [b"cma", b"mem", b"crashkernel"]);
        Self {
            node: Some(node.id()),
            bootargs: line.map(<[u8]>::to_vec),
            cma: cma.map(CmaArg::parse),
            limit: limit.and_then(|value| Some(align_down(bootargs::memparse(value).0?, 4 << 10))),
            crashkernel: crashkernel.and_then(bootargs::crashkernel),
            initrd: number("linux,initrd-start")
                .zip(number("linux,initrd-end"))
                .and_then(|(start, end)| Span::from_ends(start, end)),
            elfcorehdr: spans("linux,elfcorehdr").first().copied(),
            usable: usable
                .unwrap_or_default()
                .into_iter()
                .map_while(|(base, size)| bank_span(base, size))
                .collect(),
        }
    }
}
