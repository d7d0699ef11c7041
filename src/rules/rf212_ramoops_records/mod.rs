//! RF212: the records of a `ramoops` do not fit it.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::ramoops;
use crate::span::Size;
use crate::survey::Extent;

pub(super) const DOC: Doc = Doc {
    id: RuleId(212),
    name: "ramoops-records",
    title: "the records of a ramoops region do not fit it, or there are none",
    severity: Severity::Warning,
    why: r"
        The records of a `ramoops` region must fit it, and it must have some. The driver refuses any other
        region: the log of a crash is lost just when it is needed. It rounds each size down to a power of two,
        and dumps get what console, ftrace and pmsg leave: where that is nothing, it keeps none, which is a
        note.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

/// The sizes of the records, as the driver reads them (fs/pstore/ram.c).
const SIZES: [&str; 4] = ["record-size", "console-size", "ftrace-size", "pmsg-size"];

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in analysis.map.enabled() {
        let node = analysis.tree.node(region.node);
        let is_ramoops =
            node.prop("compatible").is_some_and(|list| list.strings().any(|name| name == "ramoops"));
        if !is_ramoops {
            continue;
        }
        let Some(span) = region.spans().first() else {
            if matches!(region.extent, Extent::Dynamic(_)) {
                out.report(region, "is dynamic: after a reset the log may be elsewhere")
                    .at("size")
                    .help("give it a fixed address");
            }
            continue;
        };
        let size = |name: &str| ramoops::size(node, name);
        let (room, [record, others @ ..]) = (span.len(), SIZES.map(size));
        let others: u64 = others.into_iter().sum();
        let largest = SIZES.into_iter().rev().max_by_key(|name| size(name)).unwrap_or(SIZES[0]);
        let report = match room.checked_sub(others) {
            _ if record + others == 0 => {
                out.report(region, "has no record, console, ftrace or pmsg size: its driver refuses it")
            }
            Some(0) if record > 0 => out
                .report(region, "console, ftrace and pmsg take all of it: no dump of a crash is kept")
                .severity(Severity::Note),
            Some(rest) if rest == 0 || rest >= record => continue,
            _ => {
                let (needed, room) = (Size(record + others), Size(room));
                out.report(
                    region,
                    format_args!("its records take {needed}, but it has {room}: its driver refuses it"),
                )
            }
        };
        report.at(largest).region(*span, region).help("make the sizes add up to the region");
    }
}
