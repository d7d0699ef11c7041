//! RF503: the command line is longer than the kernel reads.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::bootargs::MAX_LEN;
use crate::finding::RuleId;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(503),
    name: "long-bootargs",
    title: "bootargs are longer than the kernel reads",
    why: r"
        `bootargs` must be at most 2047 bytes. arm64 kernels keep `COMMAND_LINE_SIZE` (2048) bytes with the
        terminator and drop the rest silently: a `cma=` at the end is lost.
    ",
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let len = analysis.map.chosen.bootargs.as_ref().map_or(0, Vec::len);
    if len > MAX_LEN {
        out.report(
            "/chosen",
            format_args!("bootargs are {len} bytes long: Linux drops all after the first {MAX_LEN}"),
        )
        .at("bootargs")
        .help("shorten the command line");
    }
}
