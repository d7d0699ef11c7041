//! How the rules RF401 to RF405, RF410 and RF411 report what the policy requires.

use super::OldReport;
use crate::analysis::Answer;
use crate::finding::{RepairKind, RuleId, Severity};
use crate::span::Size;
use alloc::format;
use alloc::string::String;

impl Answer<'_> {
    /// Starts a finding about it, with the repair that restores it.
    #[must_use]
    pub fn finding(&self, rule: RuleId, message: impl AsRef<str>) -> OldReport {
        let finding = OldReport::new(rule, Severity::Error, self.path, message);
        let wanted = match self.required.span() {
            Some(span) => format!("{span}"),
            None => format!("{}", Size(self.required.size)),
        };
        let flag = if self.required.no_map { " with `no-map`" } else { "" };
        let help = match self.region {
            None => format!("add a region of {wanted}{flag}, or change the policy"),
            Some(region) if !region.enabled => String::from("remove its `status`, or change the policy"),
            Some(_) => format!("give it {wanted}{flag} again, or change the policy"),
        };
        let finding = match self.required.span() {
            Some(span) => finding.with_span(span, "required by the policy"),
            None => finding,
        };
        let finding = match self.span() {
            Some(span) => finding.with_span(span, "in the tree"),
            None => finding,
        };
        finding.with_help(help).with_repair(RepairKind::Restore(self.index), format!("restore {wanted}"))
    }
}
