//! Surveys a device tree: reads what it says about memory into typed facts, without judgement.
//!
//! The survey covers what Linux reads (drivers/of/fdt.c, drivers/of/of_reserved_mem.c) and also what it
//! silently ignores, because that is where carveouts get lost.

mod chosen;
mod cpus;
mod framebuffer;
mod memory;
mod reg;
mod region;
mod reserved;

pub use chosen::Chosen;
pub use framebuffer::Framebuffer;
pub(crate) use memory::bank_span;
pub use memory::{Bank, Ram};
pub use reg::{Cells, RegError};
pub use region::{Dynamic, Extent, Pool, Region, RegionIndex, TupleIndex};
pub use reserved::{Ranges, ReservedMemory};

use crate::facts::BootFacts;
use crate::fdt::{NodeId, Tree};
use crate::profile::KernelProfile;
use crate::span::Span;
use alloc::vec::Vec;

/// What one device tree says about memory.
#[derive(Clone, Debug)]
pub struct MemoryMap {
    /// The root's cells, with which Linux reads every tuple of `/memory` and `/reserved-memory`.
    pub cells: Cells,
    /// Every tuple of every enabled `/memory` node.
    pub banks: Vec<Bank>,
    /// The RAM of the board.
    pub ram: Ram,
    /// The RAM that Linux will use: what `mem=` and `linux,usable-memory-range` leave of it, the latter to a
    /// kernel that reads all of it, unless it has been told which one it is.
    pub usable: Ram,
    /// The `/memreserve/` entries, up to the first of size 0, where Linux stops reading.
    pub memreserve: Vec<Span>,
    /// `/reserved-memory` itself.
    pub reserved: Option<ReservedMemory>,
    /// Its children, in tree order.
    pub regions: Vec<Region>,
    /// `/chosen`.
    pub chosen: Chosen,
    /// The 4 KiB around each address at which a spin-table processor waits for its release: ascending,
    /// disjoint.
    pub release_pages: Vec<Span>,
    /// The framebuffers that firmware left in `/chosen`.
    pub framebuffers: Vec<Framebuffer>,
}

impl MemoryMap {
    /// Surveys `tree`; RAM banks in `facts` replace those of the tree.
    #[must_use]
    pub fn survey(tree: &Tree<'_>, facts: &BootFacts) -> Self {
        let cells = Cells::of_root(tree);
        let banks =
            memory::banks(memory::nodes(tree).filter(|node| node.depth() == 1 && node.is_enabled()), cells);
        let reserved = ReservedMemory::survey(tree);
        let regions = reserved.as_ref().map_or_else(Vec::new, |r| region::regions(tree, r, cells));
        let chosen = Chosen::survey(tree, cells);
        let framebuffers = framebuffer::framebuffers(tree, chosen.node, &regions);
        let ram = Ram::new(&banks, facts);
        Self {
            cells,
            usable: ram.capped(&chosen, usize::MAX),
            ram,
            banks,
            memreserve: tree
                .blob()
                .memreserve()
                .take_while(|&(_, size)| size != 0)
                .filter_map(|(base, size)| Span::new(base, size))
                .collect(),
            reserved,
            regions,
            chosen,
            release_pages: cpus::release_pages(tree),
            framebuffers,
        }
    }

    /// Returns the cells in which the author of `/reserved-memory` wrote its children; the root's, where
    /// there is no such node.
    #[must_use]
    pub fn region_cells(&self) -> Cells {
        self.reserved.as_ref().map_or(self.cells, |reserved| reserved.cells(self.cells))
    }

    /// Returns the same for a kernel, which may read fewer windows of `linux,usable-memory-range` than there
    /// are.
    #[must_use]
    pub(crate) fn for_kernel(self, profile: &KernelProfile) -> Self {
        if self.chosen.usable.len() <= profile.usable_windows {
            return self;
        }
        Self { usable: self.ram.capped(&self.chosen, profile.usable_windows), ..self }
    }

    /// Returns the RAM that is left to a kernel which takes every node with `device_type = "memory"` for RAM,
    /// at any depth and whatever its `status`, as kernels up to 5.18 do.
    pub(crate) fn usable_of_any_node(
        &self,
        tree: &Tree<'_>,
        facts: &BootFacts,
        profile: &KernelProfile,
    ) -> Ram {
        let ram = Ram::new(&memory::banks(memory::nodes(tree), self.cells), facts);
        ram.capped(&self.chosen, profile.usable_windows)
    }

    /// Returns the region of a node.
    #[must_use]
    pub fn region(&self, node: NodeId) -> Option<&Region> {
        self.region_at(self.region_index(node)?)
    }

    /// Returns the index of a node's region, by binary search: regions are in the order of the tree.
    #[must_use]
    pub fn region_index(&self, node: NodeId) -> Option<RegionIndex> {
        self.regions.binary_search_by_key(&node, |region| region.node).ok().map(RegionIndex)
    }

    /// Returns every region with its index, in the order of the tree.
    pub fn indexed_regions(&self) -> impl Iterator<Item = (RegionIndex, &Region)> {
        self.regions.iter().enumerate().map(|(index, region)| (RegionIndex(index), region))
    }

    /// Returns the region with this index.
    #[must_use]
    pub fn region_at(&self, index: RegionIndex) -> Option<&Region> {
        self.regions.get(index.0)
    }

    /// Returns the regions that Linux uses: enabled children of a `/reserved-memory` that it can read.
    pub fn enabled(&self) -> impl Iterator<Item = &Region> {
        self.regions.iter().filter(|region| region.enabled)
    }

    /// Returns every span that an enabled region keeps Linux from mapping, in the order of the tree.
    pub fn carveouts(&self) -> impl Iterator<Item = Span> {
        self.enabled().filter(|region| region.no_map).flat_map(|region| region.spans().iter().copied())
    }
}
