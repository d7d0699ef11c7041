//! RF502: the numbers of a `cma=` are ones that the kernel can use.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::bootargs::{self, CmaArg};
use crate::finding::{RepairKind, RuleId, Severity};
use crate::span::{MIB, Size};
use alloc::format;
use alloc::string::String;

pub(super) const DOC: Doc = Doc {
    id: RuleId(502),
    name: "cma-value",
    title: "cma= has a size with its unit, and base and size on a pageblock",
    severity: Severity::Error,
    why: "A bare number is bytes, so cma=64 is one pageblock. A base off a pageblock, or a fixed size off one, \
          makes the kernel print \"Failed to reserve\": there is no CMA at all.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "A fixed pool that is off a pageblock is placed anew where RAM is known.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(arg) = analysis.cma_arg() else { return };
    let line = analysis.map.chosen.bootargs.as_deref().unwrap_or_default();
    if bootargs::args(line).filter(|arg| arg.param == b"cma" && arg.value.is_some()).count() > 1 {
        let message = "bootargs say `cma=` more than once: the last one counts";
        let finding = OldReport::new(DOC.id, Severity::Warning, "/chosen", message);
        out.push(finding.with_help("keep the one that is meant"));
    }
    let Some((severity, message, help)) = complaint(analysis, arg) else { return };
    let finding = OldReport::new(DOC.id, severity, "/chosen", message).with_help(help);
    out.push(if severity == Severity::Error && analysis.map.ram.is_known() {
        finding.with_repair(RepairKind::SettleCma, "place the pool on a pageblock and rewrite `cma=`")
    } else {
        finding
    });
}

fn complaint(analysis: &Analysis<'_, '_>, arg: CmaArg) -> Option<(Severity, String, &'static str)> {
    let align = analysis.profile.cma_align();
    if let Some(span) = arg.fixed().filter(|span| !span.is_aligned(align)) {
        return Some((
            Severity::Error,
            format!("`cma=` asks for {span}, which is not aligned to {}: Linux then has no CMA", Size(align)),
            "make base and size multiples of the kernel's pageblock",
        ));
    }
    if arg.size > 0 && arg.size < MIB {
        return Some((
            Severity::Warning,
            format!("`cma=` asks for {}: a number without a suffix is bytes", Size(arg.size)),
            "write the unit, as in cma=64M",
        ));
    }
    None
}
