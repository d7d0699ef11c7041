//! RF707: load options replace bootargs that ask for the default CMA pool.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::bootargs;
use crate::finding::{RepairKind, RuleId};
use alloc::string::String;

pub(super) const DOC: Doc = Doc {
    id: RuleId(707),
    name: "cma-lost-to-load-options",
    title: "load options replace bootargs that ask for a CMA pool",
    why: r"
        Load options must repeat the `cma=` of the tree's bootargs. The EFI stub replaces bootargs by them as
        a whole, so that Linux never sees the tree's `cma=`: the default pool has the kernel's built-in size,
        or there is none.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    efi_map: include_str!("memmap.txt"),
    load_options: "console=ttyAMA0",
    repair: r"
        Adds the tree's `cma=` to the command line.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let replaced = analysis.facts.efi.as_ref().and_then(|efi| efi.replaced.as_deref());
    let Some(lost) = replaced.and_then(bootargs::cma).filter(|_| analysis.cma_arg().is_none()) else {
        return;
    };
    let word = String::from_utf8(lost.to_bytes()).unwrap_or_default();
    out.report("/chosen", format_args!("load options replace the bootargs, and with them `{word}`"))
        .at("bootargs")
        .help(format_args!("add `{word}` to the load options"))
        .repair(RepairKind::KeepCma, format_args!("add `{word}` to the command line"));
}
