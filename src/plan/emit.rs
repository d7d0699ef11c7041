//! From the finished draft to edits of the tree.

use super::RepairKind;
use super::boot::Placement;
use super::cma::{self, Settled};
use super::draft::{Draft, Origin, RequestKind, Slot, base_name};
use super::reencode::reencode;
use super::{Plan, gather, rename, report};
use crate::fdt::{Edits, NewNode, NodeId, Prop};
use crate::finding::Finding;
use crate::ledger::{self, Coverage};
use crate::order;
use crate::ramoops;
use crate::rules::is_near;
use crate::survey::{Cells, Pool, Ranges, Region};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Turn the draft into the plan.
pub(super) fn emit(mut draft: Draft<'_, '_>, placement: &Placement, findings: &[Finding]) -> Plan {
    let mut edits = Edits::new();
    let settled = cma::settle(&mut draft);
    reserved_memory(&mut draft, &settled, &mut edits);
    memreserve(&mut draft, &mut edits);
    chosen(&draft, &settled, placement, findings, &mut edits);
    Plan { edits, repairs: draft.repairs, placement: *placement, stuck: draft.stuck }
}

/// `/reserved-memory`: its own properties, its children, and those that are new.
fn reserved_memory(draft: &mut Draft<'_, '_>, settled: &Settled, edits: &mut Edits) {
    let root = draft.analysis.map.cells;
    let mut renames = Vec::new();
    let rewrite_cells = draft.wants(RepairKind::RewriteCells);
    let slots = by_region(draft);
    let mut rest = slots.as_slice();
    for (index, region) in draft.analysis.map.regions.iter().enumerate() {
        let (mine, later) = rest.split_at(rest.partition_point(|(of, _, _)| *of <= index));
        rest = later;
        existing(draft, mine, region, rewrite_cells, edits, &mut renames);
    }
    for &node in &settled.demoted {
        edits.remove_prop(node, "linux,cma-default");
    }
    let home = gather::home(draft);
    let mut fresh: Vec<NewNode> = Vec::new();
    for slot in &draft.slots.clone() {
        let node = match slot.origin {
            Origin::Region(..) => continue,
            Origin::Moved(id, tuple) => gather::moved_node(draft, slot, id, tuple),
            Origin::New => new_region(slot, root),
        };
        let Some(node) = node else {
            draft.stuck(&slot.base_name, format!("{} does not fit the root's cells", slot.span));
            continue;
        };
        if let Origin::Moved(id, 0) = slot.origin {
            draft.gathered.moved.push((format!("{home}/{}", node.name), draft.analysis.tree.node(id).path()));
        }
        fresh.push(node);
    }
    let mut gathered = core::mem::take(&mut draft.gathered);
    fresh.append(&mut gathered.idle);
    gathered.gone.iter().for_each(|&node| edits.remove_node(node));
    rename::rename(&draft.analysis.tree, &renames, gathered.moved, edits);
    if let Some(span) = settled.node {
        fresh.extend(root.encode_span(span).map(|reg| {
            NewNode::new(&format!("linux,cma@{:x}", span.base()))
                .prop_str("compatible", "shared-dma-pool")
                .prop("reg", reg)
                .prop_empty("reusable")
                .prop_empty("linux,cma-default")
        }));
    }
    let log = draft.placed.iter().find(|(what, _)| *what == RequestKind::Log);
    match log.map(|&(_, span)| ramoops::node(span, root).ok_or(span)) {
        Some(Ok(node)) => fresh.push(node),
        Some(Err(span)) => draft.stuck("log", format!("{span} does not fit the root's cells")),
        None => {}
    }
    let Some(reserved) = &draft.analysis.map.reserved else {
        if !fresh.is_empty() {
            let node = NewNode::new("reserved-memory")
                .prop_u32("#address-cells", root.address)
                .prop_u32("#size-cells", root.size)
                .prop_empty("ranges");
            let node = fresh.into_iter().fold(node, NewNode::child);
            edits.add_node(draft.analysis.tree.root().id(), node);
        }
        return;
    };
    let (node, path, ranges) = (reserved.node, reserved.path.clone(), reserved.ranges);
    for child in fresh {
        edits.add_node(node, child);
    }
    if rewrite_cells {
        edits.set(node, "#address-cells", root.address.to_be_bytes().to_vec());
        edits.set(node, "#size-cells", root.size.to_be_bytes().to_vec());
        draft.repaired(RepairKind::RewriteCells, &path, "cells and tuples rewritten to the root's cells");
    }
    if draft.wants(RepairKind::AddRanges) && ranges == Ranges::Missing {
        edits.set(node, "ranges", Vec::new());
        draft.repaired(RepairKind::AddRanges, &path, "added the empty `ranges`");
    }
}

