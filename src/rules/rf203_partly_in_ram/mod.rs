//! RF203: a region does not hang over the end of RAM.

use super::misplaced::misplaced;
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::ledger::{Coverage, meeting};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(203),
    name: "partly-in-ram",
    title: "a region lies in RAM as a whole, or outside it as a whole",
    severity: Severity::Error,
    why: "Linux honours the part inside RAM and keeps quiet about the rest: either the region or /memory is \
          wrong, and whoever owns the region will use bytes that are not there. Regions wholly outside RAM \
          (SRAM, a hole that was cut for them) are ordinary.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for (region, span) in analysis.reservations().filter(|(_, span)| analysis.in_ram(*span) == Coverage::Part)
    {
        let banks = meeting(analysis.map.ram.spans(), span);
        out.push(misplaced(&DOC, region, span, &format!("{span} lies only partly in RAM"), banks));
    }
}
