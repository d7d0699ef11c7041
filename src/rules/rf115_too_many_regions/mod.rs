//! RF115: there are more regions than kernels keep.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::profile::DynamicOverflow;
use crate::survey::{Extent, Region};

pub(super) const DOC: Doc = Doc {
    id: RuleId(115),
    name: "too-many-regions",
    title: "there are more than 64 regions",
    why: r"
        A tree must have at most 64 dynamic regions, and for kernels up to 6.12.102 at most 64 regions in
        all, 32 for 5.4.

        Of more dynamic regions, kernels up to 6.12.12, 6.12.103 and later of 6.12, and 7.1 and later drop the
        rest; 6.12.13 to 6.12.102 and 6.13 to 7.0 write past an array and panic. Where static and dynamic
        regions share a table, the kernel reserves what finds no entry, but keeps no owner for it: no driver
        finds the region, and a pool is none.
    ",
    good: include_str!("good.dts"),
    repair: "Dynamic regions get fixed addresses where RAM is known.",
    predicted: Predicted::Always,
    ..Doc::DEFAULT
};

/// Entries of the list of dynamic regions (`MAX_RESERVED_REGIONS`, drivers/of/of_reserved_mem.c).
const DYNAMIC: usize = 64;

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(reserved) = &analysis.map.reserved else { return };
    let is_dynamic = |region: &&Region| matches!(region.extent, Extent::Dynamic(_));
    let dynamic = analysis.map.enabled().filter(is_dynamic).count();
    let all = analysis.map.enabled().count();
    let report = if dynamic > DYNAMIC {
        let consequence = match analysis.profile.dynamic_overflow {
            DynamicOverflow::Dropped => "drops those after",
            DynamicOverflow::Panics => "writes past a list of",
        };
        out.report(reserved, format_args!("has {dynamic} dynamic regions: Linux {consequence} {DYNAMIC}"))
    } else if let Some(limit) = analysis.profile.region_limit.filter(|limit| all > *limit) {
        out.report(reserved, format_args!("has {all} regions: Linux keeps no owner for those after {limit}"))
            .severity(Severity::Warning)
    } else {
        return;
    };
    report.help("join regions that touch, or give dynamic ones a fixed address");
}
