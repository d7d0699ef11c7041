//! Checks an edit list against its tree and sorts it for the writer.

use alloc::string::String;
use alloc::vec::Vec;

use super::edit::{Edits, Op};
use super::index::reserve;
use super::token::check_name;
use super::tree::{PropRecord, Tree};
use super::{EditFault, FdtError, NodeId};

/// An edit whose node exists.
pub(super) struct Entry<'e> {
    node: NodeId,
    pub(super) op: &'e Op,
    /// For an edit of a property: the node has it, and this is its record's index among the node's.
    pub(super) hit: Option<u32>,
}

/// All edits, sorted by node and then by rank.
pub(super) struct Resolved<'e> {
    entries: Vec<Entry<'e>>,
}

impl<'e> Resolved<'e> {
    /// Checks every edit. Costs O(e log e), plus the properties and siblings of the nodes that are named.
    pub(super) fn new(tree: &Tree<'_>, edits: &'e Edits) -> Result<Self, FdtError> {
        if let Some(list) = &edits.memreserve
            && list.iter().any(|&(_, size)| size == 0)
        {
            return Err(FdtError::Edit {
                node: String::from("/memreserve/"),
                fault: EditFault::EmptyReserve,
            });
        }
        let mut order: Vec<usize> = reserve(edits.ops.len())?;
        order.extend(0..edits.ops.len());
        crate::order::sort_by_key(&mut order, |&index| {
            edits.ops.get(index).map(|(node, op)| (*node, op.rank(), index))
        });
        let mut entries = reserve(edits.ops.len())?;
        entries.extend(order.iter().filter_map(|&index| edits.ops.get(index)).map(|(node, op)| Entry {
            node: *node,
            op,
            hit: None,
        }));
        let mut resolved = Self { entries };
        resolved.check_nodes(tree)?;
        resolved.check_siblings(tree)?;
        Ok(resolved)
    }

    /// Returns the edits of one node.
    pub(super) fn of(&self, node: NodeId) -> &[Entry<'e>] {
        if self.entries.is_empty() {
            return &[];
        }
        let first = self.entries.partition_point(|entry| entry.node < node);
        let rest = self.entries.get(first..).unwrap_or_default();
        let len = rest.iter().take_while(|entry| entry.node == node).count();
        rest.get(..len).unwrap_or_default()
    }

    /// Returns the first node from `first` on that an edit names.
    pub(super) fn next_from(&self, first: NodeId) -> Option<NodeId> {
        let index = self.entries.partition_point(|entry| entry.node < first);
        self.entries.get(index).map(|entry| entry.node)
    }

