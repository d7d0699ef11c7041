//! The pipeline as types: each step consumes the one before, so that none can be left out.
//!
//! ```text
//! bytes ─ survey ─▶ Surveyed ─ judge ─▶ Judged ─ plan ─▶ Planned ─ apply ─▶ Applied ─ prove ─▶ Proven
//! ```

use crate::analysis::Analysis;
pub use crate::context::Context;
use crate::fdt::{FdtError, Tree};
use crate::finding::Finding;
use crate::plan::{self, Plan};
use crate::prove::{self, Proven, Refusal};
use crate::rules;
use crate::survey::MemoryMap;
use alloc::vec::Vec;

/// A tree that was read, what it says about memory, and the claims on it.
pub struct Surveyed<'a, 'c> {
    analysis: Analysis<'c, 'a>,
}

/// Reads a blob and survey it.
///
/// # Errors
/// The blob is no sound device tree, or memory for it ran out.
pub fn survey<'a, 'c>(dtb: &'a [u8], context: Context<'c>) -> Result<Surveyed<'a, 'c>, FdtError> {
    let tree = Tree::parse(dtb)?;
    Ok(Surveyed::of(tree, context))
}

impl<'a, 'c> Surveyed<'a, 'c> {
    /// Surveys a tree that was read before.
    #[must_use]
    pub fn of(tree: Tree<'a>, context: Context<'c>) -> Self {
        let map = MemoryMap::survey(&tree, context.facts);
        Self::with_map(tree, map, context)
    }

    /// Takes a tree with a survey of it that was made before the context was known. The RAM banks of the
    /// facts, if there are any, must have gone into that survey.
    #[must_use]
    pub fn with_map(tree: Tree<'a>, map: MemoryMap, context: Context<'c>) -> Self {
        Self { analysis: Analysis::new(tree, map, context) }
    }

    /// Returns the tree.
    #[must_use]
    pub const fn tree(&self) -> &Tree<'a> {
        &self.analysis.tree
    }

    /// Returns what it says about memory.
    #[must_use]
    pub const fn map(&self) -> &MemoryMap {
        &self.analysis.map
    }

    /// Returns the claims and everything else that rules and planner read.
    #[must_use]
    pub const fn analysis(&self) -> &Analysis<'c, 'a> {
        &self.analysis
    }

    /// Judges it by every rule.
    #[must_use]
    pub fn judge(self) -> Judged<'a, 'c> {
        let findings = rules::judge(&self.analysis);
        Judged { surveyed: self, findings }
    }
}

/// A tree with what the rules have to say about it.
pub struct Judged<'a, 'c> {
    surveyed: Surveyed<'a, 'c>,
    findings: Vec<Finding>,
}

impl<'a, 'c> Judged<'a, 'c> {
    /// Returns the tree and its survey.
    #[must_use]
    pub const fn surveyed(&self) -> &Surveyed<'a, 'c> {
        &self.surveyed
    }

    /// Returns what the rules have to say, in the order of their numbers.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Returns the same with only those repairs proposed that the planner makes, were every permission given.
    #[must_use]
    pub fn with_offers(mut self) -> Self {
        let analysis = &self.surveyed.analysis;
        if self.findings.iter().any(|finding| finding.repair.is_some())
            && let Ok(tree) = Tree::parse(analysis.tree.blob().bytes())
        {
            let plan = plan::permitting(analysis, tree, &self.findings);
            for finding in &mut self.findings {
                finding.repair =
                    finding.repair.take().filter(|repair| plan.makes(repair.kind, &analysis.tree));
            }
        }
        self
    }

    /// Plans the repairs that may be made, and where the boot's own things are to be.
    #[must_use]
    pub fn plan(self) -> Planned<'a, 'c> {
        let plan = plan::plan(&self.surveyed.analysis, &self.findings);
        Planned { judged: self, plan }
    }
}

/// A tree with a plan.
pub struct Planned<'a, 'c> {
    judged: Judged<'a, 'c>,
    plan: Plan,
}

impl<'a, 'c> Planned<'a, 'c> {
    /// Returns the tree with its findings.
    #[must_use]
    pub const fn judged(&self) -> &Judged<'a, 'c> {
        &self.judged
    }

    /// Returns the plan.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Makes the edits in a new blob. The input stays as it is; without edits there is no new blob and the
    /// input stands, byte for byte.
    ///
    /// # Errors
    /// The tree cannot be written so, or memory for it ran out.
    pub fn apply(self) -> Result<Applied<'a, 'c>, Refusal> {
        let bytes = self.plan.edits.make(self.judged.surveyed.tree())?;
        Ok(Applied { planned: self, bytes })
    }
}

/// A rewritten tree that is not proven yet.
pub struct Applied<'a, 'c> {
    planned: Planned<'a, 'c>,
    bytes: Option<Vec<u8>>,
}

impl<'a, 'c> Applied<'a, 'c> {
    /// Returns the plan that led here.
    #[must_use]
    pub const fn planned(&self) -> &Planned<'a, 'c> {
        &self.planned
    }

    /// Returns the blob, to be shown beside the result of the proof. It is not proven.
    #[must_use]
    pub fn dtb(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or_else(|| self.planned.judged.surveyed.tree().blob().bytes())
    }

    /// Reads the result again with two readers, judge it again, and checks that nothing was lost or exposed.
    ///
    /// # Errors
    /// Any [`Refusal`]; nothing may be handed off then.
    pub fn prove(self) -> Result<Proven, Refusal> {
        let Planned { judged: Judged { surveyed, findings }, plan } = self.planned;
        prove::prove(&surveyed.analysis, &findings, plan, self.bytes)
    }
}