/// The slots of the regions that the tree has, by region and tuple.
fn by_region(draft: &Draft<'_, '_>) -> Vec<(usize, usize, Slot)> {
    let mut slots: Vec<(usize, usize, Slot)> = draft
        .slots
        .iter()
        .filter_map(|slot| match slot.origin {
            Origin::Region(index, tuple) => Some((index, tuple, slot.clone())),
            Origin::Moved(..) | Origin::New => None,
        })
        .collect();
    order::sort_by_key(&mut slots, |(index, tuple, _)| (*index, *tuple));
    slots
}

fn new_region(slot: &Slot, cells: Cells) -> Option<NewNode> {
    let node = NewNode::new(&format!("{}@{:x}", slot.base_name, slot.span.base()))
        .prop("reg", cells.encode_span(slot.span)?);
    Some(if slot.no_map { node.prop_empty("no-map") } else { node })
}

/// One region that the tree has: its `reg`, its flags, its status, its name.
fn existing(
    draft: &mut Draft<'_, '_>,
    slots: &[(usize, usize, Slot)],
    region: &Region,
    rewrite_cells: bool,
    edits: &mut Edits,
    renames: &mut Vec<(NodeId, String)>,
) {
    let root = draft.analysis.map.cells;
    let node = region.node;
    flags(draft, slots, region, edits);
    let Some((_, 0, first)) = slots.first() else {
        if rewrite_cells {
            reencode(draft, region, &[], edits);
        }
        return;
    };
    let split = RepairKind::SplitReg(node);
    let splits = region.spans().len() > 1 && draft.wants(split);
    let spans: Vec<_> =
        if splits { alloc::vec![first.span] } else { slots.iter().map(|(_, _, slot)| slot.span).collect() };
    if rewrite_cells || spans != region.spans() {
        let mut reg = Vec::new();
        for &span in &spans {
            match root.encode_span(span) {
                Some(tuple) => reg.extend(tuple),
                None => draft.stuck(&region.path, format!("{span} does not fit the root's cells")),
            }
        }
        edits.set(node, "reg", reg);
    }
    if region.spans().is_empty() {
        for gone in ["size", "alignment", "alloc-ranges"] {
            if draft.analysis.tree.node(node).prop(gone).is_some() {
                edits.remove_prop(node, gone);
            }
        }
    } else if rewrite_cells {
        let drops = draft.wants(RepairKind::DropSize(node)) || !region.enabled;
        let done: &[&str] = if drops { &["reg", "size"] } else { &["reg"] };
        reencode(draft, region, done, edits);
    }
    if splits {
        split_off(draft, slots, region, edits);
        draft.repaired(split, &region.path, "each further `reg` tuple has a node of its own");
    }
    if !region.enabled {
        edits.remove_prop(node, "status");
        let enable = RepairKind::Enable(node);
        if draft.wants(enable) {
            draft.repaired(enable, &region.path, "enabled");
        }
    }
    let moved = region.spans().first().is_none_or(|span| span.base() != first.span.base());
    let misnamed = draft.wants(RepairKind::Rename(node));
    if region.name.contains('@') && (moved || misnamed) {
        let name = format!("{}@{:x}", base_name(&region.name), first.span.base());
        if name != region.name {
            if misnamed {
                draft.repaired(RepairKind::Rename(node), &region.path, format!("renamed to `{name}`"));
            }
            renames.push((node, name));
        }
    }
}

/// The flags of a region and what else has no number.
fn flags(draft: &mut Draft<'_, '_>, slots: &[(usize, usize, Slot)], region: &Region, edits: &mut Edits) {
    let node = region.node;
    let dropped = match region.pool {
        Pool::Restricted => "dropped the flags that no restricted pool has",
        _ => "dropped `reusable`",
    };
    for (kind, what) in [
        (RepairKind::DropFlags(node), dropped),
        (RepairKind::RewriteReg(node), "`reg` rewritten in the cells that hold"),
        (RepairKind::AddNoMap(node), "added `no-map`"),
        (RepairKind::DropSize(node), "dropped `size`"),
        (RepairKind::Disable(node), "disabled, for its size is 0"),
    ] {
        if draft.wants(kind) {
            draft.repaired(kind, &region.path, what);
        }
    }
    let first = slots.first().map(|(_, _, slot)| slot);
    if unmapped(draft, region, first) && !region.no_map {
        edits.set(node, "no-map", Vec::new());
    }
    for prop in draft.analysis.tree.node(node).props().filter(|prop| goes(draft, region, first, *prop)) {
        edits.remove_prop(node, prop.name);
    }
    if draft.wants(RepairKind::Disable(node)) {
        edits.set(node, "status", b"disabled\0".to_vec());
    }
}

/// Tell whether a region has `no-map` in the end.
fn unmapped(draft: &Draft<'_, '_>, region: &Region, slot: Option<&Slot>) -> bool {
    let wanted = draft.wants(RepairKind::AddNoMap(region.node));
    wanted || slot.map_or(region.no_map, |slot| slot.no_map)
}

