//! RF203: a region extends over the end of a RAM bank.

use super::advice::report_misplaced;
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::RuleId;
use crate::ledger::{Coverage, meeting};

pub(super) const DOC: Doc = Doc {
    id: RuleId(203),
    name: "partly-in-ram",
    title: "a region is only partly in RAM",
    why: r"
        A region must be in RAM as a whole, or outside it as a whole. Linux reserves the part inside RAM and
        does not report the rest: either the region or `/memory` is wrong, and the owner of the region will
        use bytes that do not exist. Regions wholly outside RAM (SRAM, a hole that was cut for them) are
        ordinary.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for (region, span) in analysis.reservations().filter(|(_, span)| analysis.in_ram(*span) == Coverage::Part)
    {
        let banks = meeting(analysis.map.ram.spans(), span);
        report_misplaced(out, region, span, format_args!("{span} is only partly in RAM"), banks);
    }
}
