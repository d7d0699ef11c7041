//! Load addresses for kernel, initrd and DTB that respect a map, found by the planner that places them on the
//! board.

use ringfence::facts::{BootFacts, Kernel, Position, within_reach};
use ringfence::fdt::FdtError;
use ringfence::finding::Severity;
use ringfence::pipeline::{self, Context};
use ringfence::policy::{Allow, Mode, Policy};
use ringfence::prove::{Proven, Refusal};
use ringfence::span::Span;

/// What is to be placed.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Offset in bytes from a 2 MiB boundary at which the kernel must start.
    pub text_offset: u64,
    /// Bytes that the kernel takes from its start, BSS included.
    pub kernel: u64,
    /// Bytes of the initial ramdisk, when there is one.
    pub initrd: Option<u64>,
    /// Bytes to leave free after both, so that larger ones still fit.
    pub spare: u64,
}

/// Where to load what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// The kernel, BSS included, without the spare room.
    pub kernel: Span,
    /// The initial ramdisk, without the spare room.
    pub initrd: Option<Span>,
    /// The window for the DTB, with room for what boot loaders add.
    pub dtb: Span,
}

/// Why there are no addresses.
#[derive(Debug)]
pub enum NoPlaces {
    /// The blob is not a device tree.
    Fdt(FdtError),
    /// The tree leaves RAM to the boot loader, and no option gives it.
    RamUnknown,
    /// A size is 0 or beyond all memory.
    Size(&'static str),
    /// The tree as it is cannot be booted, or nothing is free.
    Refused(Refusal),
    /// Whatever the places, a region that the kernel is to place finds none any more.
    Crowded,
    /// The kernel would not find its ramdisk: both must be within 32 GiB from a 1 GiB boundary
    /// (Documentation/arch/arm64/booting.rst).
    TooFarApart(Places),
}

/// Finds the places for a boot with `dtb` as it is.
///
/// Kernels place dynamic regions around what was loaded. So the planner is asked twice: first with these
/// regions out of the account, which gives the lowest addresses; and when that leaves no room for one of
/// them, with all of them placed beforehand. Whatever it says is judged against the tree as it is.
///
/// # Errors
/// Any [`NoPlaces`].
pub fn find(dtb: &[u8], context: Context<'_>, wanted: &Wanted) -> Result<Places, NoPlaces> {
    let policy = context.policy.cloned().unwrap_or_default();
    let audit = Policy { mode: Mode::Audit, ..policy.clone() };
    let pinned = Policy { mode: Mode::Fix, allow: Allow::default(), ..policy };
    let context = |policy| Context { policy: Some(policy), ..context };
    let first = propose(dtb, context(&audit), wanted)?;
    if leaves_room(dtb, context(&pinned), wanted, &first) {
        return Ok(first);
    }
    let second = propose(dtb, context(&pinned), wanted)?;
    let fits = leaves_room(dtb, context(&pinned), wanted, &second);
    if fits { Ok(second) } else { Err(NoPlaces::Crowded) }
}

fn propose(dtb: &[u8], context: Context<'_>, wanted: &Wanted) -> Result<Places, NoPlaces> {
    let facts = facts(context.facts, wanted, dtb.len() as u64)?;
    let surveyed = pipeline::survey(dtb, Context { facts: &facts, ..context }).map_err(NoPlaces::Fdt)?;
    if !surveyed.map().ram.is_known() {
        return Err(NoPlaces::RamUnknown);
    }
    let proven =
        surveyed.judge().plan().apply().and_then(|applied| applied.prove()).map_err(NoPlaces::Refused)?;
    places(&proven, wanted)
}

/// Tells whether the tree has no error with these places, and every dynamic region still finds one beside
/// them: the planner could pin them all.
fn leaves_room(dtb: &[u8], context: Context<'_>, wanted: &Wanted, places: &Places) -> bool {
    let facts = settled(context.facts, wanted, places);
    let Ok(surveyed) = pipeline::survey(dtb, Context { facts: &facts, ..context }) else { return false };
    let judged = surveyed.judge();
    let sound = judged.findings().iter().all(|finding| finding.severity < Severity::Error);
    sound && judged.plan().plan().stuck.is_empty()
}

fn facts(known: &BootFacts, wanted: &Wanted, dtb_len: u64) -> Result<BootFacts, NoPlaces> {
    let with_spare = |size: u64, what: &'static str| {
        size.checked_add(wanted.spare).filter(|_| size > 0).ok_or(NoPlaces::Size(what))
    };
    let image_size = with_spare(wanted.kernel, "kernel")?;
    let initrd = wanted.initrd.map(|size| with_spare(size, "initrd")).transpose()?;
    let mut facts = known.clone();
    let position = Position::Unplaced(image_size);
    facts.kernel = Some(Kernel { position, text_offset: wanted.text_offset, image_size });
    facts.initrd = initrd.map(Position::Unplaced).or(facts.initrd);
    facts.dtb = Some(Position::Unplaced(dtb_len));
    Ok(facts)
}

