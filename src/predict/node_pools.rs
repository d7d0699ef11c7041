//! The pools of NUMA nodes (kernel/dma/contiguous.c: `dma_pernuma_cma_reserve` up to 6.6,
//! `dma_numa_cma_reserve` from 6.7 on).

use super::DefaultCma;
use super::dma::LIMIT_32;
use super::failure::FailureKind;
use super::kernel::Kernel;
use super::memblock::Memblock;
use crate::bootargs::{cma_of_nodes, last_value, memparse};
use crate::ledger::{Direction, meeting};
use crate::profile::{Above4Gib, NodePools};
use crate::span::{MIB, Span, align_up};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
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

/// Reserves what `cma_pernuma=` says of every node before the default pool, as kernels up to 6.6 do.
pub(super) fn reserve_first(kernel: &mut Kernel<'_>, cmdline: &[u8]) -> Vec<NodePool> {
    let of_each = of_each(cmdline).filter(|_| kernel.profile.node_pools == NodePools::OfArgument);
    let Some(size) = of_each.filter(|_| kernel.panic.is_none()) else { return Vec::new() };
    nodes(kernel).into_iter().filter_map(|(node, banks)| reserve_on(kernel, node, &banks, size)).collect()
}

/// Reserves a pool of every node after the default pool: of its size where there are several nodes, or as
/// `numa_cma=` and `cma_pernuma=` say.
pub(super) fn reserve(kernel: &mut Kernel<'_>, cma: DefaultCma, cmdline: &[u8]) -> Vec<NodePool> {
    if kernel.profile.node_pools != NodePools::Every || kernel.panic.is_some() {
        return Vec::new();
    }
    let nodes = nodes(kernel);
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
    let usual = match (of_each(cmdline), &of_some) {
        (Some(size), _) => size,
        (None, Some(_)) => 0,
        (None, None) if nodes.len() > 1 => default,
        (None, None) => 0,
    };
    let mut pools = Vec::new();
    for (node, banks) in nodes {
        let own = of_some.iter().flatten().rfind(|(of, _)| *of == node).map_or(0, |(_, size)| *size);
        pools.extend(reserve_on(kernel, node, &banks, if own == 0 { usual } else { own }));
    }
    pools
}

/// Returns the size in bytes that `cma_pernuma=` asks for on each node.
fn of_each(cmdline: &[u8]) -> Option<u64> {
    last_value(cmdline, b"cma_pernuma").map(|value| memparse(value).0.unwrap_or(u64::MAX))
}

/// Reserves a pool of a node with this RAM.
fn reserve_on(kernel: &mut Kernel<'_>, node: u32, banks: &[Span], asked: u64) -> Option<NodePool> {
    let align = kernel.profile.cma_align();
    let size = align_up(asked, align).filter(|&size| size > 0)?;
    let shown = if kernel.profile.log.cma_asked_size { asked } else { size };
    let on_node = match kernel.profile.log.cma_node {
        "" => String::new(),
        _ => format!(" on node {node}"),
    };
    let Some((span, is_certain)) = place(kernel, banks, size, align) else {
        let line = format!("cma: Failed to reserve {} MiB{on_node}", shown / MIB);
        kernel.fail(FailureKind::DefaultPool, None, line);
        return None;
    };
    kernel.reserve(span);
    if is_certain {
        kernel.say(format!("cma: Reserved {} MiB at {:#018x}{on_node}", shown / MIB, span.base()));
    }
    Some(NodePool { node, size, span: is_certain.then_some(span), shown })
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
    if kernel.profile.cma_above_4gib != Above4Gib::Never
        && end >= LIMIT_32.saturating_add(size)
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
    for bank in &kernel.analysis.map.banks {
        let Some(span) = bank.span else { continue };
        match kernel.analysis.tree.node(bank.node).prop("numa-node-id").and_then(|prop| prop.as_u32()) {
            Some(node) => nodes.entry(node).or_default().push(span),
            None => return BTreeMap::from([(0, kernel.analysis.map.ram.spans().to_vec())]),
        }
    }
    nodes.values_mut().for_each(|banks| banks.sort_by_key(|bank| bank.base()));
    nodes
}
