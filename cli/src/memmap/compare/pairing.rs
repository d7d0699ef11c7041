//! Finds out which claim of the new map is which of the old one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ringfence::fdt::Tree;

use crate::memmap::chart::short_name;
use crate::memmap::entries::Entry;

/// The old claim and the new one; one side is missing for what is gone or new.
pub(super) type Pair<'e> = (Option<&'e Entry>, Option<&'e Entry>);

/// The labels that both trees know, with the path that each gives them.
#[derive(Clone, Debug, Default)]
pub struct Labels(Vec<(String, String)>);

impl Labels {
    /// Reads `/__symbols__` of both. A label outlives a changed unit address, which a path does not.
    #[must_use]
    pub fn of(old: &Tree<'_>, new: &Tree<'_>) -> Self {
        let paths = |tree: &Tree<'_>| -> BTreeMap<String, String> {
            let props =
                tree.find("/__symbols__").into_iter().flat_map(|node| node.props().collect::<Vec<_>>());
            props.filter_map(|prop| Some((prop.name.to_string(), prop.as_str()?.to_string()))).collect()
        };
        let new = paths(new);
        let both = |(label, old): (String, String)| Some((old, new.get(&label)?.clone()));
        Self(paths(old).into_iter().filter_map(both).collect())
    }
}

/// Pairs the live claims: by path, then by label, then by name without the unit address, then by the very
/// same place. Within a node, tuples pair by their place and then in order. The result is in the order of the
/// new map, followed by what is gone.
pub(super) fn pair<'e>(old: &'e [Entry], new: &'e [Entry], labels: &Labels) -> Vec<Pair<'e>> {
    let (old_nodes, new_nodes) = (nodes(old), nodes(new));
    let mut partner: BTreeMap<&str, &str> = BTreeMap::new();
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    let mut join = |new: &'e str, old: &'e str| {
        if !partner.contains_key(new) && taken.insert(old) {
            partner.insert(new, old);
        }
    };
    for node in new_nodes.keys().filter(|node| old_nodes.contains_key(*node)) {
        join(node, node);
    }
    for (was, now) in &labels.0 {
        if let (Some((was, _)), Some((now, _))) =
            (old_nodes.get_key_value(was.as_str()), new_nodes.get_key_value(now.as_str()))
        {
            join(now, was);
        }
    }
    let stems = |nodes: &Nodes<'e>, done: &dyn Fn(&str) -> bool| {
        let mut stems: BTreeMap<&str, VecDeque<&'e str>> = BTreeMap::new();
        for node in nodes.keys().filter(|node| !done(node)) {
            stems.entry(stem(node)).or_default().push_back(node);
        }
        stems
    };
    let mut left = stems(&old_nodes, &|node| taken.contains(node));
    for (stem, nodes) in stems(&new_nodes, &|node| partner.contains_key(node)) {
        for node in nodes {
            if let Some(was) = left.get_mut(stem).and_then(VecDeque::pop_front) {
                partner.insert(node, was);
                taken.insert(was);
            }
        }
    }
    tuples(old, new, &partner)
}

/// The live claims of each node, in their order.
type Nodes<'e> = BTreeMap<&'e str, Vec<&'e Entry>>;

fn nodes(entries: &[Entry]) -> Nodes<'_> {
    let mut nodes = Nodes::new();
    for entry in entries.iter().filter(|entry| entry.is_live()) {
        nodes.entry(&entry.node).or_default().push(entry);
    }
    nodes
}

fn stem(node: &str) -> &str {
    short_name(node).split('@').next().unwrap_or_default()
}