fn places(proven: &Proven, wanted: &Wanted) -> Result<Places, NoPlaces> {
    // A policy may let a board boot with errors left; but its addresses must not be used elsewhere.
    let errors = proven.findings().iter().filter(|finding| finding.severity == Severity::Error);
    let errors: Vec<_> = errors.cloned().collect();
    let without_spare = |span: Span, size: u64| Span::new(span.base(), size);
    let placement = proven.placement();
    let kernel = placement.kernel.and_then(|span| without_spare(span, wanted.kernel));
    let initrd = placement.initrd.zip(wanted.initrd).and_then(|(span, size)| without_spare(span, size));
    let (Some(kernel), Some(dtb), true) = (kernel, placement.dtb, errors.is_empty()) else {
        return Err(NoPlaces::Refused(Refusal::Findings(errors)));
    };
    let places = Places { kernel, initrd, dtb };
    match initrd.is_some_and(|initrd| !within_reach(kernel, initrd)) {
        true => Err(NoPlaces::TooFarApart(places)),
        false => Ok(places),
    }
}

/// Returns the facts of a boot that follows these places.
#[must_use]
pub fn settled(known: &BootFacts, wanted: &Wanted, places: &Places) -> BootFacts {
    let mut facts = known.clone();
    facts.kernel = Some(Kernel {
        position: Position::Fixed(places.kernel),
        text_offset: wanted.text_offset,
        image_size: places.kernel.len(),
    });
    facts.initrd = places.initrd.map(Position::Fixed).or(facts.initrd);
    facts.dtb = Some(Position::Fixed(places.dtb));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memmap::chart::tests::board;
    use ringfence::fdt::{NewNode, build};
    use ringfence::profile::KernelProfile;
    use ringfence::span::{GIB, MIB};

    const WANTED: Wanted =
        Wanted { text_offset: 0, kernel: 40 * MIB, initrd: Some(10 * MIB), spare: 16 * MIB };

    fn found(blob: &[u8], wanted: &Wanted) -> Result<Places, NoPlaces> {
        let (facts, profile) = (BootFacts::default(), KernelProfile::default());
        find(blob, Context { policy: None, profile: &profile, facts: &facts }, wanted)
    }

    #[test]
    fn what_is_placed_keeps_off_every_region_and_leaves_the_spare_room() {
        let low = Span::new(0x4010_0000, 0x10_0000).unwrap();
        let high = Span::new(0x4500_0000, 0x10_0000).unwrap();
        let blob = board(&[
            ("fw@40100000", 0x4010_0000, 0x10_0000, &["no-map"]),
            ("dsp@45000000", 0x4500_0000, 0x10_0000, &["no-map"]),
        ]);
        let places = found(&blob, &WANTED).unwrap();
        assert_eq!(places.kernel, Span::new(0x4020_0000, 40 * MIB).unwrap());
        let initrd = places.initrd.unwrap();
        for placed in [places.kernel, initrd, places.dtb] {
            assert!(!placed.overlaps(low) && !placed.overlaps(high), "{placed}");
        }
        assert!(Span::new(places.kernel.base(), 56 * MIB).is_some_and(|room| !room.overlaps(initrd)));
        assert!(!places.kernel.overlaps(places.dtb) && !initrd.overlaps(places.dtb));
    }

    #[test]
    fn an_old_text_offset_is_kept() {
        let places = found(&board(&[]), &Wanted { text_offset: 0x8_0000, ..WANTED }).unwrap();
        assert_eq!(places.kernel.base(), 0x4008_0000);
    }

    #[test]
    fn a_tree_with_errors_gets_no_addresses() {
        let overlap = board(&[
            ("a@50000000", 0x5000_0000, 0x20_0000, &["no-map"]),
            ("b@50100000", 0x5010_0000, 0x20_0000, &["no-map"]),
        ]);
        assert!(matches!(found(&overlap, &WANTED), Err(NoPlaces::Refused(Refusal::Findings(_)))));
    }

    #[test]
    fn a_region_that_the_kernel_places_keeps_its_window() {
        let heap = NewNode::new("heap")
            .prop_u32("size", 0x200_0000)
            .prop_cells("alloc-ranges", &[0x4000_0000, 0x300_0000])
            .prop_empty("no-map");
        let memory = NewNode::new("memory@40000000")
            .prop_str("device_type", "memory")
            .prop_cells("reg", &[0x4000_0000, 0x4000_0000]);
        let reserved =
            NewNode::new("reserved-memory").prop_u32("#address-cells", 1).prop_u32("#size-cells", 1);
        let root = NewNode::new("").prop_u32("#address-cells", 1).prop_u32("#size-cells", 1);
        let root = root.child(memory).child(reserved.prop_empty("ranges").child(heap));
        let places = found(&build(&root, 0, &[]).unwrap(), &WANTED).unwrap();
        let window = Span::new(0x4000_0000, 0x300_0000).unwrap();
        let taken = [Some(places.kernel), places.initrd, Some(places.dtb)].into_iter().flatten();
        let taken: u64 = taken.filter_map(|span| span.intersection(window)).map(Span::len).sum();
        assert!(taken <= 0x100_0000, "32 of 48 MiB are left for the heap: {places:?}");
    }

    #[test]
    fn what_fits_nowhere_is_refused() {
        let large = Wanted { kernel: 2 * GIB, ..WANTED };
        assert!(matches!(found(&board(&[]), &large), Err(NoPlaces::Refused(Refusal::PlacementFailure(_)))));
        assert!(matches!(found(&board(&[]), &Wanted { kernel: 0, ..WANTED }), Err(NoPlaces::Size("kernel"))));
        assert!(matches!(
            found(&board(&[]), &Wanted { spare: u64::MAX, ..WANTED }),
            Err(NoPlaces::Size("kernel"))
        ));
    }
}
