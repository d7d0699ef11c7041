//! RF115: there are not more regions than kernels keep.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::survey::Extent;
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(115),
    name: "too-many-regions",
    title: "there are at most 64 regions",
    severity: Severity::Error,
    why: "Of more than 64 dynamic regions 6.1, 6.12.103 and 7.2 drop the rest, and 6.12.13 to 6.18 write past an array and panic. Static and dynamic ones share the 64 places in 6.1, which reserves the rest but knows no owner for it.",
    good: include_str!("good.dts"),
    repair: "Dynamic regions get fixed addresses where RAM is known.",
    ..Doc::DEFAULT
};

/// Entries of the kernel's table of regions (`MAX_RESERVED_REGIONS`, drivers/of/of_reserved_mem.c).
const TABLE: usize = 64;

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(reserved) = &analysis.map.reserved else { return };
    let dynamic = analysis.map.enabled().filter(|region| matches!(region.extent, Extent::Dynamic(_))).count();
    let live = analysis.map.enabled().count();
    let (severity, message) = match (dynamic > TABLE, live > TABLE) {
        (true, _) => (
            Severity::Error,
            format!("{dynamic} dynamic regions: kernels drop those after {TABLE}, or panic"),
        ),
        (_, true) => {
            (Severity::Warning, format!("{live} regions: 6.1 keeps no owner for those after {TABLE}"))
        }
        _ => return,
    };
    out.push(
        OldReport::new(DOC.id, severity, reserved.path.as_str(), message)
            .with_help("join regions that touch, or give dynamic ones a fixed address"),
    );
}
