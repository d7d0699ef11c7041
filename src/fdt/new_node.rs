//! An owned node, built to be written.

use crate::order;
use alloc::string::String;
use alloc::vec::Vec;

use super::token::check_name;
use super::{EditFault, FdtError, MAX_DEPTH, NameFault, Node};

/// A node with its properties and children, in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewNode {
    /// Its name with the unit address; empty for a root.
    pub name: String,
    /// Names and values of its properties.
    pub props: Vec<(String, Vec<u8>)>,
    /// Its children.
    pub children: Vec<NewNode>,
}

impl NewNode {
    /// Makes a node without properties or children.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: String::from(name), ..Self::default() }
    }

    /// Copies a node and its descendants under another name, without its own properties in `without`.
    #[must_use]
    pub fn copy_of(node: Node<'_, '_>, name: &str, without: &[&str]) -> Self {
        let mut copy = Self::new(name);
        for prop in node.first_props() {
            if !without.contains(&prop.name) {
                copy = copy.prop(prop.name, prop.value);
            }
        }
        // A tree that was read is not nested too deep for this.
        copy.children = node.children().map(|child| Self::copy_of(child, child.name(), &[])).collect();
        copy
    }

    /// Adds a property with this value.
    #[must_use]
    pub fn prop(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.props.push((String::from(name), value.into()));
        self
    }

    /// Adds a property without a value, such as `no-map`.
    #[must_use]
    pub fn prop_empty(self, name: &str) -> Self {
        self.prop(name, Vec::new())
    }

    /// Adds a property of one word.
    #[must_use]
    pub fn prop_u32(self, name: &str, value: u32) -> Self {
        self.prop(name, value.to_be_bytes())
    }

    /// Adds a property of two words.
    #[must_use]
    pub fn prop_u64(self, name: &str, value: u64) -> Self {
        self.prop(name, value.to_be_bytes())
    }

    /// Adds a property of words.
    #[must_use]
    pub fn prop_cells(self, name: &str, cells: &[u32]) -> Self {
        let value: Vec<u8> = cells.iter().flat_map(|cell| cell.to_be_bytes()).collect();
        self.prop(name, value)
    }

    /// Adds a property of one NUL-terminated string; `text` holds no NUL.
    #[must_use]
    pub fn prop_str(self, name: &str, text: &str) -> Self {
        self.prop_strs(name, &[text])
    }

    /// Adds a property of NUL-terminated strings that hold no NUL.
    #[must_use]
    pub fn prop_strs(self, name: &str, texts: &[&str]) -> Self {
        let mut value = Vec::with_capacity(texts.iter().map(|text| text.len() + 1).sum());
        for text in texts {
            value.extend_from_slice(text.as_bytes());
            value.push(0);
        }
        self.prop(name, value)
    }

    /// Adds a last child.
    #[must_use]
    pub fn child(mut self, child: NewNode) -> Self {
        self.children.push(child);
        self
    }

    /// Returns how many nodes it and its descendants are.
    pub(super) fn count(&self) -> usize {
        1 + self.children.iter().map(Self::count).sum::<usize>()
    }

    /// Calls `visit` with this node and all of its descendants.
    pub(crate) fn each<'n>(&'n self, visit: &mut impl FnMut(&'n Self)) {
        visit(self);
        self.children.iter().for_each(|child| child.each(visit));
    }

    /// Finds the value of a property of the node at `path` below this one; `/` is this one.
    pub(super) fn value_at(&self, path: &str, prop: &str) -> Option<&[u8]> {
        let mut node = self;
        for component in path.split('/').filter(|component| !component.is_empty()) {
            node = node.children.iter().find(|child| child.name == component)?;
        }
        node.props.iter().find(|(name, _)| name == prop).map(|(_, value)| value.as_slice())
    }

    /// Checks names, duplicates and nesting of this node, which has `above` nodes above it, and of its
    /// descendants.
    /// `parent` is the path to name in an error.
    pub(super) fn check(&self, parent: &str, above: usize) -> Result<(), FdtError> {
        let path = || alloc::format!("{}/{}", parent.trim_end_matches('/'), self.name);
        let fail = |fault| Err(FdtError::Edit { node: path(), fault });
        // The recursion below ends here.
        if above >= MAX_DEPTH {
            return fail(EditFault::TooDeep);
        }
        if above == 0 && !self.name.is_empty() {
            return fail(EditFault::BadName(self.name.clone(), NameFault::NamedRoot));
        }
        if above > 0
            && let Err(fault) = check_name(&self.name, false)
        {
            return fail(EditFault::BadName(self.name.clone(), fault));
        }
        for (name, _) in &self.props {
            if let Err(fault) = check_name(name, true) {
                return fail(EditFault::BadName(name.clone(), fault));
            }
        }
        if let Some(name) = first_twice(self.props.iter().map(|(name, _)| name.as_str()).collect()) {
            return fail(EditFault::DuplicateProp(String::from(name)));
        }
        if let Some(name) = first_twice(self.children.iter().map(|child| child.name.as_str()).collect()) {
            return fail(EditFault::DuplicateNode(String::from(name)));
        }
        if self.children.is_empty() {
            return Ok(());
        }
        let path = path();
        self.children.iter().try_for_each(|child| child.check(&path, above + 1))
    }

    /// Calls `visit` with the name of every property of this node and its descendants, whose nesting has been
    /// checked.
    pub(super) fn each_prop_name<'n>(&'n self, visit: &mut impl FnMut(&'n str)) {
        self.props.iter().for_each(|(name, _)| visit(name));
        self.children.iter().for_each(|child| child.each_prop_name(visit));
    }
}

/// Returns the first name, in order of the alphabet, that is in the list twice.
fn first_twice(mut names: Vec<&str>) -> Option<&str> {
    order::sort(&mut names);
    names.windows(2).find_map(|pair| match pair {
        [one, other] if one == other => Some(*one),
        _ => None,
    })
}
