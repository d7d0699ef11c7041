//! Which node of a repaired tree each node of the old one became: repairs rename nodes.

use std::collections::HashMap;

use ringfence::fdt::Node;

/// Returns each child of `old` with the child of `new` that it became, `None` where it was removed.
///
/// Repairs keep the order of nodes and append new ones, so nodes of one base name are told apart by their
/// order, not by unit addresses that one may have got from another.
pub(super) fn children<'o, 'a, 'n, 'b>(
    old: Node<'o, 'a>,
    new: Node<'n, 'b>,
) -> Vec<(Node<'o, 'a>, Option<Node<'n, 'b>>)> {
    let mut groups: HashMap<&str, Vec<Node<'n, 'b>>> = HashMap::new();
    for node in new.children() {
        groups.entry(node.base_name()).or_default().push(node);
    }
    let mut olds: HashMap<&str, Vec<Node<'o, 'a>>> = HashMap::new();
    for node in old.children() {
        olds.entry(node.base_name()).or_default().push(node);
    }
    let mut found = HashMap::new();
    for (base, olds) in &olds {
        let news = groups.get(base).map(Vec::as_slice).unwrap_or_default();
        found.extend(pairs(olds, news));
    }
    old.children().map(|child| (child, found.get(child.name()).copied())).collect()
}

/// Pairs nodes of one base name, by the old name.
fn pairs<'a, 'n, 'b>(olds: &[Node<'_, 'a>], news: &[Node<'n, 'b>]) -> Vec<(&'a str, Node<'n, 'b>)> {
    let by_name: HashMap<&str, Node<'n, 'b>> = news.iter().map(|node| (node.name(), *node)).collect();
    if olds.len() <= news.len() && !olds.iter().all(|old| by_name.contains_key(old.name())) {
        return olds.iter().map(|old| old.name()).zip(news.iter().copied()).collect();
    }
    olds.iter().filter_map(|old| Some((old.name(), *by_name.get(old.name())?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::fdt::{NewNode, Tree, build};

    fn names(old: &[&str], new: &[&str]) -> Vec<Option<String>> {
        let blob = |names: &[&str]| {
            let root = names.iter().fold(NewNode::new(""), |root, name| root.child(NewNode::new(name)));
            build(&root, 0, &[]).unwrap()
        };
        let (old, new) = (blob(old), blob(new));
        let (old, new) = (Tree::parse(&old).unwrap(), Tree::parse(&new).unwrap());
        let pairs = children(old.root(), new.root());
        pairs.into_iter().map(|(_, node)| node.map(|node| node.name().to_owned())).collect()
    }

    fn some(names: &[&str]) -> Vec<Option<String>> {
        names.iter().map(|name| Some((*name).to_owned())).collect()
    }

    #[test]
    fn renamed_nodes_of_one_base_name_are_told_apart_by_their_order() {
        let old = ["m@0", "n@1", "m@1"];
        assert_eq!(names(&old, &["m@50", "n@1", "m@51"]), some(&["m@50", "n@1", "m@51"]));
        assert_eq!(
            names(&old, &["m@1", "n@1", "m@2"]),
            some(&["m@1", "n@1", "m@2"]),
            "one takes a name over"
        );
        assert_eq!(names(&old, &["m@0", "n@1", "m@1", "m@9"]), some(&old), "one was added");
        assert_eq!(names(&old, &["m@3", "n@1", "m@1", "m@9"]), some(&["m@3", "n@1", "m@1"]));
        assert_eq!(names(&old, &["n@1", "m@1"]), [None, Some("n@1".into()), Some("m@1".into())]);
    }
}
