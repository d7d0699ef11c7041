//! The account of a merge: one line that says which tree is used and what was taken of the other.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Most names of one list; a tree may reserve thousands of ranges, and this is a line of a console.
const MAX_NAMES: usize = 12;

/// What was taken of the loader's tree, and what was left.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    /// What was taken, in words.
    pub(super) taken: Vec<String>,
    /// What was looked at and left, in words.
    pub(super) left: Vec<String>,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bundle's")?;
        match self.taken.is_empty() {
            true => f.write_str("; the loader's adds nothing")?,
            false => list(f, "; of the loader's: ", &self.taken)?,
        }
        list(f, "; not taken: ", &self.left)
    }
}

fn list(f: &mut fmt::Formatter<'_>, start: &str, names: &[String]) -> fmt::Result {
    for (index, name) in names.iter().take(MAX_NAMES).enumerate() {
        f.write_str(if index == 0 { start } else { ", " })?;
        f.write_str(name)?;
    }
    match names.len().checked_sub(MAX_NAMES) {
        None | Some(0) => Ok(()),
        Some(more) => write!(f, " and {more} more"),
    }
}
