//! The draft: the map as it is to become, while the planner works on it.

use super::RepairKind;
use super::gather::Gathered;
use super::wanted::Wanted;
use super::{PlacementFailure, Repaired, cma};
use crate::analysis::Analysis;
use crate::claims::Lifetime;
use crate::fdt::NodeId;
use crate::ledger::{self, Coverage, Ledger};
use crate::order;
use crate::policy::Mode;
use crate::rules::needs_no_map;
use crate::span::{GIB, Span};
use crate::survey::Region;
use alloc::string::String;
use alloc::vec::Vec;

/// A static span of reserved memory as it is to become.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// Where it comes from.
    pub(super) origin: Origin,
    /// Node name without unit address.
    pub(super) base_name: String,
    /// Where it is to lie.
    pub(super) span: Span,
    /// Whether Linux must not map it.
    pub(super) no_map: bool,
    /// Whether the policy, or the planner, requires it just there.
    pub(super) pinned: bool,
    /// Whether it is a CMA pool, which gives way to everything else.
    pub(super) cma: bool,
}

impl Slot {
    /// What the planner itself reserves, just there.
    pub(super) fn new(base_name: &str, span: Span, no_map: bool) -> Self {
        Self { origin: Origin::New, base_name: base_name.into(), span, no_map, pinned: true, cma: false }
    }
}

/// Where a slot comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A tuple of a region of the survey, by their indices.
    Region(usize, usize),
    /// A tuple of a region that lies where no kernel looks, by its node.
    Moved(NodeId, usize),
    /// The planner or the policy.
    New,
}

/// A region or pool that is looking for a place.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) what: RequestKind,
    /// Bytes, already a multiple of what the kernel needs.
    pub(super) size: u64,
    /// Bytes, a power of two.
    pub(super) align: u64,
    /// Windows in order of preference; empty means anywhere, below 4 GiB first.
    pub(super) windows: Vec<Span>,
    /// Places to try before any search.
    pub(super) prefer: Vec<Span>,
    /// Whether it must not cross a zone boundary.
    pub(super) cma: bool,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestKind {
    /// A tuple of a region of the survey, by their indices.
    Region(usize, usize),
    /// One that comes from where no kernel looks, by its place among those.
    Moved(usize),
    /// The default CMA pool through `cma=`.
    CmaArg,
    /// The default CMA pool as a node that does not exist yet.
    CmaNode,
    /// The log that outlives the stage.
    Log,
}

pub(super) struct Draft<'s, 'a> {
    pub(super) analysis: &'s Analysis<'s, 'a>,
    pub(super) wanted: &'s Wanted,
    /// What is kept clear of where that is possible.
    pub(super) soft: &'s [Span],
    pub(super) slots: Vec<Slot>,
    /// Static pools that cannot stay where they are: region and tuple by their indices, and where they were.
    pub(super) displaced: Vec<(usize, usize, Span)>,
    /// What is settled; everything that is placed later keeps off it.
    pub(super) taken: Ledger<()>,
    /// Where each request ended up.
    pub(super) placed: Vec<(RequestKind, Span)>,
    /// What comes from where no kernel looks.
    pub(super) gathered: Gathered,
    pub(super) repairs: Vec<Repaired>,
    pub(super) stuck: Vec<PlacementFailure>,
}

impl<'s, 'a> Draft<'s, 'a> {
    pub(super) fn new(analysis: &'s Analysis<'s, 'a>, wanted: &'s Wanted, soft: &'s [Span]) -> Self {
        let mut slots = Vec::new();
        for (index, region) in analysis.map.regions.iter().enumerate() {
            if !region.enabled && !wanted.has(RepairKind::Enable(region.node)) {
                continue;
            }
            let rewritten = wanted.has(RepairKind::RewriteReg(region.node));
            let cells =
                analysis.map.reserved.as_ref().map_or(analysis.map.cells, |r| r.cells(analysis.map.cells));
            let foreign = || region.decode_by_unit_address(analysis.tree.node(region.node), cells);
            let foreign = rewritten.then(foreign).flatten();
            for (tuple, &span) in region.spans().iter().chain(&foreign).enumerate() {
                slots.push(Slot {
                    origin: Origin::Region(index, tuple),
                    base_name: base_name(&region.name).into(),
                    span,
                    no_map: unmaps(analysis, wanted, region),
                    pinned: false,
                    cma: region.is_cma(),
                });
            }
        }
        Self {
            analysis,
            wanted,
            soft,
            slots,
            displaced: Vec::new(),
            taken: Ledger::default(),
            placed: Vec::new(),
            gathered: Gathered::default(),
            repairs: Vec::new(),
            stuck: Vec::new(),
        }
    }

    /// Tell whether a repair is to be made.
    pub(super) fn wants(&self, kind: RepairKind) -> bool {
        self.wanted.has(kind)
    }

    /// Tell whether a region is to be unmapped.
    pub(super) fn unmaps(&self, region: &Region) -> bool {
        unmaps(self.analysis, self.wanted, region)
    }

    /// The same of one that comes from where no kernel looks, of which no rule has spoken.
    pub(super) fn unmaps_moved(&self, region: &Region) -> bool {
        region.no_map || needs_no_map(self.analysis.tree.node(region.node), region)
    }

    /// The region that a request is for.
    pub(super) fn region_for(&self, what: RequestKind) -> Option<&Region> {
        match what {
            RequestKind::Region(index, _) => self.analysis.map.regions.get(index),
            RequestKind::Moved(index) => self.gathered.dynamic.get(index),
            RequestKind::CmaArg | RequestKind::CmaNode | RequestKind::Log => None,
        }
    }

