//! Corrects a unit address, and follows the node wherever its path is written. A region that moves gets the
//! unit address of its new base in the same way, as part of the repair that moves it.

use super::Repair;
use crate::analysis::Analysis;
use crate::fdt::NodeId;
use crate::order;
use crate::plan::layout::{Origin, base_name};
use crate::plan::place::Placed;
use crate::plan::{RepairKind, Repaired};
use crate::span::Span;
use crate::survey::{Region, RegionIndex, TupleIndex};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub(super) const REPAIR: Repair<NodeId> = Repair::safe("rename");

/// Turns after which a tangle of names is left as it is; real trees need one.
const MAX_TURNS: usize = 16;

/// The regions that get other names, in the order of the tree.
pub(in crate::plan) struct Names(Vec<Name>);

/// A new name of a region.
pub(in crate::plan) struct Name {
    node: NodeId,
    name: String,
    /// Whether it is the name alone that was wrong.
    misnamed: bool,
}

impl Names {
    /// Returns the new name of a region, if it gets one.
    pub(in crate::plan) fn of(&self, region: &Region) -> Option<&Name> {
        let at = self.0.binary_search_by_key(&region.node, |name| name.node).ok()?;
        self.0.get(at)
    }
}

impl Name {
    /// Returns the name with its unit address.
    pub(in crate::plan) fn as_str(&self) -> &str {
        &self.name
    }

    /// Returns the line for the log, unless the region has moved and another line says so.
    pub(in crate::plan) fn line(&self, region: &Region) -> Option<Repaired> {
        let kind = RepairKind::Rename(self.node);
        let line = || Repaired::new(kind, region.path.as_str(), format!("renamed to `{}`", self.name));
        self.misnamed.then(line)
    }
}

/// Names the regions that are misnamed or have moved.
pub(in crate::plan) fn names(placed: &Placed<'_, '_, '_>) -> Names {
    let layout = &placed.layout;
    let mut places: Vec<(RegionIndex, Span)> = layout
        .slots()
        .iter()
        .filter_map(|slot| match *slot.origin() {
            Origin::Region(index, TupleIndex::FIRST) => Some((index, slot.span())),
            _ => None,
        })
        .collect();
    order::sort(&mut places);
    let place_of = |index| {
        let at = places.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        places.get(at).map(|(_, span)| *span)
    };
    let mut names = Vec::new();
    for (index, region) in layout.analysis.map.indexed_regions() {
        if !region.name.contains('@') {
            continue;
        }
        let misnamed = layout.wanted.has(RepairKind::Rename(region.node));
        let before = region.spans().first().copied();
        let span = place_of(index).or(before.filter(|_| misnamed));
        let Some(span) = span else { continue };
        let moved = before.is_none_or(|before| before.base() != span.base());
        let name = format!("{}@{:x}", base_name(&region.name), span.base());
        if (moved || misnamed) && name != region.name {
            names.push(Name { node: region.node, name, misnamed });
        }
    }
    leave_taken(layout.analysis, &mut names);
    Names(names)
}

/// Leaves a name alone that a sibling has, or gets: the judgement will say so again. A node that keeps its
/// name after all may be in the way of another, so this repeats until nothing more is left out, or leaves all
/// of them.
fn leave_taken(analysis: &Analysis<'_, '_>, names: &mut Vec<Name>) {
    let Some(home) = &analysis.map.reserved else { return };
    for _ in 0..MAX_TURNS {
        // Every name there would be; of one name, the node that keeps it comes first, then the lowest id.
        let mut all: Vec<(&str, Option<NodeId>)> = Vec::new();
        for node in analysis.tree.node(home.node).children() {
            all.push(match names.binary_search_by_key(&node.id(), |name| name.node) {
                Ok(at) => (names.get(at).map_or("", |name| name.name.as_str()), Some(node.id())),
                Err(_) => (node.name(), None),
            });
        }
        order::sort(&mut all);
        let taken = all.windows(2).filter_map(|pair| match pair {
            [(one, _), (other, Some(id))] if one == other => Some(*id),
            _ => None,
        });
        let mut taken: Vec<NodeId> = taken.collect();
        if taken.is_empty() {
            return;
        }
        order::sort(&mut taken);
        names.retain(|name| taken.binary_search(&name.node).is_err());
    }
    names.clear();
}
