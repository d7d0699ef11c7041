//! Predicts how a kernel uses a tree: which bytes it protects, where its pools are, what it prints.
//!
//! This is a model of memblock and of the order in which each family of kernels reserves
//! (arch/arm64/mm/init.c, drivers/of/fdt.c, drivers/of/of_reserved_mem.c, kernel/dma/contiguous.c, mm/cma.c).
//! It was compared with boots of 6.1, 6.12 and 7.3. The kernel's own lines prove nothing: from 6.12 on it
//! prints `nomap` for regions that it has just refused, and so does the prediction.

mod boot_log;
mod default_cma;
pub(crate) mod dma;
mod dynamic;
mod failure;
mod heaps;
mod kernel;
mod memblock;
mod node_pools;
mod order;
mod outcomes;
mod pools;
mod reading;
mod regions;
mod verify;

pub use boot_log::BootLog;
pub use failure::{Failure, FailureKind};
pub use heaps::OfferedHeap;
pub use memblock::Memblock;
pub use node_pools::NodePool;
pub use verify::{Difference, Observed, verify};

use self::kernel::Kernel;
use self::reading::Reading;
use crate::analysis::Analysis;
use crate::bootargs;
use crate::claims::ClaimKind;
use crate::efi::{EfiMap, EfiUse};
use crate::fdt::NodeId;
use crate::profile::CmaAlignment;
use crate::span::Span;
use alloc::string::String;
use alloc::vec::Vec;

/// The state of a region in the booted kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Linux neither maps nor uses it.
    NoMap,
    /// Linux does not use it, but maps it as cached memory.
    Reserved,
    /// A CMA pool: Linux uses it until a device wants it.
    Cma,
    /// A coherent pool for devices.
    Coherent,
    /// Linux took it out of RAM, and neither maps nor uses it.
    Removed,
    /// Ordinary memory, at least in part.
    Free,
    /// It is outside RAM, or nowhere.
    Absent,
}

impl State {
    /// Returns the stable name of the state, for machines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoMap => "nomap",
            Self::Reserved => "reserved",
            Self::Cma => "cma",
            Self::Coherent => "coherent",
            Self::Removed => "removed",
            Self::Free => "free",
            Self::Absent => "absent",
        }
    }
}

/// The outcome for one span of one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionOutcome {
    /// The node; `None` for a region that the tree does not have.
    pub node: NodeId,
    /// Its name with the unit address.
    pub name: String,
    /// Its span; `None` for a region without a place.
    pub span: Option<Span>,
    /// The state of all of its RAM.
    pub state: State,
    /// Bytes of RAM in it.
    pub ram: u64,
    /// Bytes in it that Linux does not map.
    pub no_map: u64,
    /// Bytes in it that Linux does not use, mapped or not.
    pub withheld: u64,
    /// Bytes of it that were taken out of RAM.
    pub removed: u64,
}

/// The default CMA pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultCma {
    /// There is none.
    None,
    /// It is here.
    At(Span),
    /// It exists, but its place depends on the kernel's build. Pin it to be sure.
    Somewhere {
        /// Its size in bytes.
        size: u64,
        /// The size in bytes in the kernel's line, which may be the requested one.
        shown: u64,
    },
}

/// What a kernel is predicted to do with a tree.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// Every region, in the order of the tree.
    pub regions: Vec<RegionOutcome>,
    /// The default CMA pool.
    pub cma: DefaultCma,
    /// The CMA pools that the kernel makes of NUMA nodes.
    pub node_pools: Vec<NodePool>,
    /// The DMA-BUF heaps that a kernel built with them offers, in the order of their registration.
    pub heaps: Vec<OfferedHeap>,
    /// Bytes of all CMA pools together (`CmaTotal`).
    pub cma_total: u64,
    /// The lines that the kernel prints about reserved memory and CMA, without time stamps, in order.
    pub log: Vec<String>,
    /// What of it tells of something that is refused, that fails, is dropped, or that the kernel dies of.
    pub failures: Vec<Failure>,
    /// Why the kernel panics because of the tree, when it does.
    pub panic: Option<&'static str>,
    /// The command line that the kernel reads, truncated as the kernel does.
    pub cmdline: Vec<u8>,
    /// The state of memory after the kernel has reserved and before it frees the initrd.
    pub memblock: Memblock,
}

/// A function that predicts. Code that only hands it on does not hold the whole model.
#[derive(Clone, Copy, Debug)]
pub struct Predictor(fn(&Analysis<'_, '_>) -> Prediction);

impl Predictor {
    /// The model of this module.
    pub const MODEL: Self = Self(predict);

    /// Predicts how the kernel of an analysis uses its tree.
    pub(crate) fn predict(self, analysis: &Analysis<'_, '_>) -> Prediction {
        (self.0)(analysis)
    }
}

/// Entries for the linear map's page tables next to each other before the array can grow.
const PAGE_TABLES: usize = 2;
/// Bytes of a kernel from `_text` to `_stext` (`SEGMENT_ALIGN` in arch/arm64/kernel/vmlinux.lds.S).
const HEAD: u64 = 64 << 10;

/// Takes what the EFI memory map does not leave to Linux (`reserve_regions` in
/// drivers/firmware/efi/efi-init.c, 6.12).
fn reserve_efi(kernel: &mut Kernel<'_>, map: &EfiMap) {
    for range in map.ranges().iter().filter(|range| range.kind.usage() != EfiUse::Device) {
        if !range.kind.is_usable() {
            kernel.mark_no_map(range.span);
        } else if range.kind.is_kept_table() {
            kernel.reserve(range.span);
        }
    }
}

