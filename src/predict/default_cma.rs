//! The default CMA pool: `cma=`, the tree's, or the one that the kernel was built with.

use super::DefaultCma;
use super::dma::LIMIT_32;
use super::failure::FailureKind;
use super::kernel::Kernel;
use super::memblock::Memblock;
use super::pools::NO_AREA;
use crate::ledger::Direction;
use crate::profile::{Above4Gib, PageSize};
use crate::span::{MIB, Span, align_down, align_up};
use alloc::format;
use alloc::vec::Vec;

/// What the kernel takes from the top of RAM before it places the pool (page tables, the unflattened tree,
/// node data) is well below this. Where so much RAM is free above the pool's window, the place is
/// predictable.
const EARLY_TAKINGS: u64 = 512 * MIB;

/// A request to `cma_declare_contiguous()`.
struct Want {
    size: u64,
    base: u64,
    limit: u64,
    fixed: bool,
}

/// Reserves the default pool as `dma_contiguous_reserve()` does.
pub(super) fn reserve(kernel: &mut Kernel<'_>) -> DefaultCma {
    let size = kernel.arg.map_or(kernel.profile.build.default_cma, |arg| arg.size);
    if size == 0 || kernel.default_pool.is_some() || kernel.panic.is_some() {
        return DefaultCma::None;
    }
    let want = match kernel.arg {
        None => Want { size, base: 0, limit: dma_limit(kernel), fixed: false },
        Some(arg) => {
            let base = arg.base.unwrap_or(0);
            let asked = match arg.base {
                None => 0,
                Some(base) => arg.limit.unwrap_or(base.saturating_add(arg.size)),
            };
            let limit = match (asked, kernel.profile.cma_below_dma_limit) {
                (0, _) => dma_limit(kernel),
                (asked, true) => asked.min(dma_limit(kernel)),
                (asked, false) => asked,
            };
            let fixed = arg.base.is_some() && base.saturating_add(size) == asked;
            Want { size, base, limit, fixed }
        }
    };
    let on_node = kernel.profile.log.cma_node;
    let full = !kernel.has_area();
    if full {
        kernel.fail(FailureKind::NoArea, None, NO_AREA);
        // Only the wrapper function of later kernels reports every failure.
        if !kernel.profile.log.cma_no_area_fails {
            return DefaultCma::None;
        }
    }
    let Some((span, certain)) = declare(kernel, want).ok().filter(|_| !full) else {
        let line = format!("cma: Failed to reserve {} MiB{on_node}", size / MIB);
        kernel.fail(FailureKind::DefaultPool, None, line);
        return DefaultCma::None;
    };
    let _ = kernel.reserve(span);
    let shown = if kernel.profile.log.cma_asked_size { size } else { span.len() };
    if !certain {
        return DefaultCma::Somewhere { size: span.len(), shown };
    }
    kernel.log.push(format!("cma: Reserved {} MiB at {:#018x}{on_node}", shown / MIB, span.base()));
    DefaultCma::At(span)
}

/// Returns how far devices reach, never beyond the end of RAM.
fn dma_limit(kernel: &Kernel<'_>) -> u64 {
    let ram: Vec<Span> = kernel.memblock.memory().collect();
    kernel.analysis.dma_limit_of(&ram).min(kernel.memblock.end())
}

/// Places a pool (mm/cma.c, `cma_declare_contiguous_nid`), and returns whether nothing else could have been
/// there first.
fn declare(kernel: &mut Kernel<'_>, want: Want) -> Result<(Span, bool), ()> {
    let align = kernel.profile.cma_align();
    let end = kernel.memblock.end();
    if want.fixed && want.base & (align - 1) != 0 {
        let line = format!("cma: Region at {:#018x} must be aligned to {align:#018x} bytes", want.base);
        kernel.fail(FailureKind::DefaultPool, None, line);
        return Err(());
    }
    let base = align_up(want.base, align).ok_or(())?;
    let size = align_up(want.size, align).ok_or(())?;
    let limit = match align_down(want.limit, align) {
        0 => end,
        limit => limit.min(end),
    };
    // Base 0 leaves the choice to the kernel.
    let fixed = want.fixed && base != 0;
    let fixed_end = base.checked_add(size).ok_or(())?;
    if fixed && kernel.profile.cma_checks_straddling && base < end && fixed_end > end {
        let line = format!("cma: Region at {base:#018x} defined on low/high memory boundary ({end:#018x})");
        kernel.fail(FailureKind::DefaultPool, None, line);
        return Err(());
    }
    if fixed_end > limit {
        let line =
            format!("cma: Size ({size:#018x}) of region at {base:#018x} exceeds limit ({limit:#018x})");
        kernel.fail(FailureKind::DefaultPool, None, line);
        return Err(());
    }
    if fixed {
        let span = Span::new(base, size).ok_or(())?;
        return if kernel.memblock.is_reserved(span) { Err(()) } else { Ok((span, true)) };
    }
    let top = match kernel.profile.cma_above_4gib {
        Above4Gib::Never => 0,
        Above4Gib::IfRamReaches => end,
        Above4Gib::IfLimitReaches => limit,
    };
    if top >= LIMIT_32.saturating_add(size)
        && let Some(span) = kernel.memblock.find(size, align, LIMIT_32, limit, Direction::BottomUp)
    {
        return Ok((span, true));
    }
    let find = |memblock: &Memblock| memblock.find(size, align, base.max(align), limit, Direction::TopDown);
    let found = find(&kernel.memblock).ok_or(())?;
    if kernel.profile.cma_before_tables {
        return Ok((found, true));
    }
    // Whatever the kernel takes first, the last free page is among it, which may be that of the last place.
    let mut later = kernel.memblock.clone();
    let page = kernel.profile.page.bytes();
    if let Some(last) = later.find(page, page, 0, u64::MAX, Direction::TopDown) {
        let _ = later.reserve(last);
    }
    find(&later).ok_or(())?;
    // The kernel's own early allocations come from the top of RAM, wherever that is free. With larger pages
    // they took 16 MiB below 4 GiB, too, in observed boots.
    let above = Span::from_ends(limit, end).is_some_and(|above| above.len() >= EARLY_TAKINGS);
    Ok((found, above && kernel.profile.page == PageSize::K4))
}
