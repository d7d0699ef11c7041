//! What the policy's required carveouts find in a tree; the rules RF401 to RF405 share it.

use super::Scene;
use crate::fdt::Tree;
use crate::finding::{Finding, RepairKind, RuleId, Severity};
use crate::policy::{Key, Required};
use crate::span::Span;
use crate::survey::{Extent, MemoryMap, Region};
use alloc::format;
use alloc::string::String;

/// A required carveout and the region that answers to it.
#[derive(Clone, Debug)]
pub struct Answer<'s> {
    /// Its index in the policy.
    pub index: usize,
    /// What is required.
    pub required: &'s Required,
    /// The region that its key names, when there is one.
    pub region: Option<&'s Region>,
    /// The path that the key names, or the label itself where the tree does not resolve it.
    pub path: String,
}

impl<'s> Answer<'s> {
    /// The region's one span, when it is static.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        match &self.region?.extent {
            Extent::Static(spans) => spans.first().copied(),
            _ => None,
        }
    }

    /// Start a finding about it, with the repair that restores it.
    #[must_use]
    pub fn finding(&self, rule: RuleId, message: impl Into<String>) -> Finding {
        let finding = Finding::new(rule, Severity::Error, self.path.as_str(), message);
        let wanted = match self.required.span() {
            Some(span) => format!("restore {span}"),
            None => format!("restore {}", crate::span::Size(self.required.size)),
        };
        let finding = match self.required.span() {
            Some(span) => finding.with_span(span, "required by the policy"),
            None => finding,
        };
        let finding = match self.span() {
            Some(span) => finding.with_span(span, "in the tree"),
            None => finding,
        };
        finding
            .with_help("put the carveout back as the policy has it, or change the policy")
            .with_repair(RepairKind::Restore(self.index), wanted)
    }
}

/// Every required carveout of the policy with its answer.
pub(super) fn answers<'s>(scene: &'s Scene<'s, '_>) -> impl Iterator<Item = Answer<'s>> {
    let required = scene.policy.map_or(&[][..], |policy| &policy.carveouts);
    required.iter().enumerate().map(|(index, required)| answer(scene.tree, scene.map, index, required))
}

/// Find what answers to one required carveout. A unit address that was corrected meanwhile does not hide a
/// region: where no node has the exact path, one of the same name before the `@` and the same base answers.
#[must_use]
pub fn answer<'s>(tree: &Tree<'_>, map: &'s MemoryMap, index: usize, required: &'s Required) -> Answer<'s> {
    let path = match &required.key {
        Key::Path(path) => path.clone(),
        Key::Label(label) => tree.by_label(label).map_or_else(|| label.clone(), |node| node.path()),
    };
    let exact = map.regions.iter().find(|region| region.path == path);
    let region = exact.or_else(|| {
        let wanted = base_name(&path);
        let base = required.base?;
        map.regions.iter().find(|region| {
            base_name(&region.path) == wanted && region.spans().first().is_some_and(|s| s.base() == base)
        })
    });
    Answer { index, required, region, path: region.map_or(path, |region| region.path.clone()) }
}

fn base_name(path: &str) -> &str {
    path.split('@').next().unwrap_or(path)
}