/// Tells whether the first allocation from the default pool overwrites the kernel. The kernel makes it itself
/// (kernel/dma/pool.c, up to 5.7 kernel/dma/remap.c) at the start of the pool, and clears the whole block
/// that it is taken from (mm/page_alloc.c, `alloc_contig_range`).
fn overwrites_kernel(analysis: &Analysis<'_, '_>, pool: Span, cmdline: &[u8]) -> bool {
    let profile = analysis.profile;
    let block = CmaAlignment::Pageblock.bytes(profile.page);
    let first = Span::new(pool.base(), pool.len().min(block));
    let kernel = analysis.span_of(ClaimKind::Kernel);
    let is_hit = first.zip(kernel).is_some_and(|(first, kernel)| first.overlaps(kernel));
    let asked = bootargs::last_value(cmdline, b"init_on_alloc").and_then(bootargs::boolean);
    is_hit && asked.unwrap_or(profile.build.clears_on_alloc)
}

/// Predicts how the kernel of an analysis uses its tree, with the claims as the contents of memory at entry.
#[must_use]
pub fn predict(analysis: &Analysis<'_, '_>) -> Prediction {
    let profile = analysis.profile;
    let reading = Reading::new(&analysis.tree, &analysis.map, analysis.facts, profile);
    let mut memblock = Memblock::new(&reading.ram, profile.build.room);
    let mut taken: Vec<Span> = analysis.span_of(ClaimKind::Dtb).into_iter().collect();
    // The initrd becomes RAM whatever the tree says, which re-exposes a hole around it.
    let initrd = analysis.span_of(ClaimKind::Initrd);
    let initrd = initrd.and_then(|initrd| initrd.outward(profile.page.bytes()));
    if let Some(initrd) = initrd {
        memblock.add(initrd);
        taken.push(initrd);
    }
    if let Some(kernel) = analysis.span_of(ClaimKind::Kernel) {
        memblock.add(kernel);
        let head = if profile.reserves_head { 0 } else { HEAD };
        taken.extend(Span::from_ends(kernel.base().saturating_add(head), kernel.end()));
    }
    let line = analysis.map.chosen.bootargs.clone().unwrap_or_default();
    let cmdline = line.get(..line.len().min(bootargs::MAX_LEN)).unwrap_or_default().to_vec();
    let arg = bootargs::cma(&cmdline);
    let mut kernel = Kernel::new(analysis, &reading, arg, memblock);
    if let Some(efi) = &analysis.facts.efi {
        reserve_efi(&mut kernel, &efi.map);
    }
    for span in taken {
        kernel.reserve(span);
    }
    kernel.reserve_regions();
    // The kernel frees the initrd after unpacking it, region or not. What it takes for itself afterwards,
    // such as the default pool, protects no region.
    let mut settled = kernel.memblock.clone();
    if let Some(initrd) = initrd {
        settled.free(initrd);
    }
    let mut node_pools = node_pools::reserve_first(&mut kernel, &cmdline);
    let cma = default_cma::reserve(&mut kernel);
    node_pools.extend(node_pools::reserve(&mut kernel, cma, &cmdline));
    let outcomes = outcomes::outcomes(&kernel, &settled);
    // cma_init_reserved_areas() touches the pages of every pool, even without `reusable`.
    let default_at = match cma {
        DefaultCma::At(span) => Some(span),
        DefaultCma::None | DefaultCma::Somewhere { .. } => None,
    };
    let mut cma_spans = kernel.pools.iter().filter(|pool| pool.cma).map(|pool| pool.span).chain(default_at);
    let lost = cma_spans.any(|span| !kernel.memblock.memory().any(|bank| bank.covers(span)));
    let unmapped = initrd.is_some_and(|initrd| kernel.memblock.is_removed(initrd));
    let default_pool = kernel.pools.iter().find(|pool| kernel.default_pool == Some(pool.index));
    let default_pool = default_pool.map(|pool| pool.span).or(default_at);
    let overwritten = default_pool.is_some_and(|pool| overwrites_kernel(analysis, pool, &cmdline));
    let panic = kernel
        .panic
        .or(lost.then_some("paging fault in cma_init_reserved_areas"))
        .or(unmapped.then_some("paging fault while the initrd is unpacked"))
        .or(overwritten.then_some("write to read-only memory in dma_atomic_pool_init"));
    let heaps = heaps::offered(&kernel, cma);
    let (memblock, log, pools) = (kernel.memblock, kernel.log, kernel.pools);
    let mut failures = kernel.failures;
    failures.extend(panic.map(|_| Failure { kind: FailureKind::Panic, node: None, line: None }));
    let default_len = match cma {
        DefaultCma::At(span) => span.len(),
        DefaultCma::Somewhere { size, .. } => size,
        DefaultCma::None => 0,
    };
    let of_tree: u64 = pools.iter().filter(|pool| pool.cma).map(|pool| pool.span.len()).sum();
    let cma_total = of_tree + default_len + node_pools.iter().map(|pool| pool.size).sum::<u64>();
    Prediction {
        regions: outcomes,
        cma,
        node_pools,
        heaps,
        cma_total,
        log,
        failures,
        panic,
        cmdline,
        memblock,
    }
}
