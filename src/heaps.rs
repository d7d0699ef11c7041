//! The DMA-BUF heaps that a kernel offers, and the pool behind each (drivers/dma-buf/heaps, built with
//! `CONFIG_DMABUF_HEAPS_SYSTEM` and `CONFIG_DMABUF_HEAPS_CMA`).

use crate::profile::CmaHeaps;
use alloc::vec::Vec;

/// The heap of the page allocator.
pub const SYSTEM: &str = "system";
/// The heap of the default pool, from 6.17 on.
pub const DEFAULT: &str = "default_cma_region";
/// The name of a default pool that no node describes.
pub const UNDESCRIBED: &str = "reserved";
/// Bytes of the longest name of a CMA pool (`CMA_MAX_NAME` in include/linux/cma.h, without the NUL). Longer
/// names are cut.
const NAME_MAX: usize = 63;

/// A CMA pool that is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedPool<'n> {
    /// The name of its node with the unit address, or [`UNDESCRIBED`].
    pub name: &'n str,
    /// Whether it is the default pool.
    pub is_default: bool,
}

/// A heap that a kernel registers: the device `/dev/dma_heap/` with its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heap<'n> {
    /// Its name.
    pub name: &'n str,
    /// The pool behind it, by its index in the list of pools; `None` for the page allocator.
    pub pool: Option<usize>,
    /// Whether an earlier heap has the same name, so that this one does not come to be (`dma_heap_add`).
    pub is_refused: bool,
}

/// Returns the heaps of these pools in the order in which the kernel registers them. `pools` are in the order
/// in which they were set up.
#[must_use]
pub fn heaps<'n>(kind: CmaHeaps, pools: &[NamedPool<'n>]) -> Vec<Heap<'n>> {
    if kind == CmaHeaps::None {
        return Vec::new();
    }
    let default = pools.iter().rposition(|pool| pool.is_default);
    let own = |index: usize| Some((cut(pools.get(index)?.name), Some(index)));
    let mut wanted = alloc::vec![(SYSTEM, None)];
    if kind != CmaHeaps::DefaultByName {
        wanted.extend(default.map(|index| (DEFAULT, Some(index))));
    }
    match kind {
        CmaHeaps::EveryPool => wanted.extend((0..pools.len()).filter_map(own)),
        _ => wanted.extend(default.and_then(own)),
    }
    let mut heaps: Vec<Heap<'n>> = Vec::new();
    for (name, pool) in wanted {
        let is_refused = heaps.iter().any(|heap| heap.name == name && !heap.is_refused);
        heaps.push(Heap { name, pool, is_refused });
    }
    heaps
}

/// Returns what a kernel keeps of a pool's name.
fn cut(name: &str) -> &str {
    name.get(..NAME_MAX).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(kind: CmaHeaps, pools: &[(&str, bool)]) -> Vec<(std::string::String, Option<usize>, bool)> {
        let pools: Vec<_> = pools.iter().map(|&(name, is_default)| NamedPool { name, is_default }).collect();
        heaps(kind, &pools).iter().map(|heap| (heap.name.into(), heap.pool, heap.is_refused)).collect()
    }

    #[test]
    fn versions_offer_the_default_pool_once_twice_and_beside_every_other() {
        let pools = [("frames@90000000", false), ("linux,cma", true)];
        let own = |name: &str, pool| (name.into(), Some(pool), false);
        let system = ("system".into(), None, false);
        assert_eq!(names(CmaHeaps::None, &pools), []);
        assert_eq!(names(CmaHeaps::DefaultByName, &pools), [system.clone(), own("linux,cma", 1)]);
        let default = own("default_cma_region", 1);
        assert_eq!(
            names(CmaHeaps::DefaultTwice, &pools),
            [system.clone(), default.clone(), own("linux,cma", 1)]
        );
        assert_eq!(
            names(CmaHeaps::EveryPool, &pools),
            [system, default, own("frames@90000000", 0), own("linux,cma", 1)]
        );
    }

    #[test]
    fn the_last_default_pool_is_the_one() {
        assert_eq!(
            names(CmaHeaps::DefaultByName, &[("a", true), ("b", true)])[1],
            ("b".into(), Some(1), false)
        );
    }

    #[test]
    fn a_name_belongs_to_the_first_that_has_it() {
        let long = "a-pool-whose-name-goes-on-and-on-so-that-the-unit-address-is-cut@90000000";
        let other = "a-pool-whose-name-goes-on-and-on-so-that-the-unit-address-is-cut@a0000000";
        let refused = |pools: &[(&str, bool)]| {
            let heaps = names(CmaHeaps::EveryPool, pools);
            heaps.iter().filter(|heap| heap.2).filter_map(|heap| heap.1).collect::<Vec<_>>()
        };
        assert_eq!(refused(&[(long, false), (other, false)]), [1]);
        assert_eq!(refused(&[("system", false), ("frames", false)]), [0]);
        assert_eq!(refused(&[("default_cma_region", false), ("frames", true)]), [0]);
        assert_eq!(refused(&[("default_cma_region", true)]), [0], "it is offered once");
        assert_eq!(refused(&[("reserved", false), (UNDESCRIBED, true)]), [1]);
    }
}
