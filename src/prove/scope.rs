//! What a plan may touch: regions, `/reserved-memory`, and of `/chosen` what a boot puts there. No edit of
//! anything else repairs a memory map, whatever a plan says.

use super::Refusal;
use crate::fdt::{Edit, Edits, NewNode, Node, Tree};
use crate::order;
use crate::plan::REPORT;
use crate::rules::{is_misspelled_reserved_memory, is_near};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What repairs change of regions.
const OF_REGIONS: [&str; 6] = ["reg", "size", "alignment", "alloc-ranges", "no-map", "status"];
/// Flags that repairs take from regions.
const FLAGS: [&str; 3] = ["reusable", "linux,cma-default", "linux,dma-default"];
/// What repairs change of `/reserved-memory` itself.
const OF_RESERVED_MEMORY: [&str; 3] = ["#address-cells", "#size-cells", "ranges"];
/// What repairs change of `/chosen`.
const OF_CHOSEN: [&str; 3] = ["bootargs", "linux,initrd-start", "linux,initrd-end"];
/// Nodes whose properties are paths that follow what they lead to.
const PATH_HOLDERS: [&str; 3] = ["/__symbols__", "/aliases", "/chosen"];

/// Checks that every edit of `tree` is one that a repair may make, and that each phandle which leaves with a
/// node comes back with another.
///
/// # Errors
/// The first edit that is not, with its node and what it changes there.
pub(super) fn check(tree: &Tree<'_>, edits: &Edits) -> Result<(), Refusal> {
    let of = Scope { home: tree.find("/reserved-memory"), chosen: tree.find("/chosen") };
    let (mut left, mut brought) = (Vec::new(), Vec::new());
    for (node, edit) in edits.each() {
        let node = tree.node(node);
        if !of.admits(tree, node, edit) {
            return Err(Refusal::OutOfScope(node.path(), what(edit)));
        }
        match edit {
            // A parent that regions leave is not referred to.
            Edit::RemoveNode if node.depth() == 1 => node.children().for_each(|node| leave(node, &mut left)),
            Edit::RemoveNode => leave(node, &mut left),
            Edit::AddChild(new) | Edit::AddAfter(new) => new.each(&mut |new| brought.extend(phandle_of(new))),
            _ => {}
        }
    }
    order::sort(&mut left);
    order::sort(&mut brought);
    match left == brought {
        true => Ok(()),
        false => Err(Refusal::OutOfScope("/reserved-memory".into(), "phandle".into())),
    }
}

/// The nodes that repairs are about, where the tree has them.
struct Scope<'t, 'a> {
    home: Option<Node<'t, 'a>>,
    chosen: Option<Node<'t, 'a>>,
}

impl Scope<'_, '_> {
    fn admits(&self, tree: &Tree<'_>, node: Node<'_, '_>, edit: Edit<'_>) -> bool {
        let id = Some(node.id());
        let (is_home, is_chosen) = (id == self.home.map(|n| n.id()), id == self.chosen.map(|n| n.id()));
        let above = || core::iter::successors(node.parent(), |node| node.parent());
        let in_home = self.home.is_some_and(|home| above().any(|node| node.id() == home.id()));
        match edit {
            Edit::Set(name, value) => {
                in_home && OF_REGIONS.contains(&name)
                    || is_home && OF_RESERVED_MEMORY.contains(&name)
                    || is_chosen && OF_CHOSEN.contains(&name)
                    || PATH_HOLDERS.iter().any(|path| id == tree.find(path).map(|node| node.id()))
                        && follows(node, name, value)
            }
            Edit::RemoveProp(name) => {
                in_home && (OF_REGIONS.contains(&name) || FLAGS.contains(&name) || is_near(name, "no-map"))
                    || is_chosen && name.starts_with("linux,initrd-")
            }
            Edit::Rename => in_home,
            Edit::RemoveNode => in_home || is_stray(node, is_home) || node.path() == REPORT,
            Edit::AddAfter(new) => in_home && holds_no_ram(new),
            Edit::AddChild(new) if is_home => holds_no_ram(new),
            Edit::AddChild(new) if is_chosen => REPORT.strip_prefix("/chosen/") == Some(&new.name),
            Edit::AddChild(new) => {
                let is_first = match new.name.as_str() {
                    "reserved-memory" => self.home.is_none() && holds_no_ram(new),
                    "chosen" => {
                        let known = |(name, _): &(String, _)| OF_CHOSEN.contains(&name.as_str());
                        self.chosen.is_none() && new.props.iter().all(known)
                    }
                    _ => false,
                };
                node.depth() == 0 && is_first
            }
        }
    }
}

/// Tells whether a node of the root holds regions where Linux does not look for them.
fn is_stray(node: Node<'_, '_>, is_home: bool) -> bool {
    let name = node.base_name();
    node.depth() == 1 && !is_home && (name == "reserved-memory" || is_misspelled_reserved_memory(name))
}

/// Tells whether no kernel takes a node, or one in it, for RAM: kernels have done so at any depth.
fn holds_no_ram(new: &NewNode) -> bool {
    let mut holds = false;
    new.each(&mut |node| holds |= node.props.iter().any(|(name, _)| name == "device_type"));
    !holds
}

/// Tells whether the new value of a path leads to a region of the name that the old one leads to, but for
/// what keeps it apart from others.
fn follows(holder: Node<'_, '_>, name: &str, value: &[u8]) -> bool {
    let stem = |path: &str| -> String {
        let last = path.rsplit('/').next().unwrap_or_default();
        last.split(['@', ':', '\0']).next().unwrap_or_default().to_string()
    };
    let new = core::str::from_utf8(value).ok().filter(|path| path.starts_with("/reserved-memory"));
    let old = holder.prop(name).and_then(|prop| prop.as_str());
    new.zip(old).is_some_and(|(new, old)| stem(new).starts_with(&stem(old)))
}

/// Notes the phandles of a node and its descendants.
fn leave(node: Node<'_, '_>, left: &mut Vec<u32>) {
    left.extend(node.phandle());
    node.children().for_each(|node| leave(node, left));
}

fn phandle_of(new: &NewNode) -> Option<u32> {
    let value = |wanted: &str| new.props.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    let value = value("phandle").or_else(|| value("linux,phandle"))?;
    Some(u32::from_be_bytes(value.as_slice().try_into().ok()?))
        .filter(|phandle| !matches!(phandle, 0 | &u32::MAX))
}

fn what(edit: Edit<'_>) -> String {
    match edit {
        Edit::Set(name, _) | Edit::RemoveProp(name) => name.to_string(),
        Edit::Rename => "its name".to_string(),
        Edit::RemoveNode => "the node".to_string(),
        Edit::AddChild(new) | Edit::AddAfter(new) => new.name.clone(),
    }
}
