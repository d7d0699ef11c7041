//! RF606: the kernel refuses or drops something, and no other rule says why.

use super::{Doc, Predicted, Sink, is_predicted};
use crate::analysis::Analysis;
use crate::fdt::NodeId;
use crate::finding::{Finding, RuleId, Severity};
use crate::order;
use crate::predict::FailureKind;
use alloc::string::String;
use alloc::vec::Vec;

pub(super) const DOC: Doc = Doc {
    id: RuleId(606),
    name: "unexplained-failure",
    title: "the kernel refuses or drops a region, or dies, for a reason that no other rule gives",
    predicted: Predicted::Always,
    why: r"
        Every line in which the kernel is predicted to refuse, drop or fail at something must have a finding.
        This one is about what is left: several small things that together leave a region without its place,
        or its place without an entry in the kernel's tables. `ringfence predict` shows the line. In the
        example the ramdisk begins in the last page of a carveout, and Linux reserves whole pages of it.
    ",
    bad: include_str!("bad.dts"),
    good: include_str!("good.dts"),
    ..Doc::DEFAULT
};

pub(super) fn check(analysis: &Analysis<'_, '_>, out: &mut Sink) {
    let Some(prediction) = analysis.prediction().filter(|prediction| !prediction.failures.is_empty()) else {
        return;
    };
    let explained = Explained::by(out.findings());
    let mut told: Vec<Option<NodeId>> = Vec::new();
    for failure in &prediction.failures {
        let path = failure.node.map(|node| analysis.tree.node(node).path());
        if explained.has(failure.kind, path.as_deref()) || told.contains(&failure.node) {
            continue;
        }
        if told.len() == super::MAX_PER_RULE {
            return;
        }
        told.push(failure.node);
        let line = failure.line.and_then(|line| prediction.log.get(line)).map(String::as_str);
        let (verb, line) = match line {
            Some(line) => ("prints", line),
            None => ("panics:", prediction.panic.unwrap_or_default()),
        };
        let node = path.as_deref().unwrap_or("/reserved-memory");
        let kernel = analysis.profile.since.family();
        out.report(node, format_args!("Linux {kernel} {verb} `{line}`"))
            .help("see `ringfence predict` for what is in its place");
    }
}

/// What the findings of other rules explain.
struct Explained {
    /// Paths of the nodes that they are about, ascending.
    nodes: Vec<String>,
    /// Whether one is an error.
    errors: bool,
    /// Whether one is about all regions, or memory as a whole.
    all: bool,
    /// Whether one is about the command line.
    chosen: bool,
    /// Whether one is about too many pools.
    pools: bool,
}

impl Explained {
    fn by<'f>(findings: impl Iterator<Item = &'f Finding>) -> Self {
        let mut explained =
            Self { nodes: Vec::new(), errors: false, all: false, chosen: false, pools: false };
        for finding in findings {
            // A placeholder that a loader fills is a note.
            let counts = finding.severity > Severity::Note || finding.rule == RuleId(103);
            if !is_predicted(finding.rule) || !counts {
                continue;
            }
            let labels = finding.spans.iter().filter_map(|span| span.label.node());
            explained.nodes.extend(labels.chain([finding.node.as_str()]).map(String::from));
            explained.errors |= finding.severity == Severity::Error;
            explained.all |= matches!(finding.rule, RuleId(101 | 102 | 115 | 117));
            explained.chosen |= finding.node == "/chosen";
            explained.pools |= finding.rule == RuleId(311);
        }
        order::sort(&mut explained.nodes);
        explained
    }

    fn has(&self, kind: FailureKind, path: Option<&str>) -> bool {
        let is_named =
            path.is_some_and(|path| self.nodes.binary_search_by(|node| node.as_str().cmp(path)).is_ok());
        match kind {
            FailureKind::Panic => self.errors,
            FailureKind::DefaultPool => self.chosen,
            FailureKind::NoArea => is_named || self.pools,
            FailureKind::Ignored | FailureKind::TableFull | FailureKind::NoRoom => is_named || self.all,
            _ => is_named,
        }
    }
}
