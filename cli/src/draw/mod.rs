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
    /// The map to show beside it: after the repairs of `fix`, or of another tree.
    pub fixed: Option<&'c Fixed>,
    /// What the two maps are called, after "the map".
    pub titles: [&'static str; 2],
    /// The findings of the rules, a line each.
    pub findings: &'c [String],
    /// Whether free memory is labelled.
    pub with_free: bool,
}

/// The titles of a map before and after `fix`.
pub const FIXED: [&str; 2] = ["as it is", "after fix"];

/// A map that another one became: after its repairs, or in another tree.
#[derive(Clone, Debug)]
pub struct Fixed {
    /// The map.
    pub chart: Chart,
    /// The changes from the map before.
    pub changes: Vec<Change>,
    /// The repairs, in words; none where another tree is compared.
    pub repairs: Vec<String>,
}
