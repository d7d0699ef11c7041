//! Rewriting the numbers of a region from the cells in which its author wrote them to the root's.

use super::draft::Draft;
use crate::fdt::Edits;
use crate::survey::{Cells, Region};
use alloc::vec::Vec;

/// Rewrite every number of `region`, except those in the properties that `done` names.
///
/// What cannot be read in the author's cells stops the plan: in the root's cells the same bytes could come to
/// mean something that nobody wrote.
pub(super) fn reencode(draft: &mut Draft<'_, '_>, region: &Region, done: &[&str], edits: &mut Edits) {
    let root = draft.analysis.map.cells;
    let own = draft.analysis.map.reserved.as_ref().map_or(root, |reserved| reserved.cells(root));
    if own == root {
        return;
    }
    let node = draft.analysis.tree.node(region.node);
    for name in ["reg", "size", "alignment", "alloc-ranges"] {
        let Some(prop) = node.prop(name).filter(|_| !done.contains(&name)) else { continue };
        match reencoded(name, prop.value, own, root) {
            Some(value) => edits.set(region.node, name, value),
            // Nobody acts on a region that is disabled.
            None if !region.enabled => {}
            None => {
                draft.stuck(&region.path, alloc::format!("`{name}` cannot be rewritten to the root's cells"))
            }
        }
    }
}

/// Rewrite one of these properties, or `None` when its numbers cannot be read or written so.
pub(super) fn reencoded(name: &str, value: &[u8], own: Cells, root: Cells) -> Option<Vec<u8>> {
    let form = match name {
        "size" => Form::Size,
        "alignment" => Form::Address,
        _ => Form::Tuples,
    };
    form.rewrite(value, own, root)
}

/// What a property is made of.
#[derive(Clone, Copy)]
enum Form {
    Tuples,
    Address,
    Size,
}

impl Form {
    fn rewrite(self, value: &[u8], own: Cells, root: Cells) -> Option<Vec<u8>> {
        let (from, to) = match self {
            Self::Tuples if value.is_empty() => return Some(Vec::new()),
            Self::Tuples => {
                let tuples = own.tuples(value).ok()?;
                let coded: Option<Vec<_>> =
                    tuples.iter().map(|&(base, size)| root.encode(base, size)).collect();
                return Some(coded?.concat());
            }
            Self::Address => (own.address, root.address),
            Self::Size => (own.size, root.size),
        };
        let number = match (value.len() == 4 * from as usize, value.len()) {
            (true, 4) => u64::from(u32::from_be_bytes(value.try_into().ok()?)),
            (true, 8) => u64::from_be_bytes(value.try_into().ok()?),
            _ => return None,
        };
        match to {
            1 => Some(u32::try_from(number).ok()?.to_be_bytes().to_vec()),
            2 => Some(number.to_be_bytes().to_vec()),
            _ => None,
        }
    }
}
