//! Writes a tree again, with edits: one pass that counts, one that writes.

use alloc::vec::Vec;

use super::edit::{Edits, Op};
use super::emit::{Count, Emitter, Layout, Sink};
use super::resolve::{Resolved, find};
use super::strings::Strings;
use super::tree::NodeRecord;
use super::{FdtError, NodeId, Tree};

/// Writes `tree` with `edits` made: version 17, compact, without NOPs.
///
/// What no edit names keeps its bytes and its place, as do the boot CPU, the memory reserve list and the
/// strings block, to which new names are appended. Without edits this is the canonical copy: writing that
/// again gives the same bytes; padding is kept as it is, except near NOPs. Costs O((n + e) log e) and one
/// allocation for the output, of its exact size.
///
/// # Errors
/// [`FdtError::Edit`] when an edit cannot be made, [`FdtError::TooLarge`] when the result would exceed
/// [`super::Blob::limit`], [`FdtError::OutOfMemory`].
pub fn rewrite(tree: &Tree<'_>, edits: &Edits) -> Result<Vec<u8>, FdtError> {
    let resolved = Resolved::new(tree, edits)?;
    let strings = Strings::new(tree.blob().strings(), new_names(&resolved))?;
    let mut count = Count::default();
    emit(tree, &resolved, &strings, &mut count);
    let blob = tree.blob();
    let own = edits.memreserve.as_deref();
    let reserve_count = own.map_or_else(|| blob.memreserve().count(), <[_]>::len);
    let layout = Layout { gap: 0, struct_len: count.0, reserve_count };
    let mut out = match own {
        Some(list) => layout.start(&strings, blob.boot_cpu(), list.iter().copied(), blob.limit())?,
        None => layout.start(&strings, blob.boot_cpu(), blob.memreserve(), blob.limit())?,
    };
    emit(tree, &resolved, &strings, &mut out);
    strings.write(&mut out);
    Ok(out)
}

/// Returns the names of all properties that edits add.
fn new_names<'e>(resolved: &Resolved<'e>) -> Vec<&'e str> {
    let mut names = Vec::new();
    for entry in resolved.ops() {
        match entry.op {
            Op::Set { name, .. } if entry.hit.is_none() => names.push(name.as_str()),
            Op::AddFirst(node) | Op::AddChild(node) | Op::AddAfter(node) => {
                node.each_prop_name(&mut |name| names.push(name))
            }
            _ => {}
        }
    }
    names
}

/// Writes the structure block.
fn emit<S: Sink>(tree: &Tree<'_>, resolved: &Resolved<'_>, strings: &Strings<'_>, sink: &mut S) {
    let mut out = Emitter { sink, strings };
    // The innermost open node. Its ancestors are found through the tree.
    let mut open = None;
    let mut next = NodeId(0);
    loop {
        // Close the nodes that end here.
        while let Some(id) = open
            && tree.record(id).is_none_or(|record| record.end <= next.0)
        {
            for entry in resolved.of(id) {
                if let Op::AddChild(node) = entry.op {
                    out.new_node(node);
                }
            }
            out.end_node();
            add_after(resolved, id, &mut out);
            open = tree.node(id).parent().map(|parent| parent.id());
        }
        let Some(record) = tree.record(next) else { break };
        if let Some(same) = untouched(tree, resolved, next, record) {
            out.sink.put(same.bytes);
            if same.head {
                open = Some(next);
            }
            next = same.end;
            continue;
        }
        let edits = resolved.of(next);
        if edits.iter().any(|entry| matches!(entry.op, Op::RemoveNode)) {
            add_after(resolved, next, &mut out);
            next = NodeId(record.end);
            continue;
        }
        let renamed = edits.iter().find_map(|entry| match entry.op {
            Op::Rename(name) => Some(name.as_bytes()),
            _ => None,
        });
        out.begin(renamed.unwrap_or_else(|| tree.node(next).name_bytes()));
        for (index, record) in tree.prop_records(next).iter().enumerate() {
            match find(tree, edits, record).and_then(|found| edits.get(found)) {
                None => out.prop(record.name, tree.value(record)),
                Some(entry) => {
                    if let Op::Set { value, .. } = entry.op
                        && entry.hit == Some(index as u32)
                    {
                        out.prop(record.name, value);
                    }
                }
            }
        }
        for entry in edits.iter().filter(|entry| entry.hit.is_none()) {
            if let Op::Set { name, value } = entry.op {
                out.prop(strings.offset(name), value);
            }
        }
        for entry in edits {
            if let Op::AddFirst(node) = entry.op {
                out.new_node(node);
            }
        }
        open = Some(next);
        next = NodeId(next.0 + 1);
    }
    out.end();
}

/// Writes the nodes that edits put after `sibling`.
fn add_after<S: Sink>(resolved: &Resolved<'_>, sibling: NodeId, out: &mut Emitter<'_, S>) {
    for entry in resolved.of(sibling) {
        if let Op::AddAfter(node) = entry.op {
            out.new_node(node);
        }
    }
}

/// Bytes of the input that are the output too.
struct Same<'a> {
    bytes: &'a [u8],
    /// They are only a node's name and properties, so that the node is open after them.
    head: bool,
    /// The node that comes next.
    end: NodeId,
}

/// Returns what can be copied at once from a node on that no edit names: its head if an edit names a
/// descendant, else all of it with the untouched siblings after it. A blob is already compact, except near
/// NOPs.
fn untouched<'a>(
    tree: &Tree<'a>,
    resolved: &Resolved<'_>,
    id: NodeId,
    record: &NodeRecord,
) -> Option<Same<'a>> {
    let edited = resolved.next_from(id).map_or(u32::MAX, |edited| edited.0);
    if edited == id.0 {
        return None;
    }
    if edited < record.end {
        return tree.head_bytes(id).map(|bytes| Same { bytes, head: true, end: NodeId(id.0 + 1) });
    }
    let mut end = record.end;
    let mut bytes = tree.siblings_bytes(id, NodeId(end))?;
    while let Some(sibling) = tree.record(NodeId(end))
        && sibling.parent == record.parent
        && sibling.end <= edited
        && let Some(longer) = tree.siblings_bytes(id, NodeId(sibling.end))
    {
        (bytes, end) = (longer, sibling.end);
    }
    Some(Same { bytes, head: false, end: NodeId(end) })
}
