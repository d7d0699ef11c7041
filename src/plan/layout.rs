//! The layout: reserved memory as it is to become, while the phases of the planner work on it.

use super::wanted::Wanted;
use super::{PlacementFailure, RepairKind, Repaired};
use crate::analysis::Analysis;
use crate::fdt::NodeId;
use crate::ledger;
use crate::span::Span;
use crate::survey::{Region, RegionIndex, TupleIndex};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Reserved memory as it is to become.
#[derive(Clone)]
pub(super) struct Layout<'s, 'c, 'a> {
    pub(super) analysis: &'s Analysis<'c, 'a>,
    pub(super) wanted: &'s Wanted,
    slots: Vec<Slot>,
    failures: Vec<PlacementFailure>,
}

/// A span of reserved memory as it is to become.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    origin: Origin,
    span: Span,
    no_map: bool,
    pinned: bool,
    pool: bool,
    log: Vec<Repaired>,
}

/// Where a slot comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A tuple of a region of the survey.
    Region(RegionIndex, TupleIndex),
    /// The planner or the policy, for a region of this name without a unit address.
    New(String),
}

impl Slot {
    /// Reserves what no region has so far, pinned where it is.
    pub(super) fn new(name: &str, span: Span, no_map: bool, line: Repaired) -> Self {
        let log = alloc::vec![line];
        Self { origin: Origin::New(name.to_string()), span, no_map, pinned: true, pool: false, log }
    }

    /// Gives a tuple of a region a place, pinned.
    pub(super) fn of(origin: Origin, span: Span, no_map: bool, pool: bool, line: Repaired) -> Self {
        Self { origin, span, no_map, pinned: true, pool, log: alloc::vec![line] }
    }

    /// Returns where it comes from.
    pub(super) const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Returns the region whose tuple it is.
    pub(super) const fn region(&self) -> Option<RegionIndex> {
        match self.origin {
            Origin::Region(index, _) => Some(index),
            Origin::New(_) => None,
        }
    }

    /// Returns where it is to be.
    pub(super) const fn span(&self) -> Span {
        self.span
    }

    /// Returns whether Linux must not map it.
    pub(super) const fn is_no_map(&self) -> bool {
        self.no_map
    }

    /// Returns whether the policy, or the planner, requires it where it is.
    pub(super) const fn is_pinned(&self) -> bool {
        self.pinned
    }

    /// Returns whether it is a CMA pool, which gives way to everything that is not.
    pub(super) const fn is_pool(&self) -> bool {
        self.pool
    }

    /// Returns whether nothing is to make it move.
    pub(super) const fn stays(&self) -> bool {
        self.pinned || !self.pool
    }

    /// Returns the repairs that made it what it is.
    pub(super) fn log(&self) -> &[Repaired] {
        &self.log
    }

    /// Requires it where it is.
    pub(super) const fn pin(&mut self) {
        self.pinned = true;
    }

    /// Gives it another place by a repair; `line` is `None` where another line says so already.
    pub(super) fn move_to(&mut self, span: Span, line: Option<Repaired>) {
        self.span = span;
        self.log.extend(line);
    }
}

impl<'s, 'c, 'a> Layout<'s, 'c, 'a> {
    /// Starts with the regions as they are.
    pub(super) fn new(analysis: &'s Analysis<'c, 'a>, wanted: &'s Wanted) -> Self {
        let mut layout = Self { analysis, wanted, slots: Vec::new(), failures: Vec::new() };
        for (index, region) in analysis.map.indexed_regions().filter(|(_, region)| region.enabled) {
            let (no_map, pool) = (layout.unmaps(region), region.is_cma());
            layout.slots.extend(region.indexed_spans().map(|(tuple, span)| {
                let origin = Origin::Region(index, tuple);
                Slot { origin, span, no_map, pinned: false, pool, log: Vec::new() }
            }));
        }
        layout
    }

    /// Returns whether a region is to be unmapped.
    pub(super) fn unmaps(&self, region: &Region) -> bool {
        region.no_map || self.wanted.has(RepairKind::AddNoMap(region.node))
    }

    /// Returns every slot, in no order.
    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Returns the slot at a position, for a change.
    pub(super) fn slot_mut(&mut self, at: usize) -> Option<&mut Slot> {
        self.slots.get_mut(at)
    }

    /// Returns the slot of the first tuple of a node's region.
    pub(super) fn slot_of(&self, node: NodeId) -> Option<&Slot> {
        let first = Origin::Region(self.analysis.map.region_index(node)?, TupleIndex::FIRST);
        self.slots.iter().find(|slot| slot.origin == first)
    }

    /// Returns the same for a change.
    pub(super) fn slot_of_mut(&mut self, node: NodeId) -> Option<&mut Slot> {
        let first = Origin::Region(self.analysis.map.region_index(node)?, TupleIndex::FIRST);
        self.slots.iter_mut().find(|slot| slot.origin == first)
    }

    /// Adds a slot, in place of the one that the same tuple has.
    pub(super) fn put(&mut self, slot: Slot) {
        let old = self.slots.iter_mut().find(|old| slot.region().is_some() && old.origin == slot.origin);
        match old {
            Some(old) => *old = slot,
            None => self.slots.push(slot),
        }
    }

    /// Removes the slots at these positions, in ascending order, and returns them.
    pub(super) fn remove(&mut self, positions: &[usize]) -> Vec<Slot> {
        let mut removed = Vec::new();
        let mut at = 0..;
        self.slots.retain(|slot| {
            let stays = at.next().is_none_or(|at| positions.binary_search(&at).is_err());
            removed.extend((!stays).then(|| slot.clone()));
            stays
        });
        removed
    }

    /// Returns the name of a slot in messages.
    pub(super) fn name(&self, slot: &Slot) -> String {
        match &slot.origin {
            Origin::Region(index, _) => {
                let region = self.analysis.map.region_at(*index);
                region.map_or_else(String::new, |region| base_name(&region.name).to_string())
            }
            Origin::New(name) => name.clone(),
        }
    }

    /// Returns the union of what is to be unmapped.
    pub(super) fn carveouts(&self) -> Vec<Span> {
        ledger::union(self.slots.iter().filter(|slot| slot.no_map).map(|slot| slot.span).collect())
    }

    /// Notes what cannot be done for `node`.
    pub(super) fn fail(&mut self, node: &str, why: impl Into<String>) {
        self.failures.push(PlacementFailure { node: node.to_string(), why: why.into() });
    }

    /// Returns what could not be done.
    pub(super) fn failures(&self) -> &[PlacementFailure] {
        &self.failures
    }
}

/// Returns a node name without its unit address.
pub(super) fn base_name(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}
