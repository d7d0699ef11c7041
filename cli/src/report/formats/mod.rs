//! The output formats, one file each. To add one, write its file and name it in [`Format`] and in [`render_for`].

mod github;
mod human;
mod json;
mod junit;
mod sarif;
mod snippet;
mod statistics;

use ringfence::finding::Severity;

use crate::args::Format;
use crate::report::Report;

pub use human::{columns, counts, map, printable, repairs};
pub use statistics::statistics;

/// Render the reports in `format`, ready to be printed.
#[must_use]
pub fn render(format: Format, reports: &[Report]) -> String {
    render_for(format, reports, Severity::Error)
}

/// As [`render`], for formats that tell what failed: findings of at least `limit` did.
#[must_use]
pub fn render_for(format: Format, reports: &[Report], limit: Severity) -> String {
    match format {
        Format::Human => human::render(reports),
        Format::Json => json::render(reports),
        Format::Sarif => sarif::render(reports),
        Format::Junit => junit::render(reports, limit),
        Format::Github => github::render(reports),
    }
}

/// Tell whether a format is one document that nothing may follow.
#[must_use]
pub const fn is_document(format: Format) -> bool {
    matches!(format, Format::Json | Format::Sarif | Format::Junit)
}
