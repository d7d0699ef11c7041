//! RF204: a region does not lie beyond the end of RAM.

use super::misplaced::misplaced;
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(204),
    name: "beyond-ram",
    title: "a region does not lie beyond the last byte of RAM",
    severity: Severity::Warning,
    why: "Linux accepts it without a word and it protects nothing: either the address is wrong and the memory \
          that was meant is not protected, or /memory is smaller than the board. Regions below RAM or between \
          banks (SRAM, a hole that was cut for them) are ordinary.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let [.., last] = analysis.map.ram.spans() else { return };
    for (region, span) in analysis.reservations().filter(|(_, span)| span.base() >= last.end()) {
        let message = format!("{span} lies beyond the end of RAM at {:#x} and protects nothing", last.end());
        out.push(misplaced(&DOC, region, span, &message, core::slice::from_ref(last)));
    }
}
