//! Checks that a rewrite lost nothing and added nothing. The walk over both trees shares no code with the
//! rewriter.

use crate::order;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::edit::Op;
use super::tree::PropRecord;
use super::{Edits, Node, NodeId, Tree};

/// Something of the old tree that the new one lacks, or has besides, though no edit named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// A node, by its old path.
    Node(String),
    /// A property, by the old path of its node and its name; it is gone, out of order or changed.
    Prop(String, String),
    /// The boot CPU or the memory reserve list.
    Header,
    /// The old path of a node that has a property which no edit gives it.
    AddedProp(String),
    /// Nodes that no edit adds.
    AddedNode,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(path) => write!(f, "node {path} was lost"),
            Self::Prop(path, name) => write!(f, "property `{name}` of {path} was lost or changed"),
            Self::Header => f.write_str("the boot CPU or the memory reserve list was lost"),
            Self::AddedProp(path) => write!(f, "{path} got a property that no edit names"),
            Self::AddedNode => f.write_str("there is a node that no edit adds"),
        }
    }
}

/// Checks that every node and property of `old` that no edit names is in `new`, in the same order and byte
/// for byte the same, and that `new` has nothing besides but what edits add. One walk over both trees.
///
/// # Errors
/// The first loss in the order of the old tree.
pub fn nothing_lost(old: &Tree<'_>, edits: &Edits, new: &Tree<'_>) -> Result<(), Loss> {
    let same_reserve = edits.memreserve.is_some() || old.blob().memreserve().eq(new.blob().memreserve());
    if !same_reserve || old.blob().boot_cpu() != new.blob().boot_cpu() {
        return Err(Loss::Header);
    }
    let mut ops: Vec<&(NodeId, Op)> = edits.ops.iter().collect();
    order::stable_sort_by_key(&mut ops, |(node, _)| *node);
    let mut ops = ops.as_slice();
    let mut rest = new.nodes();
    // As a rule the new strings block begins with the old one, and then equal offsets are equal names.
    let same_strings = new.blob().strings().starts_with(old.blob().strings());
    let mut gone_below: Option<usize> = None;
    let mut kept = 0;
    for node in old.nodes() {
        let mine = ops.iter().take_while(|(id, _)| *id <= node.id()).count();
        let (here, later) = ops.split_at(mine);
        ops = later;
        if gone_below.is_some_and(|depth| node.depth() > depth) {
            continue;
        }
        gone_below = here.iter().any(|(_, op)| matches!(op, Op::RemoveNode)).then_some(node.depth());
        if gone_below.is_some() {
            continue;
        }
        let name = here.iter().rev().find_map(|(_, op)| match op {
            Op::Rename(name) => Some(name.as_bytes()),
            _ => None,
        });
        let name = name.unwrap_or(node.name_bytes());
        // Nodes passed over are new ones; a depth above the wanted one means that the parent has ended.
        let twin = rest
            .by_ref()
            .take_while(|twin| twin.depth() >= node.depth())
            .find(|twin| twin.depth() == node.depth() && twin.name_bytes() == name);
        let Some(twin) = twin else { return Err(Loss::Node(node.path())) };
        props_kept((old, node), here, (new, twin), same_strings)?;
        kept += 1;
    }
    let added = edits.ops.iter().map(|(_, op)| match op {
        Op::AddFirst(new) | Op::AddChild(new) | Op::AddAfter(new) => new.count(),
        _ => 0,
    });
    if new.blob().node_count() != kept + added.sum::<usize>() {
        return Err(Loss::AddedNode);
    }
    Ok(())
}

