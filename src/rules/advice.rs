//! What rules of the same shape share: how they say what to write instead.

use super::{Report, Sink, Text};
use crate::analysis::Analysis;
use crate::claims::Claim;
use crate::finding::Label;
use crate::ledger::Coverage;
use crate::span::{Span, align_up};
use crate::survey::Region;

/// Maximum number of RAM banks that a finding lists.
const MAX_BANKS: usize = 2;

/// Reports a span of a region beside the banks that it should be in.
pub(super) fn report_misplaced<'o, 't>(
    out: &'o mut Sink,
    region: &'t Region,
    span: Span,
    message: impl Into<Text<'t>>,
    banks: &[Span],
) -> &'o mut Report {
    let report = out
        .report(region, message)
        .at("reg")
        .region(span, region)
        .help("correct `reg`, or the bank in /memory that should contain it");
    for &bank in banks.iter().take(MAX_BANKS) {
        report.span(bank, Label::Ram);
    }
    report
}

impl Report {
    /// Says to cover `whole` where only `part` of it is reserved, unless another owner has some of the rest:
    /// then the advice would make two regions overlap.
    pub(super) fn help_cover(&mut self, analysis: &Analysis<'_, '_>, whole: Span, part: Span) -> &mut Self {
        let mut others = analysis.claims_over(whole).filter(|claim| claim.span != part);
        match others.next() {
            None => self.help(format_args!("reserve {whole}")),
            Some(other) => {
                self.help(format_args!("move it: {} is also in {whole}", analysis.name(other.kind)))
            }
        }
    }
}

/// Returns the lowest page-aligned place at `from` or above for a claim, where it is RAM and no other claim
/// is there: one pass over the claims.
pub(super) fn clear_place(analysis: &Analysis<'_, '_>, moved: &Claim, from: u64) -> Option<Span> {
    let (page, len) = (analysis.profile.page.bytes(), moved.span.len());
    let mut place = Span::new(align_up(from, page)?, len)?;
    for claim in analysis.claims().iter().filter(|claim| *claim != moved) {
        if claim.span.overlaps(place) {
            place = Span::new(align_up(claim.span.end(), page)?, len)?;
        }
    }
    // Bases ascend and ends do not: what is below may still reach up to it.
    let is_clear = analysis.claims_over(place).all(|claim| claim == moved);
    (is_clear && analysis.in_ram(place) == Coverage::All).then_some(place)
}
