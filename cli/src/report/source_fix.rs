//! Turns a repair of the tree into replacements in the source that it was compiled from.

use std::sync::Arc;

use ringfence::fdt::Tree;
use ringfence::finding::Finding;

use super::counterpart;
use crate::input::{Place, Positions};
use crate::report::dts;

/// What to write instead, in words and as replacements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// In words.
    pub description: String,
    /// The replacements, in the order of the source. All of them make the fix.
    pub replacements: Vec<Replacement>,
}

/// Text that takes the place of other text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The bytes that go; empty for an insertion.
    pub place: Place,
    /// The text that comes.
    pub text: String,
}

/// Returns the fix for `finding` in source, given the tree before and after the repairs. `None` when what
/// changed cannot be expressed in the source, for example when a node was added or a macro wrote it.
#[must_use]
pub fn fix(positions: &Positions, old: &Tree<'_>, new: &Tree<'_>, finding: &Finding) -> Option<Fix> {
    let repair = finding.repair.as_ref()?;
    let mut replacements = Vec::new();
    for node in involved(old, finding) {
        let path = node.path();
        let after = match node.parent() {
            None => Some(new.root()),
            Some(parent) => {
                let pairs = counterpart::children(parent, new.find(&parent.path())?);
                pairs.into_iter().find(|(old, _)| old.id() == node.id()).and_then(|(_, after)| after)
            }
        }?;
        if after.name() != node.name() {
            replacements.push(rename(positions, &path, node.name(), after.name())?);
        }
        for prop in node.props() {
            let value = after.prop(prop.name).map(|prop| prop.value);
            if value == Some(prop.value) {
                continue;
            }
            let text = value.map(|value| dts::whole_property(prop.name, value)).unwrap_or_default();
            replacements.push(Replacement { place: positions.property(&path, prop.name)?, text });
        }
        let added: String = after
            .props()
            .filter(|prop| node.prop(prop.name).is_none())
            .map(|prop| format!(" {}", dts::whole_property(prop.name, prop.value)))
            .collect();
        if !added.is_empty() {
            replacements.push(insertion(positions, &path, added)?);
        }
    }
    replacements.sort_by_key(|replacement| key(&replacement.place));
    (!replacements.is_empty()).then(|| Fix { description: repair.description.clone(), replacements })
}

fn key(place: &Place) -> (Arc<str>, u32, u32) {
    (place.file.clone(), place.line, place.column)
}

/// Returns the nodes that a finding is about: its own, and its siblings that its spans name.
fn involved<'t, 'a>(tree: &'t Tree<'a>, finding: &Finding) -> Vec<ringfence::fdt::Node<'t, 'a>> {
    let Some(own) = tree.find(&finding.node) else { return Vec::new() };
    let is_named = |node: &ringfence::fdt::Node<'_, '_>| {
        let path = node.path();
        node.id() == own.id() || finding.spans.iter().any(|labelled| labelled.label.node() == Some(&path))
    };
    let beside = own.parent().into_iter().flat_map(|parent| parent.children()).filter(is_named);
    if own.parent().is_none() { vec![own] } else { beside.collect() }
}

fn rename(positions: &Positions, path: &str, old: &str, new: &str) -> Option<Replacement> {
    let mut place = positions.node(path)?;
    let line = positions.text(&place.file)?.lines().nth(place.line as usize - 1)?;
    let start = place.column as usize - 1;
    let at = start + line.get(start..)?.find(old)?;
    (place.column, place.end_column) = (at as u32 + 1, (at + old.len()) as u32 + 1);
    Some(Replacement { place, text: new.to_string() })
}

/// Inserts text after the opening brace of the node.
fn insertion(positions: &Positions, path: &str, text: String) -> Option<Replacement> {
    let mut place = positions.node(path)?;
    let line = positions.text(&place.file)?.lines().nth(place.line as usize - 1)?;
    let start = place.end_column as usize - 1;
    let brace = start + line.get(start..)?.find('{')? + 1;
    (place.column, place.end_column) = (brace as u32 + 1, brace as u32 + 1);
    Some(Replacement { place, text })
}
