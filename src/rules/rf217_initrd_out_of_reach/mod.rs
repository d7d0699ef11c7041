//! RF217: the initrd lies within the kernel's reach.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::facts::within_reach;
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(217),
    name: "initrd-out-of-reach",
    title: "the kernel and the initrd lie in one window of 32 GiB",
    severity: Severity::Warning,
    why: "The boot protocol promises a kernel its initrd only within a window of 32 GiB from a 1 GiB boundary that holds \
          the kernel image as well (Documentation/arch/arm64/booting.rst). Beyond it, one whose linear map does not \
          reach so far drops the initrd: \"initrd not fully accessible via the linear mapping\".",
    good: include_str!("good.dts"),
    repair: "The stage places both by itself.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let kernel = analysis.facts.kernel.filter(|kernel| !kernel.movable);
    let kernel = kernel.and_then(|kernel| kernel.footprint_at(kernel.at.base()));
    let initrd = analysis.initrd().filter(|_| analysis.facts.initrd.is_none_or(|initrd| !initrd.movable));
    let Some((kernel, initrd)) = kernel.zip(initrd).filter(|&(kernel, initrd)| !within_reach(kernel, initrd))
    else {
        return;
    };
    out.push(
        OldReport::new(DOC.id, DOC.severity, "/chosen", "kernel and initrd are more than 32 GiB apart")
            .with_span(initrd, "initrd")
            .with_span(kernel, "kernel image")
            .with_help("load the initrd nearer to the kernel"),
    );
}
