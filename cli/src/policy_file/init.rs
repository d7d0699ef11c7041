//! Writes the policy that a known-good tree already satisfies.

use ringfence::bootargs;
use ringfence::fdt::Tree;
use ringfence::policy::{CmaWant, Key, Policy, Required, Via};
use ringfence::span::Span;
use ringfence::survey::{Extent, MemoryMap, Region};

/// Require every carveout of the tree as it stands, and its default CMA pool.
#[must_use]
pub fn from_tree(tree: &Tree<'_>, map: &MemoryMap) -> Policy {
    let compatible = tree.root().prop("compatible").and_then(|prop| prop.strings().next());
    Policy {
        board: compatible.map(ToString::to_string),
        carveouts: map.live().filter(|region| region.no_map).flat_map(required).collect(),
        cma: from_bootargs(map).or_else(|| map.live().find(|region| region.cma_default).and_then(from_node)),
        ..Policy::default()
    }
}

/// A policy speaks of one span a carveout. Each further tuple is required under the name that it gets when the node
/// is split into one node a tuple, as no kernel protects more than the first (RF104).
fn required(region: &Region) -> Vec<Required> {
    let key = |index: usize, span: Span| match index {
        0 => region.path.clone(),
        _ => {
            let base_name = region.path.split('@').next().unwrap_or(&region.path);
            format!("{base_name}-{index}@{:x}", span.base())
        }
    };
    let one = |(index, span): (usize, &Span)| Required {
        key: Key::Path(key(index, *span)),
        base: Some(span.base()),
        size: span.len(),
        no_map: true,
    };
    region.spans().iter().enumerate().map(one).collect()
}

/// Any `cma=` in the bootargs beats a node.
fn from_bootargs(map: &MemoryMap) -> Option<CmaWant> {
    let arg = bootargs::cma(map.chosen.bootargs.as_deref()?).filter(|arg| arg.size > 0)?;
    let range = match arg.limit {
        Some(limit) => Span::from_ends(arg.base?, limit),
        None => arg.fixed(),
    };
    Some(CmaWant { size: arg.size, align: None, range, via: Via::Bootargs })
}

fn from_node(region: &Region) -> Option<CmaWant> {
    let want = |size, align, range| Some(CmaWant { size, align, range, via: Via::Node });
    match &region.extent {
        Extent::Static(spans) => spans.first().and_then(|span| want(span.len(), None, Some(*span))),
        Extent::Dynamic(dynamic) => want(dynamic.size, dynamic.align, dynamic.windows.first().copied()),
        Extent::Nowhere | Extent::Malformed { .. } => None,
    }
}
