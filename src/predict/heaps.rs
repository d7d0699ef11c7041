//! The DMA-BUF heaps that a kernel offers, with the pool behind each.

use super::DefaultCma;
use super::kernel::Kernel;
use crate::fdt::NodeId;
use crate::heaps::{NamedPool, UNDESCRIBED, heaps};
use crate::span::Span;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A DMA-BUF heap: the device `/dev/dma_heap/` with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedHeap {
    /// Its name.
    pub name: String,
    /// The node of the pool behind it; `None` for a default pool without a node, and the page allocator.
    pub node: Option<NodeId>,
    /// The pool behind it; `None` where its place is unknown, and for the page allocator.
    pub span: Option<Span>,
    /// Whether it allocates from a CMA pool; else from the page allocator.
    pub is_pool: bool,
    /// Whether an earlier heap has its name, so that it does not come to be.
    pub is_refused: bool,
}

/// Returns the heaps of a kernel whose default pool is settled.
pub(super) fn offered(kernel: &Kernel<'_>, cma: DefaultCma) -> Vec<OfferedHeap> {
    if kernel.panic.is_some() {
        return Vec::new();
    }
    let described = kernel.pools.iter().filter(|pool| pool.cma).filter_map(|pool| {
        let region = kernel.reading.regions.get(pool.index)?;
        let is_default = kernel.default_pool == Some(pool.index);
        let named = NamedPool { name: region.name.as_str(), is_default };
        Some((named, Some(region.node), Some(pool.span)))
    });
    let undescribed = NamedPool { name: UNDESCRIBED, is_default: true };
    let built_in = match cma {
        DefaultCma::None => None,
        DefaultCma::At(span) => Some((undescribed, None, Some(span))),
        DefaultCma::Somewhere { .. } => Some((undescribed, None, None)),
    };
    let pools: Vec<_> = described.chain(built_in).collect();
    let named: Vec<_> = pools.iter().map(|(named, ..)| *named).collect();
    let offered = heaps(kernel.profile.cma_heaps, &named).into_iter().map(|heap| {
        let behind = heap.pool.and_then(|index| pools.get(index));
        OfferedHeap {
            name: heap.name.to_string(),
            node: behind.and_then(|(_, node, _)| *node),
            span: behind.and_then(|(.., span)| *span),
            is_pool: heap.pool.is_some(),
            is_refused: heap.is_refused,
        }
    });
    offered.collect()
}
