//! RF103: `reg`, `size`, `alignment` and `alloc-ranges` of a region can be read.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::fdt::NodeId;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::order;
use crate::survey::{Extent, RegError};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(103),
    name: "malformed-region",
    title: "a region's reg, size, alignment and alloc-ranges can be read",
    severity: Severity::Error,
    why: "A reg whose length is no multiple of a tuple makes kernels up to 6.18 print \"invalid reg property, \
          skipping node\"; 7.2 and later skip it without a word. A malformed alloc-ranges is skipped up to 6.18 \
          and ignored from 7.2, so that the region lands anywhere. The memory it meant is unprotected.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Rewrites a reg of one tuple in other cells (12 bytes under 2/2, as older TF-A writes them), whose base the \
             unit address gives away. Of others it cannot be known what was meant: a policy that requires the region \
             states it, and RF401 restores it from there. At boot, a region of size 0 that nobody refers to is disabled.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let mut used: Vec<NodeId> = Vec::new();
    if analysis.is_at_boot() {
        used.extend(analysis.references().iter().filter_map(|reference| reference.target));
        order::sort(&mut used);
    }
    for region in analysis.map.enabled() {
        let Extent::Malformed { property, error } = &region.extent else { continue };
        let cells =
            analysis.map.reserved.as_ref().map_or(analysis.map.cells, |r| r.cells(analysis.map.cells));
        // A size of 0 protects nothing, but it also promises nothing: a placeholder for firmware to fill.
        let severity = match error {
            RegError::ZeroSize { .. } if *property != "alloc-ranges" => Severity::Warning,
            _ => DOC.severity,
        };
        let so = match (*property, error) {
            ("reg", RegError::Wraps { .. }) => "Linux reserves all up to there",
            ("reg", _) => "Linux skips the region and uses its memory",
            _ => "Linux skips the region",
        };
        let help = match (*property, error) {
            (_, RegError::ZeroSize { .. }) => String::from("state its size, or remove it"),
            ("size" | "alignment", _) => format!("write `{property}` in {} cells", cells.size),
            _ => format!(
                "write `{property}` in {} address and {} size cells, or require the region in the policy",
                cells.address, cells.size
            ),
        };
        let finding =
            OldReport::new(DOC.id, severity, region.path.as_str(), format!("`{property}` {error}: {so}"))
                .with_help(help);
        // At rest it may be there for firmware to fill; at boot that is over.
        let empty = *property == "reg" && severity < DOC.severity && analysis.is_at_boot();
        let empty = empty && used.binary_search(&region.node).is_err();
        out.push(match region.decode_by_unit_address(analysis.tree.node(region.node), cells) {
            Some(span) => {
                finding.with_repair(RepairKind::RewriteReg(region.node), format_args!("reserve {span}"))
            }
            None if empty => finding.with_repair(RepairKind::Disable(region.node), "disable it"),
            None => finding,
        });
    }
}
