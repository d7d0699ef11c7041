//! Writes down where the default CMA pool is: on the command line, or as a node.

use super::Repair;
use crate::fdt::NewNode;
use crate::plan::changes::Changes;
use crate::plan::place::{Placed, Settled};
use crate::plan::{RepairKind, Repaired};
use alloc::format;
use alloc::string::String;

pub(super) const REPAIR: Repair<()> = Repair::safe("settle-cma").writes(write);

fn write(placed: &Placed<'_, '_, '_>, (): (), changes: &mut Changes<'_, '_, '_>) {
    let analysis = placed.layout.analysis;
    let line = |node: &str, what: String| Repaired::new(RepairKind::SettleCma, node, what);
    let Settled { bootargs, demoted, node } = &placed.default_pool;
    for &node in demoted {
        let path = analysis.tree.node(node).path();
        changes.repair(alloc::vec![line(&path, "no longer the default CMA pool".into())], |edits| {
            edits.remove_prop(node, "linux,cma-default");
        });
    }
    if let Some((value, arg)) = bootargs {
        let what = match arg {
            Some(arg) => format!("bootargs say `{}`", String::from_utf8(arg.to_bytes()).unwrap_or_default()),
            None => "bootargs have no `cma=` any more".into(),
        };
        changes.repair(alloc::vec![line("/chosen", what)], |edits| {
            let mut value = value.clone();
            value.push(0);
            edits.set_chosen("bootargs", value);
        });
    }
    if let Some(span) = node {
        let Some(reg) = analysis.map.region_cells().encode_span(*span) else {
            return changes
                .fail("default CMA pool", format!("{span} does not fit the cells of /reserved-memory"));
        };
        let what = format!("default CMA pool added at {span}");
        changes.repair(alloc::vec![line("/reserved-memory", what)], |edits| {
            let node = NewNode::new(&format!("linux,cma@{:x}", span.base()))
                .prop_str("compatible", "shared-dma-pool")
                .prop("reg", reg)
                .prop_empty("reusable")
                .prop_empty("linux,cma-default");
            edits.add_region(node);
        });
    }
}