    /// Tell whether the policy leaves room for repairs at all.
    pub(super) fn may_repair(&self) -> bool {
        self.analysis.policy.is_none_or(|policy| policy.mode == Mode::Fix)
    }

    /// Note a repair of `node`.
    pub(super) fn repaired(&mut self, kind: RepairKind, node: &str, what: impl Into<String>) {
        self.repairs.push(Repaired { node: node.into(), kind: kind.name(), what: what.into() });
    }

    /// Every span that is settled.
    pub(super) fn settled(&self) -> Vec<Span> {
        self.taken.iter().map(|(span, ())| *span).collect()
    }

    /// Note that no place was found for `node`.
    pub(super) fn stuck(&mut self, node: &str, why: impl Into<String>) {
        self.stuck.push(PlacementFailure { node: node.into(), why: why.into() });
    }

    /// The region behind a node.
    pub(super) fn region_of(&self, node: NodeId) -> Option<(usize, &'s Region)> {
        let regions = &self.analysis.map.regions;
        let at = regions.partition_point(|region| region.node < node);
        regions.get(at).filter(|region| region.node == node).map(|region| (at, region))
    }

    /// Where region `index` is to lie, when that is known.
    pub(super) fn slot_of(&self, index: usize) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.origin == Origin::Region(index, 0))
    }

    /// Mark all of `span` as taken, whatever part of it is already.
    pub(super) fn take(&mut self, span: Span) {
        let mut rest = Some(span);
        while let Some(piece) = rest {
            let standing = match self.taken.claim(piece, ()) {
                Ok(()) => return,
                Err((standing, ())) => *standing,
            };
            let [below, above] = piece.without(standing);
            if let Some(below) = below.filter(|below| below.base() < standing.base()) {
                // Nothing stands below the lowest conflict, so this claim cannot fail.
                let _ = self.taken.claim(below, ());
                rest = above;
            } else {
                rest = below.or(above).filter(|left| left.base() >= standing.end());
            }
        }
    }

    /// Enter everything that cannot give way: carveouts and plain reservations, `/memreserve/`, and whatever
    /// the loader placed for good.
    pub(super) fn settle_carveouts(&mut self) {
        let fixed = self.slots.iter().filter(|slot| !slot.cma || slot.pinned).map(|slot| slot.span);
        let kept = self.analysis.obstacles().filter(|claim| claim.kind.lifetime() != Lifetime::HandOff);
        let kept = kept.map(|claim| claim.span);
        // In ascending order every claim goes to the end of the ledger, which costs nothing.
        for span in ledger::union(fixed.chain(kept).collect()) {
            self.take(span);
        }
    }

    /// Enter the static pools that need no repair and stand over nothing; the others look for a place later.
    pub(super) fn settle_pools_that_are_right(&mut self) {
        let mut pools: Vec<(Span, usize)> = Vec::new();
        let mut wrong: Vec<usize> = Vec::new();
        for (at, slot) in self.slots.iter().enumerate().filter(|(_, slot)| slot.cma && !slot.pinned) {
            let Origin::Region(index, tuple) = slot.origin else { continue };
            let off = self.analysis.map.regions.get(index).is_some_and(|region| {
                self.wants(RepairKind::AlignPool(region.node))
                    || (tuple == 0 && cma::displeases(self, region, slot.span))
            });
            if off { wrong.push(at) } else { pools.push((slot.span, at)) }
        }
        // In ascending order, so that a pool meets only the one before it and what was settled.
        order::sort(&mut pools);
        let mut kept = self.settled();
        let mut end = 0;
        for (span, at) in pools {
            if span.base() < end || self.taken.conflict(span).is_some() {
                wrong.push(at);
            } else {
                end = span.end();
                kept.push(span);
            }
        }
        self.taken = Ledger::default();
        for span in ledger::union(kept) {
            self.take(span);
        }
        order::sort(&mut wrong);
        if !self.may_repair() {
            let stay: Vec<Span> = wrong.iter().filter_map(|&at| Some(self.slots.get(at)?.span)).collect();
            ledger::union(stay).into_iter().for_each(|span| self.take(span));
            return;
        }
        for &at in &wrong {
            if let Some(Slot { origin: Origin::Region(index, tuple), span, .. }) = self.slots.get(at) {
                self.displaced.push((*index, *tuple, *span));
            }
        }
        let mut at = 0..;
        self.slots.retain(|_| at.next().is_none_or(|at| wrong.binary_search(&at).is_err()));
    }

    /// Tell whether `span` is free, in one stretch of RAM, and (for a pool) on one side of 4 GiB.
    pub(super) fn is_free(&self, span: Span, cma: bool) -> bool {
        let crosses = cma && span.base() < 4 * GIB && span.end() > 4 * GIB;
        !crosses && self.analysis.in_usable(span) == Coverage::All && self.taken.conflict(span).is_none()
    }

    /// The union of what the slots protect.
    pub(super) fn carveouts(&self) -> Vec<Span> {
        ledger::union(self.slots.iter().filter(|slot| slot.no_map).map(|slot| slot.span).collect())
    }

    /// The parts of the no-map union of the input that no slot protects any more.
    pub(super) fn unprotected(&self) -> Vec<Span> {
        let before = ledger::union(self.analysis.map.carveouts().collect());
        ledger::subtract(&before, &self.carveouts())
    }
}

/// No rule speaks of a region that Linux passes over: when it comes back, it must come back right.
fn unmaps(analysis: &Analysis<'_, '_>, wanted: &Wanted, region: &Region) -> bool {
    let back = || !region.enabled && needs_no_map(analysis.tree.node(region.node), region);
    region.no_map || back() || wanted.has(RepairKind::AddNoMap(region.node))
}

/// The node name in front of the unit address.
pub(super) fn base_name(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}
