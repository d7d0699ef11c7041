//! RF116: the device tree is longer than kernels map.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::fdt::MAX_BOOT_SIZE;
use crate::finding::RuleId;
use crate::span::Size;

pub(super) const DOC: Doc = Doc {
    id: RuleId(116),
    name: "oversized-tree",
    title: "the device tree is longer than 2 MiB",
    why: r"
        A device tree must be at most 2 MiB long. arm64 kernels map 2 MiB for it and refuse a longer one
        before any console exists: the board hangs silently. Padding counts, because the `totalsize` of the
        header decides.
    ",
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let len = analysis.tree.blob().bytes().len();
    if len > MAX_BOOT_SIZE {
        let (len, limit) = (Size(len as u64), Size(MAX_BOOT_SIZE as u64));
        out.report("/", format_args!("the tree is {len} long: over {limit} kernels hang silently"))
            .help("leave out padding, symbols, or what the kernel does not need");
    }
}
