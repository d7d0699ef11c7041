//! RF408: the log that the policy wants kept has a place.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::ramoops;
use crate::span::Size;

pub(super) const DOC: Doc = Doc {
    id: RuleId(408),
    name: "missing-log-region",
    title: "the log that the policy wants kept has a place",
    severity: Severity::Warning,
    why: "Linux shows an earlier program's log under /sys/fs/pstore only where a `ramoops` node with a console says \
          that it lies; memory without a node is given away and overwritten.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: "Reserves a `ramoops` region where the policy says, or at the top of RAM, below 4 GiB first.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(wanted) = analysis.policy.and_then(|policy| policy.log.as_ref()) else { return };
    let Some(region) = ramoops::find(&analysis.tree, &analysis.map) else {
        let severity = if analysis.map.ram.is_known() { DOC.severity } else { Severity::Note };
        let finding = OldReport::new(
            DOC.id,
            severity,
            "/reserved-memory",
            "the policy wants the log kept, but there is no `ramoops` region",
        )
        .with_help("let `fix` place it, or write the node by hand");
        out.push(finding.with_repair(
            RepairKind::PersistentLog,
            format_args!("reserve {} for the log", Size(ramoops::len(wanted))),
        ));
        return;
    };
    if let Err(why) = ramoops::zones(&analysis.tree, region) {
        let message = alloc::format!("the policy wants the log kept here, but it {why}");
        out.push(
            OldReport::new(DOC.id, DOC.severity, region.path.as_str(), message).with_help(
                "give it a console-size and no ecc-size, or remove it: another one is then placed",
            ),
        );
    }
}
