//! Settles which of node and `cma=` says where the default CMA pool is, and places it.

use super::Repair;
use crate::bootargs::{self, CmaArg, MAX_LEN};
use crate::fdt::{NewNode, NodeId};
use crate::plan::changes::Changes;
use crate::plan::layout::Layout;
use crate::plan::place::{DefaultPool, Placed};
use crate::plan::{RepairKind, Repaired};
use crate::policy::Via;
use crate::span::Span;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub(super) const REPAIR: Repair<()> = Repair::safe("settle-cma").writes(write);

/// What becomes of the default pool.
#[derive(Debug, Default)]
pub(in crate::plan) struct Settled {
    /// The new command line, and the `cma=` that it has now.
    bootargs: Option<(Vec<u8>, Option<CmaArg>)>,
    /// Nodes that lose `linux,cma-default`.
    demoted: Vec<NodeId>,
    /// The pool that needs a node of its own.
    node: Option<Span>,
}

/// Decides, once every pool has its place.
pub(in crate::plan) fn settle(layout: &mut Layout<'_, '_, '_>, pool: DefaultPool) -> Settled {
    let analysis = layout.analysis;
    if !layout.wanted.has(RepairKind::SettleCma) {
        return Settled::default();
    }
    let line = analysis.map.chosen.bootargs.clone().unwrap_or_default();
    let arg = analysis.cma_arg();
    let via_node = match analysis.policy.and_then(|policy| policy.cma) {
        Some(want) => want.via == Via::Node,
        None => arg.is_none(),
    };
    let defaults = analysis.map.enabled().filter(|region| region.is_cma() && region.cma_default);
    let kept = if via_node { analysis.default_pool().map(|pool| pool.node) } else { None };
    let demoted = defaults.map(|region| region.node).filter(|&node| Some(node) != kept).collect();
    let new_arg = if via_node { None } else { pool.arg.map(CmaArg::at) };
    let changes = if via_node { arg.is_some() } else { new_arg.is_some() && new_arg != arg };
    let bootargs = changes.then(|| (bootargs::with_cma(&line, new_arg.as_ref()), new_arg));
    if let Some((line, new_arg)) = &bootargs
        && (line.len() > MAX_LEN || bootargs::cma(line) != *new_arg)
    {
        layout.fail("/chosen", "bootargs have no room for `cma=`, or a quote that never closes");
    }
    Settled { bootargs, demoted, node: pool.node }
}

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
            return changes.fail("default CMA pool", format!("{span} does not fit the cells of /reserved-memory"));
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
