//! RF204: a region is beyond the end of RAM.

use super::advice::report_misplaced;
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(204),
    name: "beyond-ram",
    title: "a region is beyond the end of RAM",
    severity: Severity::Warning,
    why: r"
        A region should not be beyond the last byte of RAM. Linux accepts it silently and it protects
        nothing: either the address is wrong and the memory that was meant is not protected, or `/memory` is
        smaller than the board's RAM. Regions below RAM or between banks (SRAM, a hole that was cut for
        them) are ordinary.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let [.., last] = analysis.map.ram.spans() else { return };
    let end = last.end();
    for (region, span) in analysis.reservations().filter(|(_, span)| span.base() >= end) {
        let message = format_args!("{span} is beyond the end of RAM at {end:#x}: it protects nothing");
        report_misplaced(out, region, span, message, core::slice::from_ref(last));
    }
}
