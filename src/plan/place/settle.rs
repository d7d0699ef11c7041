//! Settles which of node and `cma=` says where the default CMA pool is.

use super::default_pool::DefaultPool;
use crate::bootargs::{self, CmaArg, MAX_LEN};
use crate::fdt::NodeId;
use crate::plan::RepairKind;
use crate::plan::layout::Layout;
use crate::policy::Via;
use crate::span::Span;
use alloc::vec::Vec;

/// What becomes of the default pool.
#[derive(Debug, Default)]
pub(in crate::plan) struct Settled {
    /// The new command line, and the `cma=` that it has now.
    pub(in crate::plan) bootargs: Option<(Vec<u8>, Option<CmaArg>)>,
    /// Nodes that lose `linux,cma-default`.
    pub(in crate::plan) demoted: Vec<NodeId>,
    /// The pool that needs a node of its own.
    pub(in crate::plan) node: Option<Span>,
}

/// Decides, once every pool has its place.
pub(super) fn settle(layout: &mut Layout<'_, '_, '_>, pool: DefaultPool) -> Settled {
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
    let mut bootargs = None;
    if changes {
        match line_with_cma(&line, new_arg.as_ref()) {
            Ok(line) => bootargs = Some((line, new_arg)),
            Err(why) => layout.fail("/chosen", why),
        }
    }
    Settled { bootargs, demoted, node: pool.node }
}

/// Returns the command line with this `cma=` and no other, or why the kernel would not read it there.
pub(in crate::plan) fn line_with_cma(line: &[u8], arg: Option<&CmaArg>) -> Result<Vec<u8>, &'static str> {
    let line = bootargs::with_cma(line, arg);
    if line.len() > MAX_LEN {
        return Err("bootargs have no room for `cma=`: shorten them");
    }
    if bootargs::cma(&line).as_ref() != arg {
        return Err("bootargs have a quote that never closes, so `cma=` would be part of it: close it");
    }
    Ok(line)
}
