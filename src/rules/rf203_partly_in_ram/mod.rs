//! RF203: a region extends over the end of a RAM bank.

use super::advice::report_misplaced;
use super::registers::{each_register, is_of_device};
use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::ledger::{Coverage, coverage, meeting, union};
use crate::span::Span;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(203),
    name: "partly-in-ram",
    title: "a region is only partly in RAM",
    why: r"
        A region must be in RAM as a whole, or outside it as a whole. Linux reserves the part inside RAM and
        does not report the rest: either the region or `/memory` is wrong, and the owner of the region will
        use bytes that do not exist. Regions wholly outside RAM (SRAM, a hole that was cut for them) are
        ordinary.

        Where RAM goes on behind what is missing, and no device is in between, it is a warning: firmware has
        cut a hole for itself, as on Qualcomm's boards, and its edge is inside the region. Linux uses neither
        part.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let ram = analysis.map.ram.spans();
    let mut filled: Option<Vec<Span>> = None;
    for (region, span) in analysis.reservations().filter(|(_, span)| analysis.in_ram(*span) == Coverage::Part)
    {
        let banks = meeting(ram, span);
        let report = report_misplaced(out, region, span, format_args!("{span} is only partly in RAM"), banks);
        if coverage(filled.get_or_insert_with(|| self::filled(analysis)), span) == Coverage::All {
            report.severity(Severity::Warning).help("leave it, if the hole in /memory is the firmware's own");
        }
    }
}

/// Returns RAM with its holes: what is between two banks, where no device is in it.
fn filled(analysis: &Analysis<'_, '_>) -> Vec<Span> {
    let ram = analysis.map.ram.spans();
    let mut devices = Vec::new();
    each_register(analysis, |node, index, block| {
        if is_of_device(node, index) {
            devices.push(block);
        }
    });
    let devices = union(devices);
    let gap = |banks: &[Span]| Span::from_ends(banks.first()?.end(), banks.last()?.base());
    let gaps = ram.windows(2).filter_map(gap);
    union(gaps.filter(|&gap| coverage(&devices, gap) == Coverage::None).chain(ram.iter().copied()).collect())
}
