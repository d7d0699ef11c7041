//! RF503: the command line is not longer than the kernel reads.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::bootargs::MAX_LEN;
use crate::finding::{RuleId, Severity};
use alloc::format;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(503),
    name: "long-bootargs",
    title: "bootargs are at most 2047 bytes",
    severity: Severity::Error,
    why: "arm64 kernels keep COMMAND_LINE_SIZE (2048) bytes with the terminator and drop the rest without a \
          word: a cma= at the end is lost. All kernels.",
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(len) = analysis.map.chosen.bootargs.as_ref().map(Vec::len).filter(|&len| len > MAX_LEN) else {
        return;
    };
    out.push(
        OldReport::new(
            DOC.id,
            DOC.severity,
            "/chosen",
            format!("bootargs are {len} bytes long; Linux drops all behind the first {MAX_LEN}"),
        )
        .with_help("shorten the command line"),
    );
}
