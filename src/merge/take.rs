//! What the policy takes besides: nodes and properties by their paths.

use super::account::Account;
use super::cpus::PHANDLES;
use crate::fdt::{Edits, FdtError, NewNode, Node, Prop, Tree, rewrite};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Takes each of `places` (`/path` or `/path:property`) of the loader's tree into `own`, and returns the new
/// blob; `None` where that changes nothing. Nodes are taken with their descendants. Their phandles are not:
/// they are numbers of the other tree.
pub(super) fn take(
    own: &Tree<'_>,
    loader: &Tree<'_>,
    places: &[String],
    account: &mut Account,
) -> Result<Option<Vec<u8>>, FdtError> {
    let mut blob: Option<Vec<u8>> = None;
    for place in places {
        let taken = match &blob {
            Some(blob) => one(&Tree::parse(blob)?, loader, place, account)?,
            None => one(own, loader, place, account)?,
        };
        blob = taken.or(blob);
    }
    Ok(blob)
}

fn one(
    own: &Tree<'_>,
    loader: &Tree<'_>,
    place: &str,
    account: &mut Account,
) -> Result<Option<Vec<u8>>, FdtError> {
    let (path, property) = place.split_once(':').map_or((place, None), |(path, name)| (path, Some(name)));
    let mut edits = Edits::new();
    let theirs = loader.find(path);
    let prop = property.and_then(|name| theirs?.prop(name));
    let Some(theirs) = theirs.filter(|_| property.is_some() == prop.is_some()) else {
        account.left.push(format!("{place} (the loader's has none)"));
        return Ok(None);
    };
    let parent = || {
        let (parent, _) = path.rsplit_once('/')?;
        own.find(if parent.is_empty() { "/" } else { parent })
    };
    match (own.find(path), prop) {
        (Some(own), Some(prop)) => set(&mut edits, own, prop),
        (Some(own), None) => lay_over(&mut edits, own, theirs),
        (None, _) => match parent().filter(|_| prop.is_none()) {
            Some(parent) => edits.add_node(parent.id(), copy(theirs)),
            None => account.left.push(format!("{place} (the bundle's has no such node)")),
        },
    }
    if edits.is_empty() {
        return Ok(None);
    }
    account.taken.push(String::from(place));
    rewrite(own, &edits).map(Some)
}

/// Makes a node and its descendants as they are in the other tree. What only it has stays.
fn lay_over(edits: &mut Edits, own: Node<'_, '_>, theirs: Node<'_, '_>) {
    for prop in theirs.first_props() {
        if !PHANDLES.contains(&prop.name) {
            set(edits, own, prop);
        }
    }
    // A tree that was read is not nested too deep for this.
    for child in theirs.children() {
        match own.children().find(|own| own.name() == child.name()) {
            Some(own) => lay_over(edits, own, child),
            None => edits.add_node(own.id(), copy(child)),
        }
    }
}

pub(super) fn set(edits: &mut Edits, own: Node<'_, '_>, prop: Prop<'_>) {
    if own.prop(prop.name).is_none_or(|own| own.value != prop.value) {
        edits.set(own.id(), prop.name, prop.value.to_vec());
    }
}

fn copy(node: Node<'_, '_>) -> NewNode {
    let mut copy = NewNode::copy_of(node, node.name(), &PHANDLES);
    let mut open: Vec<&mut NewNode> = copy.children.iter_mut().collect();
    while let Some(node) = open.pop() {
        node.props.retain(|(name, _)| !PHANDLES.contains(&name.as_str()));
        open.extend(node.children.iter_mut());
    }
    copy
}
