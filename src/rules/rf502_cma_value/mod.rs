//! RF502: the numbers of a `cma=` are ones that the kernel cannot use.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::bootargs;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::span::{MIB, Size};

pub(super) const DOC: Doc = Doc {
    id: RuleId(502),
    name: "cma-value",
    title: "cma= has no unit, or is not aligned to a pageblock",
    why: r"
        `cma=` must state its size with a unit, and a fixed pool must start and end on a pageblock. A bare
        number is bytes, so that `cma=64` is one pageblock. For a base or a fixed size off a pageblock the
        kernel prints `Failed to reserve`: there is no CMA at all.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Moves a fixed pool that is off a pageblock, where RAM is known.",
    predicted: Predicted::Always,
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(arg) = analysis.cma_arg() else { return };
    let line = analysis.map.chosen.bootargs.as_deref().unwrap_or_default();
    if bootargs::args(line).filter(|arg| arg.param == b"cma" && arg.value.is_some()).count() > 1 {
        out.report("/chosen", "bootargs have more than one `cma=`: the last one counts")
            .at("bootargs")
            .severity(Severity::Warning)
            .help("keep one of them");
    }
    let align = analysis.profile.cma_align();
    let block = Size(align);
    if let Some(span) = arg.fixed().filter(|span| !span.is_aligned(align)) {
        let report = out
            .report(
                "/chosen",
                format_args!(
                    "`cma=` asks for {span}, which is not aligned to {block}: Linux then has no CMA"
                ),
            )
            .at("bootargs")
            .help(format_args!("make base and size multiples of {block}"));
        if analysis.map.ram.is_known() {
            report.repair(RepairKind::SettleCma, "place the pool on a pageblock and rewrite `cma=`");
        }
    } else if arg.size > 0 && arg.size < MIB {
        let size = Size(arg.size);
        out.report("/chosen", format_args!("`cma=` asks for {size}: a number without a unit is bytes"))
            .at("bootargs")
            .severity(Severity::Warning)
            .help("write the unit, as in `cma=64M`");
    }
}
