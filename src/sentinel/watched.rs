//! Which carveouts are watched.

use super::region;
use crate::fdt::{Node, NodeId, Tree};
use crate::ledger;
use crate::order;
use crate::policy::{Key, Sentinel, Watch};
use crate::span::Span;
use crate::survey::{MemoryMap, Region, RegionIndex};
use alloc::vec::Vec;

/// A span that is absent from stage 2, and the region that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The addresses, in whole bytes of the region: at most all of one tuple.
    pub span: Span,
    /// The region.
    pub region: RegionIndex,
}

/// Names of regions that a driver of Linux maps at an address that the firmware tells it, so that no node
/// refers to them (drivers/tee/optee/smc_abi.c, `optee_config_shm_memremap`).
const MAPPED_BY_FIRMWARE: [&str; 2] = ["optee_shm", "optee-shm"];

/// Returns what is watched, in the order of the tree: the carveouts that the policy names, or those that no
/// driver maps, without what a claimed region, a framebuffer, a release page or the sentinel's own region has
/// of them.
#[must_use]
pub fn watched(tree: &Tree<'_>, map: &MemoryMap, policy: &Sentinel) -> Vec<Watched> {
    let users = Users::of(tree);
    let own = region(tree, map).map(|region| region.node);
    let chosen = match &policy.carveouts {
        Watch::Unclaimed => None,
        Watch::Named(keys) => Some(keys.iter().filter_map(|key| named(tree, map, key)).collect::<Vec<_>>()),
    };
    let is_watched = |index: RegionIndex, region: &Region| {
        let wanted = match &chosen {
            None => !users.claim(tree.node(region.node)),
            Some(chosen) => chosen.contains(&index),
        };
        wanted && region.enabled && region.no_map && Some(region.node) != own
    };
    let (mine, others): (Vec<_>, Vec<_>) =
        map.indexed_regions().partition(|(index, region)| is_watched(*index, region));
    let others = others.into_iter().filter(|(_, region)| region.enabled);
    let used = others.flat_map(|(_, region)| region.spans().iter().copied());
    let used = used.chain(map.framebuffers.iter().map(|framebuffer| framebuffer.span));
    let used = ledger::union(used.chain(map.release_pages.iter().copied()).collect());
    let one = |(index, region): (RegionIndex, &Region)| {
        let spans = ledger::subtract(&ledger::union(region.spans().to_vec()), &used);
        spans.into_iter().map(move |span| Watched { span, region: index })
    };
    mine.into_iter().flat_map(one).collect()
}

/// Finds the region that a key of the policy names: by its path or label, or by the path without its unit
/// address when only one region has that.
#[must_use]
pub fn named(tree: &Tree<'_>, map: &MemoryMap, key: &Key) -> Option<RegionIndex> {
    let label;
    let path = match key {
        Key::Path(path) => path.as_str(),
        Key::Label(name) => {
            label = tree.by_label(name)?.path();
            label.as_str()
        }
    };
    if let Some((index, _)) = map.indexed_regions().find(|(_, region)| region.path == path) {
        return Some(index);
    }
    let base = |path: &str| path.split('@').next().map(alloc::string::String::from);
    let mut same = map.indexed_regions().filter(|(_, region)| base(&region.path) == base(path));
    same.next().filter(|_| same.next().is_none()).map(|(index, _)| index)
}

/// Tells whether a driver of Linux maps a region: it has a `compatible`, or an enabled node refers to it.
#[must_use]
pub fn is_claimed(tree: &Tree<'_>, region: &Region) -> bool {
    Users::of(tree).claim(tree.node(region.node))
}

/// Every phandle to memory that an enabled node has, ascending.
struct Users(Vec<u32>);

impl Users {
    fn of(tree: &Tree<'_>) -> Self {
        let regions = tree.props_named("memory-region").chain(tree.props_named("shmem"));
        let mut phandles: Vec<u32> =
            regions.filter(|(node, _)| node.is_available()).flat_map(|(_, prop)| prop.cells()).collect();
        order::sort(&mut phandles);
        Self(phandles)
    }

    fn claim(&self, node: Node<'_, '_>) -> bool {
        node.has_prop("compatible")
            || node.phandle().is_some_and(|phandle| self.0.binary_search(&phandle).is_ok())
            || MAPPED_BY_FIRMWARE.iter().any(|name| node.base_name().starts_with(name))
    }
}

impl Watched {
    /// Returns the node of its region.
    #[must_use]
    pub fn node(&self, map: &MemoryMap) -> Option<NodeId> {
        map.region_at(self.region).map(|region| region.node)
    }
}
