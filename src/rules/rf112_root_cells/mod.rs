//! RF112: the root says how addresses and sizes are written.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(112),
    name: "root-cells",
    title: "the root has #address-cells and #size-cells of 1 or 2",
    severity: Severity::Error,
    why: "Linux assumes one cell each where the root says nothing, and reads every tuple of /memory and /reserved-memory wrong; 7.x warns.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let root = analysis.tree.root();
    let declared = root.has_prop("#address-cells") && root.has_prop("#size-cells");
    let cells = analysis.map.cells;
    if (declared && cells.usable()) || (analysis.map.banks.is_empty() && analysis.map.reserved.is_none()) {
        return;
    }
    let message = match declared {
        true => format!("cells {}/{} are none that Linux reads memory with", cells.address, cells.size),
        false => "has no `#address-cells` or no `#size-cells`: Linux takes 1 for it".into(),
    };
    out.push(OldReport::new(DOC.id, DOC.severity, "/", message).with_help("write both, 1 or 2 each"));
}
