//! RF506: the window of a `cma=SIZE@BASE-LIMIT` has no room.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::finding::{RuleId, Severity};
use crate::span::{Size, Span, align_up};

pub(super) const DOC: Doc = Doc {
    id: RuleId(506),
    name: "cma-window",
    title: "the window of cma=SIZE@BASE-LIMIT is too small or beyond the reach of devices",
    why: r"
        The window of `cma=SIZE@BASE-LIMIT` must contain the size, and end within the reach of devices: at
        most 4 GiB, and less where a `dma-ranges` of the tree says so. A window smaller than the rounded size
        gives no CMA at all. Kernels up to 6.12 cut the window off at that limit; later ones may place the
        pool beyond it, or above 4 GiB below the base.
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
    let size = align_up(arg.size, align).unwrap_or(u64::MAX);
    let missing = |end| {
        let window = Span::from_ends(base, end).and_then(|window| window.inward(align));
        size.saturating_sub(window.map_or(0, Span::len))
    };
    let reach = analysis.dma_limit();
    // What is beyond RAM is of no use to any kernel.
    let end = analysis.map.usable.spans().last().map_or(u64::MAX, |bank| bank.end());
    let is_beyond = limit.min(end) > reach;
    let is_cut = is_beyond && analysis.profile.cma_below_dma_limit;
    let size = Size(size);
    let report = if missing(limit) > 0 {
        let missing = Size(missing(limit));
        out.report(
            "/chosen",
            format_args!(
                "`cma=` asks for {size} in a window that is {missing} too small: Linux then has no CMA"
            ),
        )
    } else if is_cut && missing(reach) > 0 {
        let missing = Size(missing(reach));
        out.report(
            "/chosen",
            format_args!(
                "`cma=` asks for {size} in a window that is {missing} too small below {reach:#x}, where the \
                 reach of devices ends: Linux then has no CMA"
            ),
        )
    } else if is_beyond {
        out.report(
            "/chosen",
            format_args!(
                "the window of `cma=` reaches above {reach:#x}, where the reach of devices ends: the place \
                 depends on the kernel"
            ),
        )
        .severity(Severity::Warning)
    } else {
        return;
    };
    report.at("bootargs").help("write `cma=SIZE@BASE`, with one base");
}
