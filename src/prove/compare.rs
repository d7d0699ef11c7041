//! Compares the map of a repaired tree with that of the tree as it was: what was there, reserved or asked for
//! still is.

use super::Refusal;
use crate::analysis::Analysis;
use crate::bootargs;
use crate::claims::Claim;
use crate::facts::{BootFacts, Position};
use crate::fdt::NodeId;
use crate::ledger::{self, Coverage};
use crate::order;
use crate::plan::{Placement, PlacementFailure};
use crate::policy::{Policy, Requirement};
use crate::span::{Size, Span};
use crate::survey::{Extent, MemoryMap, Pool, Region};
use alloc::vec::Vec;

/// Returns the lowest range that was RAM to the board or to Linux and no longer is, or else the lowest one
/// that has become RAM.
pub(super) fn other_ram(before: &MemoryMap, after: &MemoryMap) -> Option<Span> {
    let differ = |before: &[Span], after: &[Span]| {
        let lost = ledger::subtract(before, after).first().copied();
        lost.or_else(|| ledger::subtract(after, before).first().copied())
    };
    differ(before.ram.spans(), after.ram.spans())
        .or_else(|| differ(before.usable.spans(), after.usable.spans()))
}

/// Tells whether the command line differs in more than its `cma=`, the one argument that repairs write.
pub(super) fn other_bootargs(before: &MemoryMap, after: &MemoryMap) -> bool {
    let line = |map: &MemoryMap| map.chosen.bootargs.clone().unwrap_or_default();
    let (before, after) = (line(before), line(after));
    !arguments(&before).eq(arguments(&after))
}

/// Returns every argument but `cma=`, and last what belongs to init.
fn arguments(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = bootargs::args(line).last().map_or(0, |arg| arg.range.end);
    let others = bootargs::args(line).filter(|arg| arg.param != b"cma" || arg.value.is_none());
    let others = others.filter_map(|arg| line.get(arg.range));
    others.chain(line.get(end..).map(<[u8]>::trim_ascii_start))
}

/// Returns the first part of the boot that a placement leaves without a place, or with too little.
pub(super) fn unplaced(facts: &BootFacts, placement: &Placement) -> Option<PlacementFailure> {
    let kernel = facts.kernel.filter(|kernel| kernel.position.is_movable());
    let movable = |position: Option<Position>| position.filter(|position| position.is_movable());
    let needs = [
        ("kernel", kernel.map(|kernel| kernel.image_size.max(kernel.position.len())), placement.kernel),
        ("initrd", movable(facts.initrd).map(Position::len), placement.initrd),
        // How long the blob has become is known, and judged by itself.
        ("device tree blob", movable(facts.dtb).map(|_| 1), placement.dtb),
    ];
    let small = |&(_, needed, place): &(_, Option<u64>, Option<Span>)| {
        needed.is_some_and(|needed| place.is_none_or(|place| place.len() < needed))
    };
    let (what, needed, _) = needs.into_iter().find(small)?;
    let why = alloc::format!("the plan has no place of {} for it", Size(needed.unwrap_or_default()));
    Some(PlacementFailure { node: what.into(), why })
}

/// Returns what the repaired tree takes from an owner that the tree as it was gave it to.
pub(super) fn taken(before: &Analysis<'_, '_>, after: &Analysis<'_, '_>) -> Option<Refusal> {
    let policy = before.policy;
    shared(before, after)
        .map(Refusal::Shared)
        .or_else(|| exposed(&before.map, policy, &after.map).map(Refusal::Exposed))
        .or_else(|| released(&before.map, policy, &after.map).map(Refusal::Released))
        .or_else(|| shrunk(before, &after.map).map(|region| Refusal::Shrunk(region.path.clone())))
}

/// Most pairs of owners that are compared. Only a tree with many regions of the same bytes comes near.
const MAX_COMPARED: usize = 10_000;

/// Returns bytes that two regions shared and still share. Where one of them was split, its further tuples no
/// longer show who uses them, and two owners look like one.
///
/// The overlaps that are left are looked up in the tree as it was, which may have more of them than were
/// listed. Those that are left are all listed: that there are more is an error (RF201).
pub(super) fn shared(before: &Analysis<'_, '_>, after: &Analysis<'_, '_>) -> Option<Span> {
    let mut left = MAX_COMPARED;
    after.pairs().filter(|(low, high)| low.kind.is_region() && high.kind.is_region()).find_map(
        |(low, high)| {
            let owners = |span| before.claims_at(span).iter();
            let was_error = |(a, b): (&Claim, &Claim)| {
                let (Some(one), Some(other)) = (before.region(a.kind), before.region(b.kind)) else {
                    return false;
                };
                // What is not compared is refused.
                left = left.saturating_sub(1);
                a.kind != b.kind && (left == 0 || !before.is_nested((one, a.span), (other, b.span)))
            };
            let mut pairs = owners(low.span).flat_map(|a| owners(high.span).map(move |b| (a, b)));
            pairs.any(was_error).then(|| low.span.intersection(high.span)).flatten()
        },
    )
}

