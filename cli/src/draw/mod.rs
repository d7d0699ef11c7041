//! A memory map as a table, a drawing, a page and a document; what changed between two; and the room to grow.

pub mod changes;
mod escape;
pub mod headroom;
mod json;
mod page;
mod scale;
mod svg;
mod table;

pub use json::json;
pub use page::page;
pub use svg::picture;
pub use table::table;

use crate::memmap::chart::Chart;
use crate::memmap::compare::Change;

/// The content of a picture.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'c> {
    /// What the user called the tree.
    pub path: &'c str,
    /// The map as it is.
    pub before: &'c Chart,
    /// The map after the repairs of `fix`.
    pub fixed: Option<&'c Fixed>,
    /// The findings of the rules, a line each.
    pub findings: &'c [String],
    /// Whether free memory is labelled.
    pub with_free: bool,
}

/// A map after its repairs.
#[derive(Clone, Debug)]
pub struct Fixed {
    /// The map.
    pub chart: Chart,
    /// The changes from the map before.
    pub changes: Vec<Change>,
    /// The repairs, in words.
    pub repairs: Vec<String>,
}
