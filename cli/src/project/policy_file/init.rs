//! Writes the policy that a known-good tree already satisfies.

use ringfence::bootargs;
use ringfence::fdt::Tree;
use ringfence::ledger;
use ringfence::policy::{Carveout, CmaWant, Key, Policy, ProtectedRange, Requirement, Via};
use ringfence::span::{GIB, Span};
use ringfence::survey::{Extent, MemoryMap, Region};

/// The largest gap between two banks of RAM that is taken for memory left out on purpose; more is another
/// part of the address map.
const LARGEST_HOLE: u64 = GIB - 1;

/// Requires every carveout of the tree, the holes of its `/memory`, and its default CMA pool.
#[must_use]
pub fn from_tree(tree: &Tree<'_>, map: &MemoryMap) -> Policy {
    let compatible = tree.root().prop("compatible").and_then(|prop| prop.strings().next());
    Policy {
        board: compatible.map(ToString::to_string),
        requirements: map
            .enabled()
            .filter(|region| region.no_map)
            .flat_map(required)
            .chain(holes(map))
            .collect(),
        cma: from_bootargs(map)
            .or_else(|| map.enabled().find(|region| region.cma_default).and_then(from_node)),
        ..Policy::default()
    }
}

/// A policy has one span for each carveout. Each further tuple is required under the name that it
/// gets when the node is split into one node a tuple, as no kernel protects more than the first (RF104).
fn required(region: &Region) -> Vec<Requirement> {
    let key = |index: usize, span: Span| match index {
        0 => region.path.clone(),
        _ => {
            let base_name = region.path.split('@').next().unwrap_or(&region.path);
            format!("{base_name}-{index}@{:x}", span.base())
        }
    };
    let one = |(index, span): (usize, &Span)| Carveout {
        key: Key::Path(key(index, *span)),
        base: Some(span.base()),
        size: span.len(),
        no_map: true,
    };
    region.spans().iter().enumerate().map(one).map(Requirement::from).collect()
}

/// Returns the holes between banks of RAM, less what regions say of them anyway.
fn holes(map: &MemoryMap) -> Vec<Requirement> {
    let banks = map.ram.spans();
    let pairs = banks.iter().zip(banks.iter().skip(1));
    let gaps = pairs.filter_map(|(low, high)| Span::from_ends(low.end(), high.base()));
    let gaps: Vec<Span> = gaps.filter(|gap| gap.len() <= LARGEST_HOLE).collect();
    let holes = ledger::subtract(&gaps, &ledger::union(map.carveouts().collect()));
    let range = |span: Span| ProtectedRange { name: format!("hole-{:x}", span.base()), span }.into();
    holes.into_iter().map(range).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::facts::BootFacts;
    use ringfence::fdt::{NewNode, build};
    use ringfence::span::MIB;

    #[test]
    fn a_hole_is_protected_as_far_as_no_region_says_so_and_the_gap_below_4_gib_is_none() {
        let pair = |base: u64, size: u64| [base.to_be_bytes(), size.to_be_bytes()].concat();
        let banks = [(GIB, 64 * MIB), (GIB + 68 * MIB, 64 * MIB), (4 * GIB, GIB)];
        let banks: Vec<u8> = banks.iter().flat_map(|&(base, size)| pair(base, size)).collect();
        let node = |name| NewNode::new(name).prop_u32("#address-cells", 2).prop_u32("#size-cells", 2);
        let tz = NewNode::new("tz@44000000").prop("reg", pair(GIB + 64 * MIB, MIB)).prop_empty("no-map");
        let memory = NewNode::new("memory").prop_str("device_type", "memory").prop("reg", banks);
        let root = node("").child(memory).child(node("reserved-memory").prop_empty("ranges").child(tz));
        let blob = build(&root, 0, &[]).unwrap();
        let tree = Tree::parse(&blob).unwrap();
        let policy = from_tree(&tree, &MemoryMap::survey(&tree, &BootFacts::default()));
        let found: Vec<_> = policy
            .requirements
            .iter()
            .map(|one| (one.to_string(), one.span().unwrap().len() / MIB))
            .collect();
        assert_eq!(
            found,
            [("/reserved-memory/tz@44000000".to_string(), 1), ("hole-44100000".to_string(), 3)]
        );
        assert_eq!(policy.validate(), Ok(()));
    }
}