/// Tell whether a property of a region goes.
fn goes(draft: &Draft<'_, '_>, region: &Region, slot: Option<&Slot>, prop: Prop<'_>) -> bool {
    let wants = |kind: fn(NodeId) -> RepairKind| draft.wants(kind(region.node));
    match prop.name {
        "reusable" => (unmapped(draft, region, slot) && !region.no_map) || wants(RepairKind::DropFlags),
        "linux,cma-default" | "linux,dma-default" => {
            region.pool == Pool::Restricted && wants(RepairKind::DropFlags)
        }
        "size" => {
            let back = !region.enabled && slot.is_some() && !region.spans().is_empty();
            back || wants(RepairKind::DropSize)
        }
        name => prop.value.is_empty() && wants(RepairKind::AddNoMap) && is_near(name, "no-map"),
    }
}

/// Give each further tuple a node with the properties of the first, except those that must stay unique.
fn split_off(draft: &mut Draft<'_, '_>, slots: &[(usize, usize, Slot)], region: &Region, edits: &mut Edits) {
    let root = draft.analysis.map.cells;
    for (_, tuple, slot) in slots.iter().filter(|(_, tuple, _)| *tuple > 0) {
        let Some(reg) = root.encode_span(slot.span) else { continue };
        let fresh =
            NewNode::new(&format!("{}-{tuple}@{:x}", slot.base_name, slot.span.base())).prop("reg", reg);
        let unique = ["reg", "phandle", "linux,phandle", "linux,cma-default", "linux,dma-default"];
        let kept = draft
            .analysis
            .tree
            .node(region.node)
            .props()
            .filter(|prop| !unique.contains(&prop.name) && !goes(draft, region, Some(slot), *prop));
        let fresh = kept.fold(fresh, |fresh, prop| fresh.prop(prop.name, prop.value.to_vec()));
        let fresh = if slot.no_map && !region.no_map { fresh.prop_empty("no-map") } else { fresh };
        edits.add_node_after(region.node, fresh);
    }
}

/// `/memreserve/`: what a carveout covers need not be said twice, and for kernels up to 6.3 must not be.
fn memreserve(draft: &mut Draft<'_, '_>, edits: &mut Edits) {
    // A carveout that was restored or moved may have come to lie on an entry.
    if !draft.wants(RepairKind::FoldMemreserve) && draft.repairs.is_empty() {
        return;
    }
    let carveouts = draft.carveouts();
    let entries = &draft.analysis.map.memreserve;
    if entries.iter().all(|&entry| ledger::coverage(&carveouts, entry) == Coverage::None) {
        return;
    }
    let left: Vec<(u64, u64)> = entries
        .iter()
        .flat_map(|&entry| ledger::subtract(&[entry], &carveouts))
        .map(|span| (span.base(), span.len()))
        .collect();
    edits.set_memreserve(left);
    draft.repaired(RepairKind::FoldMemreserve, "/memreserve/", "dropped what carveouts already cover");
}

/// `/chosen`: the command line, the initial ramdisk and the report.
fn chosen(
    draft: &Draft<'_, '_>,
    settled: &Settled,
    placement: &Placement,
    findings: &[Finding],
    edits: &mut Edits,
) {
    let analysis = draft.analysis;
    let mut props: Vec<(&str, Vec<u8>)> = Vec::new();
    if let Some(line) = &settled.bootargs {
        let mut line = line.clone();
        line.push(0);
        props.push(("bootargs", line));
    }
    if let Some(initrd) = placement.initrd {
        props.push(("linux,initrd-start", initrd.base().to_be_bytes().to_vec()));
        props.push(("linux,initrd-end", initrd.end().to_be_bytes().to_vec()));
    }
    let report =
        analysis.facts.report.then(|| report::node(analysis.facts.policy_digest, findings, &draft.repairs));
    let Some(node) = analysis.map.chosen.node else {
        if !props.is_empty() || report.is_some() {
            let node =
                props.into_iter().fold(NewNode::new("chosen"), |node, (name, value)| node.prop(name, value));
            let node = report.into_iter().fold(node, NewNode::child);
            edits.add_node(analysis.tree.root().id(), node);
        }
        return;
    };
    for (name, value) in props {
        edits.set(node, name, value);
    }
    let chosen = analysis.tree.node(node);
    if analysis.facts.bundle.is_some() && analysis.facts.initrd.is_none() {
        for gone in ["linux,initrd-start", "linux,initrd-end"] {
            if chosen.prop(gone).is_some() {
                edits.remove_prop(node, gone);
            }
        }
    }
    if let Some(report) = report {
        if let Some(old) = chosen.child(report::NAME) {
            edits.remove_node(old.id());
        }
        edits.add_node(node, report);
    }
}
