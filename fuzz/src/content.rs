//! The content of a tree, owned and plain: the oracle of the round trip, on which edits are easy to make.

use ringfence::fdt::{Edits, NewNode, Node, Tree};

use super::Random;

/// The content of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    boot_cpu: u32,
    memreserve: Vec<(u64, u64)>,
    root: Plain,
}

/// A node with its index in the tree, which is not part of its content.
#[derive(Clone, Debug)]
struct Plain {
    index: usize,
    node: NewNode,
    children: Vec<Plain>,
}

impl PartialEq for Plain {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node && self.children == other.children
    }
}

impl Eq for Plain {}

/// A node as one line: nodes above it, name, properties.
pub type Line = (usize, String, Vec<(String, Vec<u8>)>);

impl Content {
    /// Reads all of a tree.
    pub fn of(tree: &Tree<'_>) -> Self {
        let mut next = 0;
        Self {
            boot_cpu: tree.blob().boot_cpu(),
            memreserve: tree.blob().memreserve().collect(),
            root: Plain::of(tree.root(), &mut next),
        }
    }

    /// Returns all nodes in order.
    pub fn flat(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        self.root.flatten(0, &mut lines);
        lines
    }

    /// Chooses edits at random. Returns them with the resulting content, or `None` when two of them name one
    /// child.
    pub fn edited(&self, tree: &Tree<'_>, random: &mut Random) -> (Edits, Option<Self>) {
        const NAMES: [&str; 6] = ["reg", "no-map", "status", "phandle", "new-word", "ringfence,new"];
        let mut edits = Edits::new();
        let mut plain = Vec::new();
        let nodes: Vec<Node<'_, '_>> = tree.nodes().collect();
        for count in 0..1 + random.below(4) {
            let index = random.below(nodes.len());
            let node = nodes[index];
            let known = node.props().nth(random.below(node.props().count())).map(|prop| prop.name);
            let name = known.filter(|_| random.below(2) == 0).unwrap_or(NAMES[random.below(NAMES.len())]);
            let value = vec![random.below(256) as u8; random.below(12)];
            let fresh = NewNode::new(&format!("fresh{count}@{:x}", random.below(4)))
                .prop(name, value.clone())
                .child(NewNode::new("below").prop_u32("other,new", 1));
            let edit = match random.below(6) {
                0 | 1 => Edit::Set(name.into(), value),
                2 => Edit::Remove(name.into()),
                3 => Edit::Rename(format!("renamed@{:x}", random.below(4))),
                4 => Edit::Drop,
                _ if random.below(2) == 0 => Edit::Child(fresh),
                _ => Edit::After(fresh),
            };
            match &edit {
                Edit::Set(name, value) => edits.set(node.id(), name, value.clone()),
                Edit::Remove(name) => edits.remove_prop(node.id(), name),
                Edit::Rename(name) => edits.rename(node.id(), name),
                Edit::Drop => edits.remove_node(node.id()),
                Edit::Child(new) => edits.add_node(node.id(), new.clone()),
                Edit::After(new) => edits.add_node_after(node.id(), new.clone()),
            }
            plain.push((index, edit));
        }
        let mut after = self.clone();
        if random.below(4) == 0 {
            after.memreserve = vec![(0x1000, 0x1000), (0, 1)];
            edits.set_memreserve(after.memreserve.clone());
        }
        let root = after.root.apply(&plain).into_iter().next();
        let after = root.map(|root| Self { root, ..after });
        (edits, after)
    }
}

enum Edit {
    Set(String, Vec<u8>),
    Remove(String),
    Rename(String),
    Drop,
    Child(NewNode),
    After(NewNode),
}

impl Plain {
    fn of(node: Node<'_, '_>, next: &mut usize) -> Self {
        let index = *next;
        *next += 1;
        let mut own = NewNode::new(node.name());
        own.props = node.props().map(|prop| (prop.name.into(), prop.value.into())).collect();
        Self { index, node: own, children: node.children().map(|child| Self::of(child, next)).collect() }
    }

    fn fresh(mut node: NewNode) -> Self {
        let children = std::mem::take(&mut node.children).into_iter().map(Self::fresh).collect();
        Self { index: usize::MAX, node, children }
    }

    fn flatten(&self, depth: usize, lines: &mut Vec<Line>) {
        lines.push((depth, self.node.name.clone(), self.node.props.clone()));
        self.children.iter().for_each(|child| child.flatten(depth + 1, lines));
    }

    /// This node after the edits, with those that follow it; nothing when it is dropped.
    fn apply(mut self, edits: &[(usize, Edit)]) -> Vec<Self> {
        self.children = self.children.into_iter().flat_map(|child| child.apply(edits)).collect();
        let own = || edits.iter().filter(|(index, _)| *index == self.index).map(|(_, edit)| edit);
        let mut added = Vec::new();
        for edit in own() {
            match edit {
                Edit::Set(name, value) => {
                    let first = self.node.props.iter().position(|(known, _)| known == name);
                    let mut at = 0;
                    self.node.props.retain(|(known, _)| {
                        at += 1;
                        known != name || Some(at - 1) == first
                    });
                    match first.and_then(|first| self.node.props.get_mut(first)) {
                        Some(prop) => prop.1.clone_from(value),
                        None => added.push((name.clone(), value.clone())),
                    }
                }
                Edit::Remove(name) => self.node.props.retain(|(known, _)| known != name),
                Edit::Rename(name) => self.node.name.clone_from(name),
                Edit::Child(node) => self.children.push(Self::fresh(node.clone())),
                Edit::Drop | Edit::After(_) => {}
            }
        }
        added.sort();
        let after: Vec<Self> = own()
            .filter_map(|edit| match edit {
                Edit::After(node) => Some(Self::fresh(node.clone())),
                _ => None,
            })
            .collect();
        let dropped = own().any(|edit| matches!(edit, Edit::Drop));
        self.node.props.extend(added);
        let own = if dropped { None } else { Some(self) };
        own.into_iter().chain(after).collect()
    }
}

/// Reads all nodes of a compact blob with the `fdt` crate, which shares no code with the reader under test.
pub fn witness(blob: &[u8]) -> Vec<Line> {
    let fdt = fdt::Fdt::new(blob).expect("the `fdt` crate accepts a canonical blob");
    let mut lines = Vec::new();
    let root = fdt.find_node("/").expect("there is a root");
    read(root, 0, &mut lines);
    assert_eq!(fdt.all_nodes().count(), lines.len(), "both ways of walking see all nodes");
    lines
}

fn read(node: fdt::node::FdtNode<'_, '_>, depth: usize, lines: &mut Vec<Line>) {
    let name = if depth == 0 { "" } else { node.name };
    let props = node.properties().map(|prop| (prop.name.into(), prop.value.into())).collect();
    lines.push((depth, name.into(), props));
    node.children().for_each(|child| read(child, depth + 1, lines));
}
