//! Places for the kernel, the initrd and the DTB.

use super::space::Space;
use crate::facts::{BootFacts, Kernel, Position, within_reach};
use crate::plan::layout::Layout;
use crate::plan::no_fit::explain_no_fit;
use crate::span::{KIB, MIB, Size, Span, align_up};
use alloc::format;

/// The boundary that arm64 kernels want to be loaded at (Documentation/arch/arm64/booting.rst).
const KERNEL_ALIGN: u64 = 2 * MIB;
/// The largest DTB that arm64 kernels map.
const DTB_MAX: u64 = 2 * MIB;
/// Room that the rewritten DTB gets beyond its old size, for restored nodes and the report.
const DTB_GROWTH: u64 = 64 * KIB;
/// The largest page of any arm64 kernel: what the kernel maps cached must not share one with a carveout.
const LARGEST_PAGE: u64 = 64 * KIB;

/// Where kernel, initrd and DTB are to be. `None` for what this boot does not have, or what the loader
/// placed for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// The kernel's bytes from its base to the end of its `image_size`.
    pub kernel: Option<Span>,
    /// The initial ramdisk, as long as its data.
    pub initrd: Option<Span>,
    /// The window for the rewritten DTB; the blob starts at its base and may be shorter.
    pub dtb: Option<Span>,
}

/// Places what is movable: where it is if that will do, else at the lowest free place. What is copied must
/// keep off everything that is still in use: the stage, the bundle, the old DTB, and an initrd that has yet
/// to be moved.
pub(super) fn place(layout: &mut Layout<'_, '_, '_>, space: &mut Space<'_, '_, '_>) -> Placement {
    let facts = layout.analysis.facts;
    let kernel = facts.kernel.filter(|kernel| kernel.position.is_movable());
    let initrd = facts.initrd.filter(|initrd| initrd.is_movable());
    let dtb = facts.dtb.filter(|dtb| dtb.is_movable());
    let mut placement = Placement {
        kernel: kernel.and_then(|kernel| kernel_in_place(space, &kernel)),
        ..Placement::default()
    };
    take(space, placement.kernel);
    let near = |span| placement.kernel.is_none_or(|kernel| within_reach(kernel, span));
    placement.initrd =
        initrd.and_then(Position::in_place).filter(|&span| space.is_free(span, false) && near(span));
    take(space, placement.initrd);
    let old = [facts.dtb, facts.initrd].map(|position| position.and_then(Position::source));
    for in_use in [facts.stage, facts.bundle].into_iter().chain(old) {
        take(space, in_use);
    }
    if let Some(kernel) = kernel.filter(|_| placement.kernel.is_none()) {
        placement.kernel = kernel_elsewhere(layout, space, &kernel);
        note(layout, space, "kernel", (kernel.image_size, KERNEL_ALIGN), placement.kernel);
    }
    if let Some(initrd) = initrd.filter(|_| placement.initrd.is_none()) {
        placement.initrd = lowest(layout, space, initrd.len(), LARGEST_PAGE);
        note(layout, space, "initrd", (initrd.len(), LARGEST_PAGE), placement.initrd);
    }
    if let Some(dtb) = dtb {
        let size = dtb_window(dtb.len());
        placement.dtb = lowest(layout, space, size, LARGEST_PAGE);
        note(layout, space, "device tree blob", (size, LARGEST_PAGE), placement.dtb);
    }
    placement
}

/// Returns how many bytes [`place`] takes at most: what is movable, and what is still in use until then.
pub(super) fn unplaced(facts: &BootFacts) -> u64 {
    let kernel = facts.kernel.filter(|kernel| kernel.position.is_movable());
    let kernel = kernel.and_then(|kernel| kernel.footprint_at(0)).map_or(0, Span::len);
    let initrd = facts.initrd.filter(|initrd| initrd.is_movable()).map_or(0, Position::len);
    let dtb = facts.dtb.filter(|dtb| dtb.is_movable()).map_or(0, |dtb| dtb_window(dtb.len()));
    let handed_off = [facts.stage, facts.bundle].into_iter().flatten().map(Span::len);
    handed_off.chain([kernel, initrd, dtb]).fold(0, u64::saturating_add)
}

/// Returns how many bytes to set aside for the rewritten DTB.
fn dtb_window(old: u64) -> u64 {
    old.saturating_add(DTB_GROWTH)
        .checked_next_multiple_of(LARGEST_PAGE)
        .map_or(DTB_MAX, |size| size.min(DTB_MAX))
}

fn take(space: &mut Space<'_, '_, '_>, span: Option<Span>) {
    if let Some(span) = span {
        space.take(span);
    }
}

/// Takes the place of a copy of `size` bytes at a multiple of `align`; where there is none, the plan fails.
fn note(
    layout: &mut Layout<'_, '_, '_>,
    space: &mut Space<'_, '_, '_>,
    what: &str,
    (size, align): (u64, u64),
    found: Option<Span>,
) {
    match found {
        Some(span) => space.take(span),
        None => {
            let elsewhere = explain_no_fit(layout.analysis, space.spans(), size, align, None);
            layout.fail(what, format!("no free RAM of {} for it{elsewhere}", Size(size)));
        }
    }
}

fn kernel_in_place(space: &Space<'_, '_, '_>, kernel: &Kernel) -> Option<Span> {
    let base = kernel.position.in_place()?.base();
    let span = kernel.footprint_at(base)?;
    let aligned = base % KERNEL_ALIGN == kernel.text_offset % KERNEL_ALIGN;
    (aligned && space.is_free(span, false)).then_some(span)
}

fn kernel_elsewhere(layout: &Layout<'_, '_, '_>, space: &Space<'_, '_, '_>, kernel: &Kernel) -> Option<Span> {
    let needed = kernel.footprint_at(0)?.len();
    let room = kernel.text_offset.checked_add(needed)?;
    let room = lowest(layout, space, room, KERNEL_ALIGN)?;
    Span::new(room.base().checked_add(kernel.text_offset)?, needed)
}

/// Returns the lowest free place in RAM.
fn lowest(layout: &Layout<'_, '_, '_>, space: &Space<'_, '_, '_>, size: u64, align: u64) -> Option<Span> {
    let size = align_up(size, LARGEST_PAGE)?;
    let banks = layout.analysis.map.usable.spans().iter();
    // Where RAM starts at 0: Linux takes a device tree or an initrd at address 0 for none.
    let banks = banks.filter_map(|bank| Span::from_ends(bank.base().max(LARGEST_PAGE), bank.end()));
    banks.into_iter().find_map(|bank| space.lowest_in(bank, size, align))
}
