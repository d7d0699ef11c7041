//! The remarks below an excerpt: further spans, kernels, help and repair.

use ringfence::finding::Finding;
use ringfence::plan::Permission;
use ringfence::rules::{self, Kernels};

use crate::report::Diagnostic;
use crate::report::kernels::runs;
use crate::terminal::text::{columns, printable};

/// Returns the remarks below an excerpt, each with its label.
pub(super) fn remarks(shown: &Diagnostic) -> Vec<(&'static str, String)> {
    let Finding { spans, help, repair, .. } = &shown.finding;
    let mut out = Vec::new();
    if spans.len() > 1 || shown.excerpt.is_none() {
        for labelled in spans {
            out.push(("note", printable(&format!("{} {}", columns(labelled.span), labelled.label.text()))));
        }
    }
    if let Some(kernels) = kernels(shown) {
        out.push(("kernels", kernels));
    }
    if !help.is_empty() {
        out.push(("help", printable(help)));
    }
    if let Some(repair) = repair {
        let condition = match repair.kind.permission() {
            Permission::Safe => String::new(),
            Permission::Policy(key, _) => {
                format!("; it needs `allow.{key} = true` in the policy, or `--unsafe`")
            }
        };
        out.push(("repair", printable(&format!("`ringfence fix` can {}{condition}", repair.description))));
    }
    out
}

/// Returns the kernels that a finding applies to, unless it applies to all: of those that were given, or by
/// the rule.
pub(super) fn kernels(shown: &Diagnostic) -> Option<String> {
    if !shown.kernels.is_empty() {
        return Some(shown.kernels.join(", "));
    }
    let by_rule = rules::doc(shown.finding.rule)?.kernels;
    if matches!(by_rule, Kernels::All | Kernels::None) {
        return None;
    }
    Some(runs(by_rule))
}
