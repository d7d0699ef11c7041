//! Sets regions up as pools, and models the failures of that (kernel/dma/contiguous.c,
//! kernel/dma/coherent.c).

use super::failure::FailureKind;
use super::kernel::{Held, Kernel, PoolAt};
use crate::profile::{CmaArgument, FailedNoMap, SizeUnit};
use crate::span::{MIB, Span};
use crate::survey::{Pool, Region};
use alloc::format;
use alloc::string::String;

/// The kernel's message when all its CMA areas are in use (mm/cma.c).
pub(super) const NO_AREA: &str = "cma: Not enough slots for CMA reserved regions!";

impl Kernel<'_> {
    /// Returns whether a CMA area is free.
    pub(super) fn has_area(&self) -> bool {
        self.areas < self.profile.build.cma_areas
    }

    /// Sets a region up as its `compatible` says, and undoes its reservation where that fails. Returns
    /// whether it succeeded.
    pub(super) fn set_up(&mut self, index: usize, region: &Region, held: Held) -> bool {
        let Held { span, size: bytes } = held;
        let is_bypassed = self.is_bypassed(region);
        let created = match (region.pool, region.reusable, region.no_map) {
            (Pool::Shared, true, false) if is_bypassed => Err(()),
            (Pool::Shared, true, true) if self.profile.failed_no_map == FailedNoMap::Kept => Ok(false),
            (Pool::Shared, true, true) => Err(()),
            (Pool::Shared, true, false) => self.set_up_cma(index, region, held).map(|()| true),
            (Pool::Shared, false, _) => {
                let size = match self.profile.log.dma_pool_size {
                    SizeUnit::Kib => format!("{} KiB", bytes >> 10),
                    SizeUnit::Mib => format!("{} MiB", bytes / MIB),
                };
                self.say(format!(
                    "Reserved memory: created DMA memory pool at {:#018x}, size {size}",
                    span.base()
                ));
                self.pools.push(PoolAt { index, span, cma: false });
                Ok(true)
            }
            (Pool::Restricted, ..) if self.profile.build.restricted_pools => {
                self.set_up_restricted(region, held)
            }
            _ => Ok(false),
        };
        match created {
            Ok(created) => {
                if created {
                    let name = &region.name;
                    let id = if region.pool == Pool::Restricted { "restricted" } else { "shared" };
                    self.say(format!(
                        "OF: reserved mem: initialized node {name}, compatible id {id}-dma-pool"
                    ));
                }
                if self.profile.log.region_lines {
                    self.say(line_of(region, held));
                }
            }
            Err(()) => {
                let line = format!("OF: reserved mem: node {} compatible matching fail", region.name);
                self.fail(FailureKind::SetUp, Some(region.node), line);
                self.undo(region, span);
            }
        }
        created.is_ok()
    }

    /// Undoes the reservation of a region. The kernel does not look: other regions in that memory lose their
    /// protection with it.
    fn undo(&mut self, region: &Region, span: Span) {
        match self.profile.failed_no_map {
            _ if !region.no_map => self.memblock.free(span),
            FailedNoMap::AddedToRam => {
                self.memblock.free(span);
                if !self.memblock.add_back(span) {
                    // Page tables go there first.
                    self.panic.get_or_insert("external abort in RAM that does not exist");
                }
            }
            FailedNoMap::Freed | FailedNoMap::FreedUnmapped | FailedNoMap::Kept => {
                self.memblock.clear_no_map(span);
            }
        }
    }

    /// Returns whether `cma=` keeps a node from becoming a CMA pool, and says so. It is asked first, also of
    /// nodes that are none.
    fn is_bypassed(&mut self, region: &Region) -> bool {
        let is_bypassed = self.profile.cma_argument == CmaArgument::FreesNode
            && self.arg.is_some()
            && region.pool == Pool::Shared
            && region.cma_default;
        if is_bypassed {
            let name = &region.name;
            let line = format!("Reserved memory: bypass {name} node, using cmdline CMA params instead");
            self.fail(FailureKind::Replaced, Some(region.node), line);
        }
        is_bypassed
    }

    /// Sets a restricted pool up (kernel/dma/swiotlb.c, `rmem_swiotlb_setup`).
    fn set_up_restricted(&mut self, region: &Region, held: Held) -> Result<bool, ()> {
        let is_default = self.analysis.tree.node(region.node).has_prop("linux,dma-default");
        if region.reusable || region.no_map || region.cma_default || is_default {
            return Err(());
        }
        let size = held.size / MIB;
        self.say(format!(
            "software IO TLB: Reserved memory: created restricted DMA pool at {:#018x}, size {size} MiB",
            held.span.base()
        ));
        Ok(true)
    }

    fn set_up_cma(&mut self, index: usize, region: &Region, held: Held) -> Result<(), ()> {
        let Held { span, size } = held;
        if (span.base() | size) & (self.profile.cma_align() - 1) != 0 {
            let line = "Reserved memory: incorrect alignment of CMA region";
            self.fail(FailureKind::Misaligned, Some(region.node), line);
            return Err(());
        }
        if !self.has_area() {
            let node = Some(region.node);
            self.fail(FailureKind::NoArea, node, NO_AREA);
            self.fail(FailureKind::NoArea, node, "Reserved memory: unable to setup CMA region");
            return Err(());
        }
        if region.cma_default {
            self.default_pool = Some(index);
        }
        self.pools.push(PoolAt { index, span, cma: true });
        self.areas += 1;
        self.say(format!(
            "Reserved memory: created CMA memory pool at {:#018x}, size {} MiB",
            span.base(),
            size / MIB
        ));
        Ok(())
    }
}

/// Returns the line that kernels print for every region. It does not prove protection.
fn line_of(region: &Region, held: Held) -> String {
    format!(
        "OF: reserved mem: {:#018x}..{:#018x} ({} KiB) {} {} {}",
        held.span.base(),
        held.last(),
        held.size >> 10,
        if region.no_map { "nomap" } else { "map" },
        if region.reusable { "reusable" } else { "non-reusable" },
        region.name
    )
}