fn props_kept(
    (old, old_node): (&Tree<'_>, Node<'_, '_>),
    edits: &[&(NodeId, Op)],
    (new, new_node): (&Tree<'_>, Node<'_, '_>),
    same_strings: bool,
) -> Result<(), Loss> {
    let (old_props, new_props) = (old.prop_records(old_node.id()), new.prop_records(new_node.id()));
    if same_strings && edits.is_empty() && same_props((old, old_props), (new, new_props)) {
        return Ok(());
    }
    let named = |record: &PropRecord| {
        edits.iter().any(|(_, op)| match op {
            Op::Set { name, .. } | Op::RemoveProp { name } => old.is_named(record, name),
            _ => false,
        })
    };
    let mut rest = new_props.iter();
    let mut count = edits.iter().filter(|(_, op)| matches!(op, Op::Set { .. })).count();
    for record in old_props.iter().filter(|record| !named(record)) {
        let same = |twin: &PropRecord| {
            let same_name = same_strings && twin.name == record.name;
            (same_name || new.is_named(twin, old.prop(record).name)) && new.value(twin) == old.value(record)
        };
        if !rest.by_ref().any(same) {
            return Err(Loss::Prop(old_node.path(), old.prop(record).name.into()));
        }
        count += 1;
    }
    if new_props.len() != count {
        return Err(Loss::AddedProp(old_node.path()));
    }
    Ok(())
}

/// Returns whether two nodes have the same properties in the same order, seen at once: names at equal
/// offsets, values of equal lengths at equal distances, and all bytes from the first value to the last the
/// same.
fn same_props((old, ours): (&Tree<'_>, &[PropRecord]), (new, theirs): (&Tree<'_>, &[PropRecord])) -> bool {
    let (Some(first), Some(last)) = (ours.first(), ours.last()) else { return true };
    let Some(from) = theirs.first().filter(|_| ours.len() == theirs.len()) else { return false };
    let alike = |(a, b): (&PropRecord, &PropRecord)| {
        a.name == b.name && a.len == b.len && a.value - first.value == b.value - from.value
    };
    let len = (last.value - first.value) as usize + last.len as usize;
    let (at, to) = (first.value as usize, from.value as usize);
    let bytes = old.blob().bytes().get(at..at + len);
    ours.iter().zip(theirs).all(alike)
        && bytes.is_some_and(|bytes| new.blob().bytes().get(to..to + len) == Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fdt::{NewNode, build, rewrite};

    fn sample() -> Vec<u8> {
        let node = |name: &str| NewNode::new(name).prop_u32("reg", 1).prop_str("label", name);
        let root = NewNode::new("").prop_u32("a", 1).child(node("x").child(node("y"))).child(node("z"));
        build(&root, 0, &[(0x1000, 0x1000)]).unwrap()
    }

    #[test]
    fn a_rewrite_that_keeps_everything_passes() {
        let bytes = sample();
        let tree = Tree::parse(&bytes).unwrap();
        let mut edits = Edits::new();
        edits.rename(tree.find("/x/y").unwrap().id(), "w");
        edits.set(tree.find("/z").unwrap().id(), "reg", alloc::vec![9; 8]);
        edits.add_node(tree.root().id(), NewNode::new("new").child(NewNode::new("z")));
        let out = rewrite(&tree, &edits).unwrap();
        assert_eq!(nothing_lost(&tree, &edits, &Tree::parse(&out).unwrap()), Ok(()));
    }

    #[test]
    fn whatever_is_lost_is_named() {
        let bytes = sample();
        let tree = Tree::parse(&bytes).unwrap();
        let lost = |make: &dyn Fn(&mut Edits)| {
            let mut edits = Edits::new();
            make(&mut edits);
            let out = rewrite(&tree, &edits).unwrap();
            nothing_lost(&tree, &Edits::new(), &Tree::parse(&out).unwrap())
        };
        let id = |path: &str| tree.find(path).unwrap().id();
        assert_eq!(lost(&|e| e.remove_node(id("/x/y"))), Err(Loss::Node("/x/y".into())));
        assert_eq!(lost(&|e| e.remove_prop(id("/z"), "label")), Err(Loss::Prop("/z".into(), "label".into())));
        assert_eq!(
            lost(&|e| e.set(id("/z"), "reg", alloc::vec![1])),
            Err(Loss::Prop("/z".into(), "reg".into()))
        );
        assert_eq!(lost(&|e| e.set_memreserve(Vec::new())), Err(Loss::Header));
    }

    #[test]
    fn whatever_is_added_is_noticed() {
        let bytes = sample();
        let tree = Tree::parse(&bytes).unwrap();
        let added = |make: &dyn Fn(&mut Edits), named: &Edits| {
            let mut edits = named.clone();
            make(&mut edits);
            let out = rewrite(&tree, &edits).unwrap();
            nothing_lost(&tree, named, &Tree::parse(&out).unwrap())
        };
        let id = |path: &str| tree.find(path).unwrap().id();
        let disabled = |e: &mut Edits| e.set(id("/z"), "status", b"disabled\0".to_vec());
        let node = |e: &mut Edits| e.add_node(id("/x"), NewNode::new("memory").child(NewNode::new("deep")));
        assert_eq!(added(&disabled, &Edits::new()), Err(Loss::AddedProp("/z".into())));
        assert_eq!(added(&node, &Edits::new()), Err(Loss::AddedNode));
        // Also beside what edits name.
        let mut named = Edits::new();
        named.set(id("/z"), "label", alloc::vec![1]);
        named.remove_node(id("/x/y"));
        named.add_node(id("/x"), NewNode::new("y"));
        assert_eq!(added(&|_| (), &named), Ok(()));
        assert_eq!(added(&disabled, &named), Err(Loss::AddedProp("/z".into())));
        assert_eq!(added(&node, &named), Err(Loss::AddedNode));
    }
}
