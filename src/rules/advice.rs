//! What rules of the same shape share: how they say what to write instead.

use super::{Report, Sink, Text};
use crate::analysis::Analysis;
use crate::claims::Claim;
use crate::finding::Label;
use crate::ledger::{self, Coverage};
use crate::span::{Span, align_up, kept_alignment};
use crate::survey::Region;
use alloc::vec::Vec;

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
    /// Says to unmap all of `whole`, of which `part` is a carveout. Where its neighbours in these pages are
    /// carveouts, too, a region beside them takes the rest.
    pub(super) fn help_whole_pages(
        &mut self,
        analysis: &Analysis<'_, '_>,
        whole: Span,
        part: Span,
    ) -> &mut Self {
        let others: Vec<Claim> =
            analysis.claims_over(whole).copied().filter(|claim| claim.span != part).collect();
        let is_carveout = |claim: &Claim| analysis.region(claim.kind).is_some_and(|region| region.no_map);
        if others.is_empty() || !others.iter().all(is_carveout) {
            return self.help_cover(analysis, whole, part);
        }
        let taken = ledger::union(others.iter().map(|claim| claim.span).chain([part]).collect());
        match ledger::subtract(&[whole], &taken).first() {
            Some(rest) => self.help(format_args!("add a no-map region for the rest of the pages, as {rest}")),
            None => self.help("nothing is left to map in these pages"),
        }
    }

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

/// Returns the lowest place at `from` or above for a claim, where it is RAM and no other claim is there: one
/// pass over the claims. It is aligned as the claim is where that matters.
pub(super) fn clear_place(analysis: &Analysis<'_, '_>, moved: &Claim, from: u64) -> Option<Span> {
    let len = moved.span.len();
    let align = kept_alignment(moved.span.base(), analysis.profile.page.bytes());
    let mut place = Span::new(align_up(from, align)?, len)?;
    for claim in analysis.claims().iter().filter(|claim| *claim != moved) {
        if claim.span.overlaps(place) {
            place = Span::new(align_up(claim.span.end(), align)?, len)?;
        }
    }
    // Bases ascend and ends do not: what is below may still reach up to it.
    let is_clear = analysis.claims_over(place).all(|claim| claim == moved);
    (is_clear && analysis.in_ram(place) == Coverage::All).then_some(place)
}
