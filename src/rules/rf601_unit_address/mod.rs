//! RF601: the unit address of a region is not its base.

use super::{Doc, Kernels, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use alloc::format;
use alloc::string::String;

pub(super) const DOC: Doc = Doc {
    id: RuleId(601),
    name: "unit-address",
    title: "a region's unit address is not its base",
    severity: Severity::Warning,
    kernels: Kernels::None,
    why: r"
        The unit address of a region must be its base, in lower-case hex without `0x` or leading zeros.
        Linux takes the address from `reg` alone, so nothing breaks at once. But people, and firmware that
        looks nodes up by path, read the name: a wrong name is how a region gets moved by mistake. U-Boot
        writes an address above 4 GiB in two halves, as in `name@1,200000`: that is a note.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: r"
        Renames the node; `__symbols__`, aliases and other paths to it follow, phandles stay.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    for region in &analysis.map.regions {
        let Some((name, unit)) = region.name.split_once('@') else { continue };
        let Some(span) = region.spans().first() else { continue };
        let right = format!("{:x}", span.base());
        if unit == right {
            continue;
        }
        let report = out
            .report(region, format_args!("unit address `{unit}` is not its base `{right}`"))
            .region(*span, region)
            .help(format_args!("name it `{name}@{right}`"))
            .repair(RepairKind::Rename(region.node), format_args!("rename it to `{name}@{right}`"));
        if unit == halves(span.base()) {
            report.severity(Severity::Note);
        }
    }
}

/// Returns an address above 4 GiB as U-Boot writes it into a name (lib/fdtdec.c,
/// `fdtdec_add_reserved_memory`).
fn halves(base: u64) -> String {
    format!("{:x},{:x}", base >> 32, base & u64::from(u32::MAX))
}
