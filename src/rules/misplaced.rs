//! Regions that do not lie in RAM as they should; RF203 and RF204 share it.

use super::{Doc, OldReport};
use crate::span::Span;
use crate::survey::Region;

/// OldReport a span of a region beside the banks that it should lie in.
pub(super) fn misplaced(doc: &Doc, region: &Region, span: Span, message: &str, banks: &[Span]) -> OldReport {
    let finding = OldReport::new(doc.id, doc.severity, region.path.as_str(), message)
        .with_span(span, region.name.as_str());
    banks
        .iter()
        .take(2)
        .fold(finding, |finding, &bank| finding.with_span(bank, "RAM"))
        .with_help("correct the region's reg, or the bank in /memory that should hold it")
}
