//! RF503: the command line is longer than the kernel reads.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::bootargs::{self, MAX_LEN};
use crate::finding::{RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(503),
    name: "long-bootargs",
    title: "bootargs are longer than the kernel reads",
    why: r"
        `bootargs` must be at most 2047 bytes. arm64 kernels keep `COMMAND_LINE_SIZE` (2048) bytes with the
        terminator and drop the rest silently: a `cma=` at the end is lost. Where no argument about memory is
        in the rest, it is a warning.
    ",
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

/// Arguments that say what memory Linux uses, or where its pools are.
const ABOUT_MEMORY: [&[u8]; 9] = [
    b"cma",
    b"cma_pernuma",
    b"numa_cma",
    b"hugetlb_cma",
    b"mem",
    b"crashkernel",
    b"hugepages",
    b"kernelcore",
    b"movablecore",
];

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let line = analysis.map.chosen.bootargs.as_deref().unwrap_or_default();
    if line.len() <= MAX_LEN {
        return;
    }
    let mut lost = bootargs::args(line).filter(|arg| arg.range.end > MAX_LEN).map(|arg| arg.param);
    let lost = lost.find_map(|param| ABOUT_MEMORY.iter().find(|name| **name == param));
    let lost = lost.and_then(|name| core::str::from_utf8(name).ok());
    let report = out
        .report(
            "/chosen",
            format_args!(
                "bootargs are {} bytes long: Linux drops all after the first {MAX_LEN}{}{}",
                line.len(),
                if lost.is_some() { ", and with it " } else { "" },
                lost.unwrap_or_default(),
            ),
        )
        .at("bootargs")
        .help("shorten the command line");
    if lost.is_none() {
        report.severity(Severity::Warning);
    }
}
