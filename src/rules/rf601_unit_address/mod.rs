//! RF601: a region's unit address is its base.

use super::{Doc, Kernels, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(601),
    name: "unit-address",
    title: "a region's unit address is its base, in lower-case hex without 0x or leading zeros",
    severity: Severity::Warning,
    kernels: Kernels::None,
    why: "Linux takes the address from reg alone, so nothing breaks at once. People and firmware that looks \
          nodes up by path read the name, and a name that lies is how a region gets moved by mistake.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Renames the node; __symbols__, aliases and other paths to it follow, phandles stay.",
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
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                region.path.as_str(),
                format!("unit address `{unit}` is not its base `{right}`"),
            )
            .with_span(*span, region.name.as_str())
            .with_help(format_args!("name it `{name}@{right}`"))
            .with_repair(RepairKind::Rename(region.node), format_args!("rename it to `{name}@{right}`")),
        );
    }
}
