//! What is said below an excerpt: further spans, kernels, help and repair.

use ringfence::finding::Finding;
use ringfence::rules::{self, Kernels};

use crate::report::Diagnostic;
use crate::terminal::text::{columns, printable};

/// Returns what is said below an excerpt, each with the word before it.
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
        let word = if repair.kind.is_safe() { "" } else { ", if the policy allows it" };
        out.push(("repair", printable(&format!("`ringfence fix` can {}{word}", repair.description))));
    }
    out
}

/// Returns the kernels on which a finding bites, unless it does so on all: of those that were asked about, or by the rule.
pub(super) fn kernels(shown: &Diagnostic) -> Option<String> {
    if !shown.kernels.is_empty() {
        return Some(shown.kernels.join(", "));
    }
    let by_rule = rules::doc(shown.finding.rule)?.kernels;
    if matches!(by_rule, Kernels::All | Kernels::None) {
        return None;
    }
    Some(by_rule.families().map(|family| family.to_string()).collect::<Vec<_>>().join(", "))
}
