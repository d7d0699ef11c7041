//! Checks that findings and predictions agree at boot, without a policy, for every family of kernels.

use std::collections::BTreeSet;

use crate::generate::Case;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use ringfence::facts::{BootFacts, Kernel, Position};
use ringfence::finding::{Finding, RuleId, Severity};
use ringfence::pipeline::{Context, survey};
use ringfence::predict::{FailureKind, Predictor, predict};
use ringfence::profile::families;
use ringfence::rules::{self, Predicted};

/// Returns the facts of a boot without a stage: everything has the place that the loader gave it.
fn at_boot(facts: &BootFacts) -> BootFacts {
    let placed = |position: Position| position.source().map(Position::Fixed);
    BootFacts {
        kernel: facts.kernel.and_then(|kernel| Some(Kernel { position: placed(kernel.position)?, ..kernel })),
        initrd: facts.initrd.and_then(placed),
        dtb: facts.dtb.and_then(placed),
        predictor: Some(Predictor::MODEL),
        ..BootFacts::default()
    }
}

fn predicted(rule: RuleId) -> Predicted {
    rules::doc(rule).unwrap().predicted
}

/// Returns whether a finding is about a node, or about all of them.
fn is_about(finding: &Finding, path: &str) -> bool {
    let labels = finding.spans.iter().filter_map(|span| span.label.node());
    let is_global = matches!(finding.rule, RuleId(101 | 102 | 115 | 117));
    is_global || labels.chain([finding.node.as_str()]).any(|node| node == path)
}

/// Checks both directions: each failure has a finding that explains it, and each error that is said to be
/// predicted is a failure of one of the kernels.
pub(crate) fn agree(case: &Case) -> Result<(), TestCaseError> {
    let dtb = case.board.blob();
    let facts = at_boot(&case.facts);
    let mut errors: Vec<Finding> = Vec::new();
    // Paths of what fails; what concerns no single region has none.
    let mut failing: BTreeSet<Option<String>> = BTreeSet::new();
    for family in families() {
        let profile = family.with_page(case.profile.page);
        let context = Context { policy: None, profile: &profile, facts: &facts };
        let judged = survey(&dtb, context).unwrap().judge();
        let analysis = judged.surveyed().analysis();
        if !analysis.map.usable.is_known() {
            return Ok(());
        }
        let kernel = profile.since.family();
        let prediction = predict(analysis);
        let explains = |finding: &&Finding| {
            let counts = finding.severity > Severity::Note || finding.rule == RuleId(103);
            predicted(finding.rule) != Predicted::Never && counts
        };
        for failure in &prediction.failures {
            let path = failure.node.map(|node| analysis.tree.node(node).path());
            let line = failure.line.map_or(prediction.panic, |line| Some(&prediction.log[line]));
            let mut explaining = judged.findings().iter().filter(explains);
            let is_explained = match (failure.kind, &path) {
                (FailureKind::Panic, _) => explaining.any(|finding| finding.severity == Severity::Error),
                (FailureKind::DefaultPool, _) => explaining.any(|finding| finding.node == "/chosen"),
                (_, Some(path)) => explaining.any(|finding| is_about(finding, path)),
                (_, None) => explaining.next().is_some(),
            };
            prop_assert!(is_explained, "Linux {kernel}: no finding for `{line:?}` about {path:?}");
            failing.insert(path);
        }
        let found = judged.findings().iter().filter(|finding| finding.severity == Severity::Error);
        errors.extend(found.filter(|finding| predicted(finding.rule) == Predicted::Always).cloned());
    }
    for error in errors {
        let fails = failing.contains(&None) || failing.iter().flatten().any(|path| is_about(&error, path));
        prop_assert!(fails, "no kernel fails at what is found: {error}");
    }
    Ok(())
}
