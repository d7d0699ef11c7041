//! The pools of NUMA nodes (kernel/dma/contiguous.c, `dma_numa_cma_reserve`, from 7.2 on).

use super::DefaultCma;
use super::dma::LIMIT_32;
use super::failure::FailureKind;
use super::kernel::Kernel;
use super::memblock::Memblock;
use crate::bootargs::{cma_of_nodes, last_value, memparse};
use crate::ledger::{Direction, meeting};
use crate::span::{MIB, Span, align_up};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

/// The CMA pool of a NUMA node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodePool {
    /// The node's number.
    pub node: u32,
    /// Its size in bytes.
    pub size: u64,
    /// Its place; `None` where that depends on the kernel's build.
    pub span: Option<Span>,
    /// The size in bytes in the kernel's line.
    pub(super) shown: u64,
}

/// Reserves a pool of every node: of the size of the default pool where there are several nodes, or as
/// `numa_cma=` and `cma_pernuma=` say.
pub(super) fn reserve(kernel: &mut Kernel<'_>, cma: DefaultCma, cmdline: &[u8]) -> Vec<NodePool> {
    if !kernel.profile.pool_for_each_node || kernel.panic.is_some() {
        return Vec::new();
    }
    let nodes = nodes(kernel);
    let of_each = last_value(cmdline, b"cma_pernuma").map(|value| memparse(value).0.unwrap_or(u64::MAX));
    let of_some = cma_of_nodes(cmdline);
    let default = match cma {
        DefaultCma::At(span) => span.len(),
        DefaultCma::Somewhere { size, .. } => size,
        // A pool of the tree.
        DefaultCma::None => {
            let pool = kernel.pools.iter().rfind(|pool| kernel.default_pool == Some(pool.index));
            pool.map_or(0, |pool| pool.span.len())
        }
    };
    let usual = match (of_each, &of_some) {
        (Some(size), _) => size,
        (None, Some(_)) => 0,
        (None, None) if nodes.len() > 1 => default,
        (None, None) => 0,
    };
    let mut pools = Vec::new();
    for (node, banks) in nodes {
        let own = of_some.iter().flatten().rfind(|(of, _)| *of == node).map_or(0, |(_, size)| *size);
        let shown = if own == 0 { usual } else { own };
        let align = kernel.profile.cma_align();
        let Some(size) = align_up(shown, align).filter(|&size| size > 0) else { continue };
        let Some((span, is_certain)) = place(kernel, &banks, size, align) else {
            let line = format!("cma: Failed to reserve {} MiB", shown / MIB);
            kernel.fail(FailureKind::DefaultPool, None, line);
            continue;
        };
        kernel.reserve(span);
        if is_certain {
            kernel.say(format!("cma: Reserved {} MiB at {:#018x}", shown / MIB, span.base()));
        }
        pools.push(NodePool { node, size, span: is_certain.then_some(span), shown });
    }
    pools
}

/// Finds a place in a node's RAM: above 4 GiB from below, else from above. What the kernel has taken before
/// is at the upper end of each node's RAM.
fn place(kernel: &Kernel<'_>, banks: &[Span], size: u64, align: u64) -> Option<(Span, bool)> {
    let pieces = kernel.memblock.free_pieces(size);
    let mut free = Vec::new();
    for &bank in banks {
        free.extend(meeting(&pieces, bank).iter().filter_map(|piece| piece.intersection(bank)));
    }
    let end = kernel.memblock.end();
    let find = |start, direction| Memblock::find_in(&free, size, align, start, end, direction);
    if end >= LIMIT_32.saturating_add(size)
        && let Some(span) = find(LIMIT_32, Direction::BottomUp)
    {
        return Some((span, true));
    }
    Some((find(align, Direction::TopDown)?, false))
}

/// Returns the RAM of each node, by its number. Where some RAM has no node, the kernel takes all of it for
/// node 0 (mm/numa_memblks.c, drivers/of/of_numa.c).
fn nodes(kernel: &Kernel<'_>) -> BTreeMap<u32, Vec<Span>> {
    let mut nodes: BTreeMap<u32, Vec<Span>> = BTreeMap::new();
    for bank in &kernel.map.banks {
        let Some(span) = bank.span else { continue };
        match kernel.analysis.tree.node(bank.node).prop("numa-node-id").and_then(|prop| prop.as_u32()) {
            Some(node) => nodes.entry(node).or_default().push(span),
            None => return BTreeMap::from([(0, kernel.map.ram.spans().to_vec())]),
        }
    }
    nodes.values_mut().for_each(|banks| banks.sort_by_key(|bank| bank.base()));
    nodes
}
