//! The last phase: from the finished layout to edits of the tree and the log of the repairs that they make.

use super::Repaired;
use super::changes::{Changed, Changes};
use super::layout::{Origin, Slot};
use super::place::Placed;
use super::repairs::{fold_memreserve, rename};
use super::report::Report;
use crate::fdt::NewNode;
use crate::order;
use crate::span::Span;
use crate::survey::{Region, RegionIndex};
use alloc::format;
use alloc::vec::Vec;

impl Placed<'_, '_, '_> {
    /// Returns the changes after which the tree says what the layout says, with what the boot needs in
    /// `/chosen`.
    pub(super) fn emit(&self, report: &Report<'_>) -> Changed {
        let layout = &self.layout;
        let mut changes = Changes::new(layout.analysis);
        layout.failures().iter().for_each(|failure| changes.fail(&failure.node, failure.why.as_str()));
        let names = rename::names(self);
        let slots = by_region(layout.slots());
        let mut rest = slots.as_slice();
        for (index, region) in layout.analysis.map.indexed_regions() {
            let (mine, later) = rest.split_at(rest.partition_point(|(of, _)| *of <= index));
            rest = later;
            place_region(self, region, mine, names.of(region), &mut changes);
            for kind in layout.wanted.about(Some(region.node)) {
                kind.write(self, &mut changes);
            }
        }
        for slot in layout.slots() {
            add_region(self, slot, &mut changes);
        }
        for kind in layout.wanted.about(None) {
            kind.write(self, &mut changes);
        }
        fold_memreserve::fold(self, &mut changes);
        self.prepare_boot(report, &mut changes);
        changes.finish()
    }

    /// Leaves in `/chosen` where the initial ramdisk is, and the report.
    fn prepare_boot(&self, report: &Report<'_>, changes: &mut Changes<'_, '_, '_>) {
        let analysis = self.layout.analysis;
        let node = analysis.facts.report.then(|| report.node(analysis.facts, changes.log()));
        changes.prepare_boot(|edits| {
            if let Some(initrd) = self.placement.initrd {
                edits.set_chosen("linux,initrd-start", initrd.base().to_be_bytes().to_vec());
                edits.set_chosen("linux,initrd-end", initrd.end().to_be_bytes().to_vec());
            }
            // What is in the initrd slot is the bundle, and not a ramdisk.
            let bundle = analysis.facts.bundle.is_some() && analysis.facts.initrd.is_none();
            if let Some(chosen) = analysis.map.chosen.node.filter(|_| bundle) {
                edits.remove_prop(chosen, "linux,initrd-start");
                edits.remove_prop(chosen, "linux,initrd-end");
            }
            if let Some(node) = node {
                edits.add_to_chosen(node);
            }
        });
    }
}

/// Returns the slots of the regions that the tree has, by region and tuple.
fn by_region(slots: &[Slot]) -> Vec<(RegionIndex, &Slot)> {
    let mut sorted: Vec<_> = slots
        .iter()
        .zip(0..)
        .filter_map(|(slot, at)| match *slot.origin() {
            Origin::Region(index, tuple) => Some((index, tuple, at)),
            Origin::New(_) => None,
        })
        .collect();
    order::sort(&mut sorted);
    sorted.into_iter().filter_map(|(index, _, at)| Some((index, slots.get(at)?))).collect()
}

/// Writes where a region is to be: its `reg`, the flag that a restored carveout needs, and its name.
fn place_region(
    placed: &Placed<'_, '_, '_>,
    region: &Region,
    slots: &[(RegionIndex, &Slot)],
    name: Option<&rename::Name>,
    changes: &mut Changes<'_, '_, '_>,
) {
    let layout = &placed.layout;
    let spans: Vec<Span> = slots.iter().map(|(_, slot)| slot.span()).collect();
    let moves = !spans.is_empty() && spans != region.spans();
    let unmaps = slots.first().is_some_and(|(_, slot)| slot.is_no_map()) && !layout.unmaps(region);
    if !moves && !unmaps && name.is_none() {
        return;
    }
    let cells = layout.analysis.map.region_cells();
    let mut reg = Vec::new();
    for &span in spans.iter().filter(|_| moves) {
        let Some(tuple) = cells.encode_span(span) else {
            return changes.fail(&region.path, format!("{span} does not fit the cells of /reserved-memory"));
        };
        reg.extend(tuple);
    }
    let lines = slots.iter().flat_map(|(_, slot)| slot.log()).cloned();
    let lines: Vec<Repaired> = lines.chain(name.and_then(|name| name.line(region))).collect();
    changes.repair(lines, |edits| {
        if moves {
            edits.set(region.node, "reg", reg);
        }
        if moves && region.spans().is_empty() {
            for name in ["size", "alignment", "alloc-ranges"] {
                edits.remove_prop(region.node, name);
            }
        }
        if unmaps {
            edits.set(region.node, "no-map", Vec::new());
            edits.remove_prop(region.node, "reusable");
        }
        if let Some(name) = name {
            edits.rename(region.node, name.as_str());
        }
    });
}

/// Adds a region that the tree lacks.
fn add_region(placed: &Placed<'_, '_, '_>, slot: &Slot, changes: &mut Changes<'_, '_, '_>) {
    let Origin::New(name) = slot.origin() else { return };
    let Some(reg) = placed.layout.analysis.map.region_cells().encode_span(slot.span()) else {
        return changes.fail(name, format!("{} does not fit the cells of /reserved-memory", slot.span()));
    };
    let node = NewNode::new(&format!("{name}@{:x}", slot.span().base())).prop("reg", reg);
    let node = if slot.is_no_map() { node.prop_empty("no-map") } else { node };
    changes.repair(slot.log().to_vec(), |edits| edits.add_region(node));
}
