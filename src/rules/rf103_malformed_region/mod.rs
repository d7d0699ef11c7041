//! RF103: `reg`, `size`, `alignment` or `alloc-ranges` of a region cannot be read.

use super::{Doc, Predicted, Sink};
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
    title: "a region's reg, size, alignment or alloc-ranges cannot be read",
    why: r"
        `reg`, `size`, `alignment` and `alloc-ranges` of a region must be whole tuples of the cells of
        `/reserved-memory`, and not empty.

        When the length of `reg` is not a multiple of a tuple, kernels up to 6.18 print `invalid reg
        property, skipping node`; kernels from 6.19 on skip the region silently. A malformed `alloc-ranges`
        makes kernels up to 6.18 skip the region; kernels from 6.19 on ignore the property and place the
        region anywhere. The memory that was meant is not protected.

        A size of 0 is a placeholder that a boot loader fills: a note in a tree at rest, a warning at boot.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: r"
        Rewrites a `reg` of one tuple that was written in other cells (12 bytes under 2/2, as older TF-A
        does), where the unit address shows its base. What any other `reg` means cannot be known: a policy
        that requires the region states it, and RF401 restores it from there. At boot, a region of size 0
        that no node refers to is disabled.
    ",
    predicted: Predicted::Partly,
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
        let consequence = match (*property, error) {
            ("reg", RegError::Wraps { .. }) => "Linux reserves everything up to that end",
            ("reg" | "size", RegError::ZeroSize { .. }) => "Linux skips the region",
            ("reg", _) => "Linux skips the region and uses its memory",
            ("alloc-ranges", RegError::ZeroSize { .. } | RegError::Wraps { .. }) => {
                "Linux finds no place in that range"
            }
            ("alloc-ranges", RegError::Length { .. }) if analysis.profile.ignores_bad_ranges => {
                "Linux ignores it and places the region anywhere"
            }
            _ => "Linux skips the region",
        };
        let help = match (*property, error) {
            (_, RegError::ZeroSize { .. }) if analysis.is_at_boot() => {
                String::from("write its size, or remove it")
            }
            (_, RegError::ZeroSize { .. }) => String::from("leave it where a boot loader fills it in"),
            ("size" | "alignment", _) => format!("write `{property}` in {} cells", cells.size),
            _ => format!(
                "write `{property}` in {} address and {} size cells, or require the region in the policy",
                cells.address, cells.size
            ),
        };
        let report = out.report(region, format_args!("`{property}` {error}: {consequence}"));
        report.at(property).help(&help);
        // A size of 0 protects nothing, but it also promises nothing: a placeholder for firmware to fill. It
        // is one in any number of cells.
        let value = analysis.tree.node(region.node).prop(property).map_or(&[][..], |prop| prop.value);
        let is_zero = !value.is_empty() && value.iter().all(|&byte| byte == 0);
        let is_placeholder =
            (is_zero || matches!(error, RegError::ZeroSize { .. })) && matches!(*property, "reg" | "size");
        if is_placeholder {
            report.severity(if analysis.is_at_boot() { Severity::Warning } else { Severity::Note });
        }
        if let Some(span) = region.decode_by_unit_address(analysis.tree.node(region.node), cells) {
            report.repair(RepairKind::RewriteReg(region.node), format_args!("reserve {span}"));
        } else if is_placeholder && *property == "reg" && analysis.is_at_boot() {
            // Firmware has had its chance to fill it.
            if used.binary_search(&region.node).is_err() {
                report.repair(RepairKind::Disable(region.node), "disable it");
            }
        }
    }
}
