//! RF406: the default CMA pool is not the one that the policy wants.

use super::{Doc, Sink, Subject};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::policy::{CmaWant, Via};
use crate::span::{Size, Span};
use alloc::format;
use alloc::string::String;

pub(super) const DOC: Doc = Doc {
    id: RuleId(406),
    name: "wrong-default-pool",
    title: "the default CMA pool is not as the policy requires",
    why: r"
        The default CMA pool must be the one in the policy's `[cma]`. Without one in the tree or on the
        command line the kernel places its configured default (16 MiB, or 64 MiB in Debian) wherever it
        finds room; the memory that a board's camera or display needs is then missing at run time.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: r"
        Places the pool as the policy requires and writes it into the bootargs or a node.
    ",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(want) = analysis.policy.and_then(|policy| policy.cma.as_ref()) else { return };
    let Some(message) = missed(analysis, want) else { return };
    let (node, property) = match (want.via, analysis.default_pool()) {
        (Via::Node, Some(pool)) => (Subject::from(pool), "reg"),
        _ => (Subject::from("/chosen"), "bootargs"),
    };
    let report = out
        .report(node, &message)
        .at(property)
        .help("let `ringfence fix` place it, or write it as the policy has it");
    if analysis.map.ram.is_known() {
        let size = Size(want.size);
        report.repair(RepairKind::SettleCma, format_args!("place {size} of CMA as the policy requires"));
    } else {
        report.severity(Severity::Note);
    }
}

/// Returns what is wrong with the default pool of the tree, if anything.
fn missed(analysis: &Analysis<'_, '_>, want: &CmaWant) -> Option<String> {
    let found: Option<Span> = match want.via {
        Via::Bootargs => match analysis.cma_arg() {
            None => {
                return Some(format!(
                    "the policy requires `cma=` with {}, but bootargs have none",
                    Size(want.size)
                ));
            }
            Some(arg) if arg.size < want.size => {
                return Some(format!(
                    "`cma=` asks for {}, but the policy requires {}",
                    Size(arg.size),
                    Size(want.size)
                ));
            }
            Some(arg) => arg.fixed(),
        },
        Via::Node => match analysis.default_pool() {
            None => {
                return Some(format!(
                    "the policy requires a default pool of {}, but there is none",
                    Size(want.size)
                ));
            }
            Some(pool) => pool.spans().first().copied(),
        },
    };
    let Some(span) = found else { return Some("the default CMA pool has no fixed address".into()) };
    if span.len() < want.size {
        return Some(format!("the default CMA pool {span} is smaller than the required {}", Size(want.size)));
    }
    if let Some(range) = want.range.filter(|range| !range.covers(span)) {
        return Some(format!("the default CMA pool {span} is outside the required range {range}"));
    }
    let align = want.align.filter(|align| align.is_power_of_two()).unwrap_or(1);
    (span.base() % align != 0)
        .then(|| format!("the default CMA pool {span} is not aligned to {}", Size(align)))
}
