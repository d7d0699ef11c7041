//! RF408: the log that the policy keeps has no place.

use super::{Doc, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::ramoops;
use crate::span::Size;

pub(super) const DOC: Doc = Doc {
    id: RuleId(408),
    name: "missing-log-region",
    title: "the log that the policy keeps has no place",
    severity: Severity::Warning,
    why: r"
        With `[log]` in the policy, the tree must have a `ramoops` region with a console. Linux shows an
        earlier program's log under `/sys/fs/pstore` only where such a node is; without one it overwrites
        the memory.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: r"
        Reserves a `ramoops` region where the policy says, or at the top of RAM, below 4 GiB first.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(wanted) = analysis.policy.and_then(|policy| policy.log.as_ref()) else { return };
    let Some(region) = ramoops::find(&analysis.tree, &analysis.map) else {
        let size = Size(ramoops::len(wanted));
        let report = out
            .report("/reserved-memory", "the policy keeps the log, but there is no `ramoops` region")
            .help("let `ringfence fix` place it, or write the node")
            .repair(RepairKind::PersistentLog, format_args!("reserve {size} for the log"));
        if !analysis.map.ram.is_known() {
            report.severity(Severity::Note);
        }
        return;
    };
    if let Err(why) = ramoops::zones(&analysis.tree, region) {
        out.report(region, format_args!("the policy keeps the log here, but the region {why}"))
            .help("give it a console-size and no ecc-size, or remove it: another region is placed then");
    }
}
