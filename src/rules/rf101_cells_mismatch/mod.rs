//! RF101: the cells of `/reserved-memory` equal the root's.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(101),
    name: "cells-mismatch",
    title: "the cells of /reserved-memory equal the root's",
    severity: Severity::Error,
    why: "Linux compares both cells with the root's before it reads a single child, and when they differ it \
          prints \"unsupported node format, ignoring\" and reserves nothing: every carveout becomes ordinary \
          memory. All kernels.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Rewrites the cells to the root's, and every reg, size, alignment and alloc-ranges with them.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let root = analysis.map.cells;
    let Some(reserved) = &analysis.map.reserved else { return };
    if reserved.cells_match(root) {
        return;
    }
    let own = reserved.cells(root);
    let finding = OldReport::new(
        DOC.id,
        DOC.severity,
        reserved.path.as_str(),
        format!(
            "#address-cells/#size-cells are {}/{} but the root's are {}/{}: Linux ignores every region in it",
            shown(reserved.address_cells),
            shown(reserved.size_cells),
            root.address,
            root.size
        ),
    )
    .with_help(format_args!("write #address-cells = <{}>; #size-cells = <{}>;", root.address, root.size));
    out.push(if own.usable() && root.usable() {
        finding.with_repair(RepairKind::RewriteCells, "rewrite the cells and every tuple to the root's cells")
    } else {
        finding
    });
}

fn shown(cells: Option<u32>) -> alloc::string::String {
    cells.map_or_else(|| "none".into(), |n| format!("{n}"))
}
