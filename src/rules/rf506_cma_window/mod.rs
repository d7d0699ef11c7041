//! RF506: the window of a `cma=SIZE@BASE-LIMIT` has no room.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::span::{GIB, Size, Span, align_up};

pub(super) const DOC: Doc = Doc {
    id: RuleId(506),
    name: "cma-window",
    title: "the window of cma=SIZE@BASE-LIMIT is too small or above 4 GiB",
    why: r"
        The window of `cma=SIZE@BASE-LIMIT` must contain the size, and end below 4 GiB. A window smaller
        than the rounded size gives no CMA at all. Above 4 GiB, kernels up to 6.12 cut it off at the DMA
        limit, and later ones may place the pool below the base.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    predicted: Predicted::Partly,
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(arg) = analysis.cma_arg().filter(|arg| arg.fixed().is_none() && arg.size > 0) else { return };
    let (Some(base), Some(limit)) = (arg.base, arg.limit) else { return };
    let align = analysis.profile.cma_align();
    let window = Span::from_ends(base, limit).and_then(|window| window.inward(align));
    let size = align_up(arg.size, align).unwrap_or(u64::MAX);
    let missing = size.saturating_sub(window.map_or(0, Span::len));
    let report = if missing > 0 {
        let (size, missing) = (Size(size), Size(missing));
        let message = "in a window that is";
        out.report(
            "/chosen",
            format_args!("`cma=` asks for {size} {message} {missing} too small: Linux then has no CMA"),
        )
    } else if limit > 4 * GIB {
        out.report("/chosen", "the window of `cma=` reaches above 4 GiB: the place depends on the kernel")
            .severity(Severity::Warning)
    } else {
        return;
    };
    report.at("bootargs").help("write `cma=SIZE@BASE`, with one base");
}
