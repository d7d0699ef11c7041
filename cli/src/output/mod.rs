//! The output formats, one file each. To add one, write its file and name it in [`Format`] and in [`render`].

mod human;
mod json;

use crate::args::Format;
use crate::report::Report;

pub use human::{columns, counts, map, printable, repairs};

/// Render the reports in `format`, ready to be printed.
#[must_use]
pub fn render(format: Format, reports: &[Report]) -> String {
    match format {
        Format::Human => human::render(reports),
        Format::Json => json::render(reports),
    }
}
