//! RF406: the default CMA pool is the one that the policy wants.

use super::{Doc, OldReport, Sink};
use crate::analysis::Analysis;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::policy::{CmaWant, Via};
use crate::span::{Size, Span};
use alloc::format;
use alloc::string::String;

pub(super) const DOC: Doc = Doc {
    id: RuleId(406),
    name: "wrong-default-pool",
    title: "the default CMA pool is the one that the policy wants",
    severity: Severity::Error,
    why: "Without a word from the tree or the command line the kernel takes its configured default (16 MiB, or \
          64 in Debian) wherever it finds room; what a board's camera or display needs is then missing at run \
          time.",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    policy: include_str!("policy.toml"),
    repair: "Places the pool by the policy and writes it into the bootargs or a node.",
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(want) = analysis.policy.and_then(|policy| policy.cma.as_ref()) else { return };
    let Some(message) = missed(analysis, want) else { return };
    let at_rest = !analysis.map.ram.is_known();
    let finding =
        OldReport::new(DOC.id, if at_rest { Severity::Note } else { DOC.severity }, "/chosen", message)
            .with_help("let `fix` place it, or write it by hand as the policy has it");
    out.push(if at_rest {
        finding
    } else {
        finding.with_repair(
            RepairKind::SettleCma,
            format_args!("place {} of CMA as the policy wants", Size(want.size)),
        )
    });
}

/// What is wrong with the default pool that the tree leads to, if anything.
fn missed(analysis: &Analysis<'_, '_>, want: &CmaWant) -> Option<String> {
    let found: Option<Span> = match want.via {
        Via::Bootargs => match analysis.cma_arg() {
            None => {
                return Some(format!(
                    "the policy wants `cma=` with {}, but bootargs have none",
                    Size(want.size)
                ));
            }
            Some(arg) if arg.size < want.size => {
                return Some(format!(
                    "`cma=` asks for {}, the policy wants {}",
                    Size(arg.size),
                    Size(want.size)
                ));
            }
            Some(arg) => arg.fixed(),
        },
        Via::Node => match analysis.default_pool() {
            None => {
                return Some(format!(
                    "the policy wants a default pool of {}, but there is none",
                    Size(want.size)
                ));
            }
            Some(pool) => pool.spans().first().copied(),
        },
    };
    let Some(span) = found else { return Some("the default CMA pool has no fixed address".into()) };
    if span.len() < want.size {
        return Some(format!("the default CMA pool {span} is smaller than the {} wanted", Size(want.size)));
    }
    if let Some(range) = want.range.filter(|range| !range.covers(span)) {
        return Some(format!("the default CMA pool {span} lies outside the range {range} wanted"));
    }
    let align = want.align.filter(|align| align.is_power_of_two()).unwrap_or(1);
    (span.base() % align != 0)
        .then(|| format!("the default CMA pool {span} is not aligned to {}", Size(align)))
}