    /// Returns all edits.
    pub(super) fn ops(&self) -> impl Iterator<Item = &Entry<'e>> {
        self.entries.iter()
    }

    fn check_nodes(&mut self, tree: &Tree<'_>) -> Result<(), FdtError> {
        let mut removed_end = 0;
        for group in self.entries.chunk_by_mut(|one, other| one.node == other.node) {
            let Some(id) = group.first().map(|entry| entry.node) else { continue };
            let fail = |fault| Err(FdtError::Edit { node: tree.node(id).path(), fault });
            let Some(record) = tree.record(id) else {
                let node = alloc::format!("node {}", id.0);
                return Err(FdtError::Edit { node, fault: EditFault::NoSuchNode });
            };
            if id.0 < removed_end {
                return fail(EditFault::Conflict);
            }
            check_props(tree, id, group)?;
            let removes = group.iter().any(|entry| matches!(entry.op, Op::RemoveNode));
            let mut once = 0;
            for entry in group.iter() {
                match entry.op {
                    Op::Rename(_) | Op::RemoveNode | Op::AddAfter(_) if id.0 == 0 => {
                        return fail(EditFault::Root);
                    }
                    Op::Rename(_) | Op::RemoveNode if once > 0 => return fail(EditFault::Conflict),
                    Op::Rename(name) => {
                        once += 1;
                        if let Err(fault) = check_name(name, false) {
                            return fail(EditFault::BadName(name.clone(), fault));
                        }
                    }
                    Op::RemoveNode => once += 1,
                    Op::AddAfter(node) => {
                        let parent = tree.node(NodeId(record.parent));
                        node.check(&parent.path(), record.depth as usize)?;
                    }
                    _ if removes => return fail(EditFault::Conflict),
                    Op::AddFirst(node) | Op::AddChild(node) => {
                        node.check(&tree.node(id).path(), record.depth as usize + 1)?;
                    }
                    Op::Set { .. } | Op::RemoveProp { .. } => {}
                }
            }
            if removes {
                removed_end = record.end;
            }
        }
        Ok(())
    }

    /// Checks that no child that an edit renames or adds gets a name that another child of that parent has.
    fn check_siblings(&self, tree: &Tree<'_>) -> Result<(), FdtError> {
        let mut parents: Vec<NodeId> = self
            .entries
            .iter()
            .filter_map(|entry| match entry.op {
                Op::AddFirst(_) | Op::AddChild(_) => Some(entry.node),
                Op::Rename(_) | Op::AddAfter(_) => {
                    tree.record(entry.node).map(|record| NodeId(record.parent))
                }
                _ => None,
            })
            .collect();
        crate::order::sort(&mut parents);
        parents.dedup();
        for parent in parents {
            // Only new names can collide, so only they are sorted, and the others looked up among them.
            let mut fresh: Vec<&str> = Vec::new();
            fresh.extend(self.of(parent).iter().filter_map(|entry| match entry.op {
                Op::AddFirst(node) | Op::AddChild(node) => Some(node.name.as_str()),
                _ => None,
            }));
            for child in tree.node(parent).children() {
                fresh.extend(self.of(child.id()).iter().filter_map(|entry| match entry.op {
                    Op::AddAfter(node) => Some(node.name.as_str()),
                    Op::Rename(name) => Some(name.as_str()),
                    _ => None,
                }));
            }
            crate::order::sort(&mut fresh);
            let twice = fresh.windows(2).find_map(|pair| match pair {
                [one, other] if one == other => Some(*one),
                _ => None,
            });
            let taken = tree.node(parent).children().find_map(|child| {
                let at = fresh.binary_search_by(|name| name.as_bytes().cmp(child.name_bytes())).ok()?;
                let gone = |entry: &Entry<'_>| matches!(entry.op, Op::Rename(_) | Op::RemoveNode);
                if self.of(child.id()).iter().any(gone) { None } else { fresh.get(at).copied() }
            });
            if let Some(name) = twice.or(taken) {
                let fault = EditFault::DuplicateNode(String::from(name));
                return Err(FdtError::Edit { node: tree.node(parent).path(), fault });
            }
        }
        Ok(())
    }
}

/// Finds the properties that a node's edits name, and refuses names that cannot be written.
fn check_props(tree: &Tree<'_>, id: NodeId, group: &mut [Entry<'_>]) -> Result<(), FdtError> {
    let fail = |fault| Err(FdtError::Edit { node: tree.node(id).path(), fault });
    let count = group.partition_point(|entry| entry.op.rank().0 == 0);
    let Some(group) = group.get_mut(..count).filter(|group| !group.is_empty()) else { return Ok(()) };
    for pair in group.windows(2) {
        if let [one, other] = pair
            && one.op.rank() == other.op.rank()
        {
            return fail(EditFault::DuplicateProp(String::from(one.op.rank().1)));
        }
    }
    for (index, record) in tree.prop_records(id).iter().enumerate() {
        if let Some(entry) = find(tree, group, record).and_then(|found| group.get_mut(found)) {
            entry.hit.get_or_insert(index as u32);
        }
    }
    for entry in group.iter() {
        match entry.op {
            Op::Set { name, .. } => {
                if let Err(fault) = check_name(name, true) {
                    return fail(EditFault::BadName(name.clone(), fault));
                }
            }
            Op::RemoveProp { name } if entry.hit.is_none() => {
                return fail(EditFault::NoSuchProp(name.clone()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Up to this many edits, comparing each takes less than measuring a name and searching.
const FEW_EDITS: usize = 6;

/// Finds the edit of a property among those of its node, where edits of properties come first.
pub(super) fn find(tree: &Tree<'_>, group: &[Entry<'_>], record: &PropRecord) -> Option<usize> {
    if group.len() <= FEW_EDITS {
        return group.iter().position(|entry| {
            let (rank, name) = entry.op.rank();
            rank == 0 && tree.is_named(record, name)
        });
    }
    let name = tree.prop(record).name;
    group.binary_search_by(|entry| entry.op.rank().cmp(&(0, name))).ok()
}
