//! Rewrites the cells of `/reserved-memory` to the root's, and every number in it.

use super::Repair;
use crate::plan::gather::Gathering;
use crate::plan::reencode::{PLACE, reencoded};
use crate::plan::{RepairKind, Repaired};
use alloc::format;
use alloc::vec::Vec;

pub(super) const REPAIR: Repair<()> = Repair::safe("rewrite-cells").gathers(gather);

/// What cannot be read in the author's cells stops the plan: in the root's cells the same bytes could come to
/// mean something else.
fn gather(gathering: &mut Gathering<'_, '_, '_>, (): ()) {
    let analysis = gathering.analysis;
    let (now, then) = (analysis.map.region_cells(), gathering.new_cells());
    let Some(reserved) = &analysis.map.reserved else { return };
    let mut values = Vec::new();
    for region in &analysis.map.regions {
        let node = analysis.tree.node(region.node);
        let decoded = gathering.wanted.has(RepairKind::RewriteReg(region.node));
        let props = PLACE.into_iter().filter_map(|name| node.prop(name));
        for prop in props.filter(|prop| !(decoded && prop.name == "reg")) {
            match reencoded(prop.name, prop.value, now, then) {
                Some(value) => values.push((region.node, prop.name, value)),
                None if region.enabled && region.reads(prop.name) => {
                    let why = format!("`{}` cannot be rewritten to the root's cells", prop.name);
                    return gathering.changes.fail(&region.path, why);
                }
                None => {}
            }
        }
    }
    let what = "cells and tuples rewritten to the root's cells";
    let line = Repaired::new(RepairKind::RewriteCells, reserved.path.as_str(), what);
    gathering.changes.repair(alloc::vec![line], |edits| {
        values.into_iter().for_each(|(node, name, value)| edits.set(node, name, value));
        edits.set(reserved.node, "#address-cells", then.address.to_be_bytes().to_vec());
        edits.set(reserved.node, "#size-cells", then.size.to_be_bytes().to_vec());
    });
}
