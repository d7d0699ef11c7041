//! `/memory`: the RAM banks.

use super::chosen::Chosen;
use super::reg::Cells;
use crate::facts::BootFacts;
use crate::fdt::{Node, NodeId, Tree};
use crate::ledger;
use crate::span::Span;
use alloc::vec::Vec;

/// One tuple of an enabled `/memory` node.
#[derive(Clone, Debug)]
pub struct Bank {
    /// The node.
    pub node: NodeId,
    /// Which tuple of its `reg`, from 0.
    pub index: usize,
    /// The tuple; `None` for a placeholder of size 0 that a boot loader is meant to fill.
    pub span: Option<Span>,
}

/// The RAM of the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ram {
    /// The union of the banks: ascending, disjoint, touching banks joined.
    Known(Vec<Span>),
    /// No bank, or placeholders only: `/memory` is left to the boot loader, as in more than half of all
    /// mainline trees.
    Unknown,
}

impl Ram {
    pub(super) fn new(banks: &[Bank], facts: &BootFacts) -> Self {
        let spans: Vec<Span> = match (facts.ram.is_empty(), &facts.efi) {
            (false, _) => facts.ram.clone(),
            // In an EFI boot Linux drops `/memory` (`reserve_regions` in drivers/firmware/efi/efi-init.c).
            (true, Some(efi)) => efi.map.memory(),
            (true, None) => banks.iter().filter_map(|bank| bank.span).collect(),
        };
        if spans.is_empty() { Self::Unknown } else { Self::Known(ledger::union(spans)) }
    }

    /// Returns what a kernel leaves of it that reads so many windows of `linux,usable-memory-range`: these
    /// windows (the first caps, further ones are added), then the lowest bytes that `mem=` keeps
    /// (drivers/of/fdt.c, `early_init_dt_check_for_usable_mem_range`; arch/arm64/mm/init.c,
    /// `arm64_memblock_init`). A `mem=` of 0 sets no limit.
    pub(super) fn capped(&self, chosen: &Chosen, windows: usize) -> Self {
        let Self::Known(spans) = self else { return Self::Unknown };
        let mut left = spans.clone();
        if !chosen.usable.is_empty() {
            let windows = ledger::union(chosen.usable.iter().take(windows).copied().collect());
            let cut = |span: &Span| windows.iter().filter_map(|w| w.intersection(*span)).collect::<Vec<_>>();
            left = left.iter().flat_map(cut).collect();
        }
        if let Some(mut room) = chosen.limit.filter(|&limit| limit > 0) {
            left = left
                .into_iter()
                .filter_map(|span| {
                    let kept = Span::new(span.base(), span.len().min(room))?;
                    room -= kept.len();
                    Some(kept)
                })
                .collect();
        }
        Self::Known(left)
    }

    /// Returns the banks joined, or nothing when they are unknown.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        match self {
            Self::Known(spans) => spans,
            Self::Unknown => &[],
        }
    }

    /// Returns the parts of `span` that are known to be RAM, ascending.
    pub fn within(&self, span: Span) -> impl Iterator<Item = Span> {
        ledger::meeting(self.spans(), span).iter().filter_map(move |bank| bank.intersection(span))
    }

    /// Returns whether the RAM is known.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        matches!(self, Self::Known(_))
    }
}

/// Returns the span of a bank, cut off at the end of the address space as Linux does (drivers/of/fdt.c,
/// `early_init_dt_add_memory_arch`).
pub(crate) fn bank_span(base: u64, size: u64) -> Option<Span> {
    Span::new(base, size).or_else(|| Span::from_ends(base, if size > 0 { u64::MAX } else { base }))
}

/// Returns the nodes with `device_type = "memory"`, at any depth and whatever their `status`; their names do
/// not matter.
pub(super) fn nodes<'t, 'a>(tree: &'t Tree<'a>) -> impl Iterator<Item = Node<'t, 'a>> {
    let typed = tree.props_named("device_type").filter(|(_, prop)| prop.text() == Some("memory"));
    typed.map(|(node, _)| node)
}

/// Returns every tuple of memory nodes; `linux,usable-memory` replaces `reg` (drivers/of/fdt.c,
/// `early_init_dt_scan_memory`).
pub(super) fn banks<'t, 'a: 't>(nodes: impl Iterator<Item = Node<'t, 'a>>, cells: Cells) -> Vec<Bank> {
    let mut banks = Vec::new();
    for node in nodes {
        let Some(reg) = node.prop("linux,usable-memory").or_else(|| node.prop("reg")) else { continue };
        let whole = reg.value.len() - reg.value.len() % cells.tuple_len().max(1);
        let tuples = cells.tuples(reg.value.get(..whole).unwrap_or_default()).unwrap_or_default();
        banks.extend(tuples.into_iter().enumerate().map(|(index, (base, size))| Bank {
            node: node.id(),
            index,
            span: bank_span(base, size),
        }));
    }
    banks
}
