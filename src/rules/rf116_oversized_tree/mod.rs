//! RF116: the tree is one that kernels map.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::fdt::{MAX_BOOT_SIZE, MAX_SIZE};
use crate::finding::{RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(116),
    name: "oversized-tree",
    title: "the device tree is at most 2 MiB long",
    severity: Severity::Error,
    why: "arm64 kernels map 2 MiB for it and refuse what is longer before any console exists: the board hangs without \
          a word. Padding counts, since the header's totalsize decides. All kernels.",
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let len = analysis.tree.blob().bytes().len();
    // The stage reads nothing longer, and says so when it is entered.
    if MAX_SIZE > MAX_BOOT_SIZE && len > MAX_BOOT_SIZE {
        out.push(
            OldReport::new(
                DOC.id,
                DOC.severity,
                "/",
                format!("the tree is {len} bytes long: kernels hang without a word over {MAX_BOOT_SIZE}"),
            )
            .with_help("leave out padding, symbols, or what the kernel does not need"),
        );
    }
}