/// Pairs the tuples of nodes that belong together, and last of all what has the very same place.
fn tuples<'e>(old: &'e [Entry], new: &'e [Entry], partner: &BTreeMap<&str, &str>) -> Vec<Pair<'e>> {
    let mut left: Vec<Option<&Entry>> = old.iter().map(|entry| entry.is_live().then_some(entry)).collect();
    let mut places: BTreeMap<&str, VecDeque<usize>> = BTreeMap::new();
    for (index, entry) in old.iter().enumerate().filter(|(_, entry)| entry.is_live()) {
        places.entry(&entry.node).or_default().push_back(index);
    }
    let mut pairs: Vec<Pair<'e>> =
        new.iter().filter(|entry| entry.is_live()).map(|entry| (None, Some(entry))).collect();
    // The same place first, so that an inserted tuple does not shift all that follow.
    for same_place in [true, false] {
        for (was, now) in &mut pairs {
            let Some(now) = now.filter(|_| was.is_none()) else { continue };
            let Some(queue) = partner.get(now.node.as_str()).and_then(|node| places.get_mut(node)) else {
                continue;
            };
            let fits =
                |index: &usize| !same_place || old.get(*index).is_some_and(|entry| entry.span == now.span);
            let Some(at) = queue.iter().position(fits) else { continue };
            if let Some(index) = queue.remove(at) {
                *was = left.get_mut(index).and_then(Option::take);
            }
        }
    }
    let mut same: BTreeMap<_, VecDeque<usize>> = BTreeMap::new();
    for (index, entry) in left.iter().enumerate().filter_map(|(index, entry)| Some((index, (*entry)?))) {
        if let Some(span) = entry.span {
            same.entry((entry.kind == "ram", span)).or_default().push_back(index);
        }
    }
    for (was, now) in &mut pairs {
        let Some(now) = now.filter(|_| was.is_none()) else { continue };
        let key = now.span.map(|span| (now.kind == "ram", span));
        if let Some(index) = key.and_then(|key| same.get_mut(&key)?.pop_front()) {
            *was = left.get_mut(index).and_then(Option::take);
        }
    }
    pairs.extend(left.into_iter().flatten().map(|was| (Some(was), None)));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::claims::Lifetime;
    use ringfence::span::Span;

    fn entry(node: &str, base: u64) -> Entry {
        Entry {
            span: Span::new(base, 0x1000),
            size: 0x1000,
            kind: "reserved",
            node: node.into(),
            flags: Vec::new(),
            lifetime: Some(Lifetime::Reserved),
        }
    }

    fn paired(old: &[Entry], new: &[Entry], labels: &Labels) -> Vec<(Option<u64>, Option<u64>)> {
        let base = |entry: Option<&Entry>| entry.and_then(|entry| entry.span).map(Span::base);
        pair(old, new, labels).into_iter().map(|(was, now)| (base(was), base(now))).collect()
    }

    #[test]
    fn a_label_outlives_a_new_name() {
        let labels = Labels(vec![("/r/camera@1000".into(), "/r/isp@9000".into())]);
        let (old, new) = ([entry("/r/camera@1000", 0x1000)], [entry("/r/isp@9000", 0x9000)]);
        assert_eq!(paired(&old, &new, &labels), [(Some(0x1000), Some(0x9000))]);
        assert_eq!(paired(&old, &new, &Labels::default()), [(None, Some(0x9000)), (Some(0x1000), None)]);
    }

    #[test]
    fn a_tuple_that_came_in_between_does_not_move_the_others() {
        let old = [entry("/r/a", 0x1000), entry("/r/a", 0x3000)];
        let new = [entry("/r/a", 0x1000), entry("/r/a", 0x2000), entry("/r/a", 0x3000)];
        assert_eq!(
            paired(&old, &new, &Labels::default()),
            [(Some(0x1000), Some(0x1000)), (None, Some(0x2000)), (Some(0x3000), Some(0x3000))]
        );
    }

    #[test]
    fn what_took_over_the_very_same_place_is_the_same() {
        let (old, new) = ([entry("/memreserve/", 0x1000)], [entry("/r/fw@1000", 0x1000)]);
        assert_eq!(paired(&old, &new, &Labels::default()), [(Some(0x1000), Some(0x1000))]);
    }
}
