//! RF115: there are more regions than kernels keep.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::survey::Extent;

pub(super) const DOC: Doc = Doc {
    id: RuleId(115),
    name: "too-many-regions",
    title: "there are more than 64 regions",
    why: r"
        A tree must have at most 64 dynamic regions, and for 6.1 at most 64 in all.

        Of more dynamic regions, 6.1, 6.12.103 and 7.2 drop the rest, and 6.12.13 to 6.18 write past an
        array and panic. In 6.1, static and dynamic regions share the 64 places; it reserves the rest but
        keeps no owner for it.
    ",
    good: include_str!("good.dts"),
    repair: "Dynamic regions get fixed addresses where RAM is known.",
    ..Doc::DEFAULT
};

/// Entries of the kernel's table of regions (`MAX_RESERVED_REGIONS`, drivers/of/of_reserved_mem.c).
const TABLE: usize = 64;

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(reserved) = &analysis.map.reserved else { return };
    let dynamic = analysis.map.enabled().filter(|region| matches!(region.extent, Extent::Dynamic(_))).count();
    let all = analysis.map.enabled().count();
    let report = if dynamic > TABLE {
        out.report(
            reserved,
            format_args!("has {dynamic} dynamic regions: kernels drop those after {TABLE}, or panic"),
        )
    } else if all > TABLE {
        out.report(reserved, format_args!("has {all} regions: 6.1 keeps no owner for those after {TABLE}"))
            .severity(Severity::Warning)
    } else {
        return;
    };
    report.help("join regions that touch, or give dynamic ones a fixed address");
}
