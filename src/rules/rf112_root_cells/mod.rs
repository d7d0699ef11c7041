//! RF112: the root does not state usable cells.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::RuleId;

pub(super) const DOC: Doc = Doc {
    id: RuleId(112),
    name: "root-cells",
    title: "the root has no #address-cells and #size-cells of 1 or 2",
    why: r"
        The root must have `#address-cells` and `#size-cells`, each 1 or 2. Where one is missing Linux
        assumes 1, and misreads every tuple of `/memory` and `/reserved-memory`; 7.x warns.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let root = analysis.tree.root();
    let cells = analysis.map.cells;
    if analysis.map.banks.is_empty() && analysis.map.reserved.is_none() {
        return;
    }
    let names = ["#address-cells", "#size-cells"];
    let missing = names.into_iter().find(|name| !root.has_prop(name));
    let report = if let Some(missing) = missing {
        out.report("/", format_args!("has no `{missing}`: Linux assumes 1 and misreads every address"))
            .at(missing)
    } else if !cells.usable() {
        let wrong = if matches!(cells.address, 1 | 2) { "#size-cells" } else { "#address-cells" };
        let (address, size) = (cells.address, cells.size);
        out.report("/", format_args!("Linux cannot read memory with {address}/{size} cells")).at(wrong)
    } else {
        return;
    };
    report.help("write `#address-cells` and `#size-cells`, each 1 or 2");
}
