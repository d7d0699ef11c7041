//! RF217: the initrd is out of the reach of the kernel.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::claims::ClaimKind;
use crate::facts::within_reach;
use crate::finding::{Label, RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(217),
    name: "initrd-out-of-reach",
    title: "the kernel and the initrd are too far apart",
    severity: Severity::Warning,
    why: r"
        The kernel and the initrd must be in one window of 32 GiB. The boot protocol promises a kernel its
        initrd only within 32 GiB from a 1 GiB boundary, in which the kernel image is as well
        (Documentation/arch/arm64/booting.rst). A kernel whose linear map does not reach further drops the
        initrd: `initrd not fully accessible via the linear mapping`.
    ",
    good: include_str!("good.dts"),
    repair: "The stage places both by itself.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let (kernel, initrd) = (analysis.span_of(ClaimKind::Kernel), analysis.span_of(ClaimKind::Initrd));
    let Some((kernel, initrd)) = kernel.zip(initrd).filter(|&(kernel, initrd)| !within_reach(kernel, initrd))
    else {
        return;
    };
    out.report("/chosen", "kernel and initrd are not in one window of 32 GiB")
        .at("linux,initrd-start")
        .span(initrd, Label::Claim(ClaimKind::Initrd))
        .span(kernel, Label::Claim(ClaimKind::Kernel))
        .help("load the initrd nearer to the kernel");
}