/// Returns the lowest range that was protected, or that the policy requires to be, and no longer is.
pub(super) fn exposed(before: &MemoryMap, policy: Option<&Policy>, after: &MemoryMap) -> Option<Span> {
    let mut owed: Vec<Span> = before.carveouts().collect();
    if let Some(policy) = policy {
        for requirement in policy.requirements.iter().filter(|requirement| requirement.no_map()) {
            match requirement {
                Requirement::Carveout(carveout) => owed.extend(carveout.span()),
                Requirement::ProtectedRange(range) => owed.extend(after.ram.within(range.span)),
            }
        }
    }
    ledger::subtract(&ledger::union(owed), &ledger::union(after.carveouts().collect())).first().copied()
}

/// Returns the lowest range that was reserved, and no longer is: `/memreserve/` entries, and regions that
/// Linux maps and that no permission of the policy lets a plan move.
fn released(before: &MemoryMap, policy: Option<&Policy>, after: &MemoryMap) -> Option<Span> {
    let is_fixed = policy.is_none_or(|policy| !policy.allow.shift && !policy.allow.restore);
    let plain = |region: &&Region| is_fixed && region.pool == Pool::None;
    let owed = before.enabled().filter(plain).flat_map(Region::spans).chain(&before.memreserve);
    let kept = after.enabled().filter(|region| !region.is_cma()).flat_map(Region::spans);
    let kept = ledger::union(kept.chain(&after.memreserve).copied().collect());
    ledger::subtract(&ledger::union(owed.copied().collect()), &kept).first().copied()
}

/// How many regions of one name, to which nothing refers, are told apart. A tree of 2 MiB can hold thousands.
const MAX_TWINS: usize = 64;

/// Returns the first pool or dynamic region that gets less memory than it asks for, or gets it elsewhere. How
/// large the policy wants one is another matter.
fn shrunk<'b>(before: &'b Analysis<'_, '_>, after: &MemoryMap) -> Option<&'b Region> {
    let answers = before.answers().filter_map(|answer| Some(answer.region?.node));
    let mut required: Vec<NodeId> = answers.collect();
    order::sort(&mut required);
    let wants_cma = before.policy.is_some_and(|policy| policy.cma.is_some());
    let asks = before.map.enabled().filter(|region| {
        let is_pool = region.pool != Pool::None && !region.spans().is_empty();
        let by_policy = region.is_cma() && wants_cma || required.binary_search(&region.node).is_ok();
        (is_pool || matches!(region.extent, Extent::Dynamic(_))) && !by_policy
    });
    let mut twins: Vec<(_, &Region)> = after.enabled().map(|region| (identity(region), region)).collect();
    order::sort_by(&mut twins, |(a, _), (b, _)| a < b);
    let all = ledger::union(after.enabled().flat_map(Region::spans).copied().collect());
    asks.into_iter().find(|region| {
        let first = twins.partition_point(|(id, _)| *id < identity(region));
        let mut mine = twins.iter().skip(first).take_while(|(id, _)| *id == identity(region)).zip(0..);
        let is_whole = mine.any(|((_, twin), nth)| nth == MAX_TWINS || serves(region, twin));
        // Others may have all of its bytes.
        let is_held = |&span: &Span| ledger::coverage(&all, span) == Coverage::All;
        !is_whole && !region.spans().first().is_some_and(is_held)
    })
}

/// What a region is known by in both trees: what refers to it, or its name.
fn identity(region: &Region) -> (Option<u32>, &str) {
    let name = region.name.split('@').next().unwrap_or_default();
    (region.phandle, if region.phandle.is_some() { "" } else { name })
}

/// Tells whether a region has what another one asks for.
fn serves(asking: &Region, has: &Region) -> bool {
    let len = |region: &Region| region.spans().first().map_or(0, |span| span.len());
    match (&asking.extent, &has.extent) {
        (Extent::Dynamic(asked), Extent::Dynamic(left)) => asked == left,
        (Extent::Dynamic(asked), Extent::Static(spans)) => {
            // One that is not a power of two is a mistake, and means at least the next one.
            let align = asked.align.unwrap_or(1).checked_next_power_of_two();
            let in_window =
                |span: &Span| asked.windows.is_empty() || asked.windows.iter().any(|w| w.covers(*span));
            let is_aligned = |span: &Span| align.is_some_and(|align| span.base().is_multiple_of(align));
            spans.iter().any(|span| span.len() >= asked.size && in_window(span) && is_aligned(span))
        }
        _ => len(has) >= len(asking),
    }
}
