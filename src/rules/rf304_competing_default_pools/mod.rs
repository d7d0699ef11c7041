//! RF304: one authority says where the default CMA pool lies.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use alloc::format;

pub(super) const DOC: Doc = Doc {
    id: RuleId(304),
    name: "competing-default-pools",
    title: "one authority says where the default CMA pool lies",
    severity: Severity::Error,
    why: "Any cma= on the command line, cma=0 included, makes every kernel drop the linux,cma-default node, and \
          its memory loses all protection. Of two default nodes the last one wins.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    repair: "Keeps the one that the policy names, else the cma= that the kernel would obey; the node stays as a \
             pool of its own without linux,cma-default.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let mut defaults = analysis.map.enabled().filter(|region| region.is_cma() && region.cma_default);
    let Some(first) = defaults.next() else { return };
    if let Some(arg) = analysis.cma_arg() {
        let text = arg.to_bytes();
        let text = core::str::from_utf8(&text).unwrap_or("cma=");
        out.push(
            OldReport::new(
                DOC.id,
                Severity::Error,
                first.path.as_str(),
                format!("`{text}` in bootargs makes Linux drop this default pool and free its memory"),
            )
            .with_help("keep one of them: `cma=SIZE@BASE`, or the node without any `cma=`")
            .with_repair(RepairKind::SettleCma, "settle on one of them"),
        );
    }
    for region in defaults {
        out.push(
            OldReport::new(
                DOC.id,
                Severity::Warning,
                region.path.as_str(),
                format!("{} is a default CMA pool, too: the last one wins", first.name),
            )
            .with_help("keep linux,cma-default on one pool")
            .with_repair(RepairKind::SettleCma, "settle on the last one"),
        );
    }
}
