//! RF304: two places state the default CMA pool.

use super::{Doc, Predicted, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};

pub(super) const DOC: Doc = Doc {
    id: RuleId(304),
    name: "competing-default-pools",
    title: "the default CMA pool is stated twice",
    why: r"
        One place must state the default CMA pool: one node with `linux,cma-default`, or `cma=`. With any
        `cma=` on the command line, `cma=0` included, every kernel drops the node, and its memory loses all
        protection. Of two such nodes the last one wins.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: r"
        Keeps the one that the policy names, else the `cma=` that the kernel would obey; the node stays as a
        pool of its own without `linux,cma-default`.
    ",
    predicted: Predicted::Partly,
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let mut defaults = analysis.map.enabled().filter(|region| region.is_cma() && region.cma_default);
    let Some(first) = defaults.next() else { return };
    if let Some(arg) = analysis.cma_arg() {
        let text = arg.to_bytes();
        let text = core::str::from_utf8(&text).unwrap_or("cma=");
        out.report(
            first,
            format_args!("`{text}` in bootargs makes Linux drop this default pool and free its memory"),
        )
        .at("linux,cma-default")
        .help("keep one of them: `cma=SIZE@BASE`, or the node without any `cma=`")
        .repair(RepairKind::SettleCma, "settle on one of them");
    }
    for region in defaults {
        out.report(region, format_args!("{} is a default CMA pool, too: the last one wins", first.name))
            .at("linux,cma-default")
            .severity(Severity::Warning)
            .help("keep `linux,cma-default` on one pool")
            .repair(RepairKind::SettleCma, "settle on the last one");
    }
}
