//! What a finding points at: the excerpt of its node, and the places in the source. All of it follows from
//! the finding's node, property and labels, and nothing from its words.

use std::ops::Range;

use ringfence::fdt::{Node, Tree};
use ringfence::finding::{Finding, LabelledSpan};

use super::{Diagnostic, Located, Related, dts};
use crate::input::Positions;

/// A node as source, with a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The source, several lines.
    pub text: String,
    /// The bytes to underline.
    pub mark: Range<usize>,
    /// What to write there.
    pub label: String,
}

/// Properties that say something about memory. The others of a node are left out of its excerpt, unless one
/// is at fault.
const SHOWN: &[&str] = &[
    "#address-cells",
    "#size-cells",
    "alignment",
    "alloc-ranges",
    "bootargs",
    "compatible",
    "device_type",
    "linux,cma-default",
    "linux,initrd-end",
    "linux,initrd-start",
    "linux,usable-memory",
    "no-map",
    "ranges",
    "reg",
    "reusable",
    "size",
    "status",
];

/// Maximum number of further nodes of a finding that the source is searched for.
const MAX_RELATED: usize = 4;

/// Gives each finding its excerpt of `tree`, and its places in the source that the tree was compiled from.
#[must_use]
pub fn show(tree: &Tree<'_>, findings: &[Finding], positions: Option<&Positions>) -> Vec<Diagnostic> {
    let shown = |finding: &Finding| {
        let node = tree.find(&finding.node);
        // A path without a unit address may name a node that has one.
        let path = node.map(|node| node.path());
        let place = positions.and_then(|positions| locate(positions, finding, path.as_deref()));
        let related = positions.map(|positions| related(positions, finding)).unwrap_or_default();
        Diagnostic {
            excerpt: node.map(|node| excerpt(node, finding)),
            place,
            related,
            ..Diagnostic::bare(finding.clone())
        }
    };
    findings.iter().map(shown).collect()
}

/// Returns where the source has the property at fault, or the node where it lacks the property or is itself
/// at fault. `path` is that of the node in the tree.
fn locate(positions: &Positions, finding: &Finding, path: Option<&str>) -> Option<Located> {
    if path.is_none()
        && let Some(place) = memreserve(positions, finding)
    {
        return Some(Located { place, node: None });
    }
    // A node that the source does not have comes from elsewhere, for example the command line.
    if path.is_some_and(|path| !positions.has(path)) {
        return None;
    }
    let path = path.unwrap_or(&finding.node);
    let node = positions.node(path);
    let property = finding.property.as_deref();
    match property.and_then(|property| positions.property(path, property)) {
        Some(place) => Some(Located { place, node }),
        None => node.map(|place| Located { place, node: None }),
    }
}

/// Returns where the source has the `/memreserve/` entry that a finding is about.
fn memreserve(positions: &Positions, finding: &Finding) -> Option<crate::input::Place> {
    let entry = finding.spans.first().filter(|_| finding.node == "/memreserve/")?;
    positions.memreserve(entry.span)
}

/// Returns where the source has the other spans that the labels of a finding name: those of other nodes, and
/// that of its own where something else is at fault.
fn related(positions: &Positions, finding: &Finding) -> Vec<Related> {
    let related = |LabelledSpan { span, label }: &LabelledSpan| {
        let path = label.node().filter(|path| positions.has(path))?;
        let property = ["reg", "size"].into_iter().find(|name| positions.property(path, name).is_some());
        let place = match property {
            Some(name) if path == finding.node && finding.property.as_deref() == Some(name) => return None,
            Some(name) => positions.property(path, name)?,
            None if path == finding.node => return None,
            None => positions.node(path)?,
        };
        let text = if path == finding.node { span.to_string() } else { format!("{} {span}", label.text()) };
        Some(Related { place, text })
    };
    finding.spans.iter().filter_map(related).take(MAX_RELATED).collect()
}

fn excerpt(node: Node<'_, '_>, finding: &Finding) -> Excerpt {
    let at_fault = finding.property.as_deref();
    let mut text = format!("{} {{\n", dts::shown_name(node));
    let mut mark = 0..dts::shown_name(node).len();
    let mut label = String::new();
    for prop in node.props() {
        let is_marked = at_fault == Some(prop.name);
        if !is_marked && !SHOWN.contains(&prop.name) {
            continue;
        }
        let line = dts::property(prop.name, prop.value);
        let start = text.len() + 4;
        text += &format!("    {line}\n");
        if is_marked {
            mark = start..start + line.len();
            let own = |labelled: &&LabelledSpan| labelled.label.node() == Some(&finding.node);
            label = match finding.spans.iter().find(own) {
                Some(own) if prop.name == "reg" => own.span.to_string(),
                _ => String::new(),
            };
        }
    }
    text += "};";
    Excerpt { text, mark, label }
}
