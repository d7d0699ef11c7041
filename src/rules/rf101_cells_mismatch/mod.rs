//! RF101: `/reserved-memory` has other cells than the root.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId};
use alloc::string::{String, ToString};

pub(super) const DOC: Doc = Doc {
    id: RuleId(101),
    name: "cells-mismatch",
    title: "the cells of /reserved-memory differ from the root's",
    why: r"
        `#address-cells` and `#size-cells` of `/reserved-memory` must equal the root's. Linux compares them
        before it reads a single child. When they differ it prints `unsupported node format, ignoring` and
        reserves nothing: every carveout becomes ordinary memory.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: r"
        Rewrites the cells to the root's, and every `reg`, `size`, `alignment` and `alloc-ranges` with them.
    ",
    predicted: Predicted::Always,
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let root = analysis.map.cells;
    let Some(reserved) = &analysis.map.reserved else { return };
    if reserved.cells_match(root) {
        return;
    }
    let (address, size) = (reserved.address_cells, reserved.size_cells);
    let wrong = if address == Some(root.address) { "#size-cells" } else { "#address-cells" };
    let report = out
        .report(
            reserved,
            format_args!(
                "cells are {}/{}, but the root's are {}/{}: Linux ignores every region in it",
                declared(address),
                declared(size),
                root.address,
                root.size
            ),
        )
        .at(wrong)
        .help(format_args!("write `#address-cells = <{}>; #size-cells = <{}>;`", root.address, root.size));
    if reserved.cells(root).usable() && root.usable() {
        report.repair(RepairKind::RewriteCells, "rewrite the cells and every tuple to the root's cells");
    }
}

fn declared(cells: Option<u32>) -> String {
    cells.map_or_else(|| "none".into(), |cells| cells.to_string())
}
