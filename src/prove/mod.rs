//! Proves a repaired tree: it is read again, by two readers, and judged again before it is used.

mod compare;
mod scope;
#[cfg(test)]
mod tests;
mod witness;

pub use witness::Disagreement;

use crate::analysis::Analysis;
use crate::claims::{ClaimKind, Claims};
use crate::context::Context;
use crate::efi::Hold;
use crate::facts::{BootFacts, Position};
use crate::fdt::{FdtError, Loss, MAX_BOOT_SIZE, Tree, nothing_lost};
use crate::finding::{Finding, RuleId, Severity};
use crate::plan::{Placement, PlacementFailure, Plan, Repaired};
use crate::policy::{Mode, OnError};
use crate::rules;
use crate::span::Span;
use crate::survey::MemoryMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use witness::SecondReader;

/// A device tree whose memory map is proven. Only [`prove`](crate::pipeline::Applied::prove) makes one, and
/// only a proven tree can be passed to a kernel.
#[derive(Debug)]
pub struct Proven {
    dtb: Vec<u8>,
    map: MemoryMap,
    claims: Claims,
    holds: Vec<Hold>,
    placement: Placement,
    findings: Vec<Finding>,
    repairs: Vec<Repaired>,
}

impl Proven {
    /// Returns the blob, compact and exactly as long as its header says.
    #[must_use]
    pub fn dtb(&self) -> &[u8] {
        &self.dtb
    }

    /// Returns the survey of the blob.
    #[must_use]
    pub const fn map(&self) -> &MemoryMap {
        &self.map
    }

    /// Returns who owns which memory once everything is where the plan wants it.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Returns the memory that no map may have, each span with the name of its region, by ascending base.
    pub fn carveouts(&self) -> impl Iterator<Item = (Span, &str)> {
        self.claims.all().iter().filter_map(|claim| match claim.kind {
            ClaimKind::Region(index, _) => {
                let region = self.map.region_at(index).filter(|region| region.no_map)?;
                Some((claim.span, region.name.as_str()))
            }
            _ => None,
        })
    }

    /// Returns what is to be held in the EFI memory map before the kernel is started; empty where there is
    /// none, or where the policy wants nothing changed.
    #[must_use]
    pub fn holds(&self) -> &[Hold] {
        &self.holds
    }

    /// Returns the final places of kernel, initrd and DTB.
    #[must_use]
    pub const fn placement(&self) -> &Placement {
        &self.placement
    }

    /// Returns the remaining findings: notes and warnings, and errors only where the policy says
    /// `on-error = "continue"`.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Returns the repairs that led to it.
    #[must_use]
    pub fn repairs(&self) -> &[Repaired] {
        &self.repairs
    }

    /// Takes the blob.
    #[must_use]
    pub fn into_dtb(self) -> Vec<u8> {
        self.dtb
    }
}

/// Why a tree is not proven. Nothing may be handed off then.
#[derive(Debug)]
pub enum Refusal {
    /// A blob that cannot be read or written.
    Fdt(FdtError),
    /// Findings that no repair fixed, the worst first.
    Findings(Vec<Finding>),
    /// Items for which the planner found no place.
    PlacementFailure(Vec<PlacementFailure>),
    /// Bytes that were or must be protected, and no longer would be.
    Exposed(Span),
    /// Bytes that were reserved, if not kept from Linux's map, and no longer would be.
    Released(Span),
    /// A region or pool, by path, that would get less memory, or get it elsewhere, than it asks for.
    Shrunk(String),
    /// An edit that is no repair's business: the path of the node, and what would be changed there.
    OutOfScope(String, String),
    /// Bytes that two regions shared, and still share where no rule sees it any more.
    Shared(Span),
    /// Something that no edit named is missing from the rewritten tree.
    Lost(Loss),
    /// Bytes that are RAM to Linux in only one of the two trees: no repair changes what is RAM.
    OtherRam(Span),
    /// The second reader does not see what the first one sees.
    Witness(Disagreement),
    /// The rewritten blob does not fit the room reserved for it.
    TooLarge {
        /// Length of the blob in bytes.
        len: usize,
        /// Room in bytes.
        room: u64,
    },
}

impl From<FdtError> for Refusal {
    fn from(error: FdtError) -> Self {
        Self::Fdt(error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fdt(error) => write!(f, "device tree: {error}"),
            Self::Findings(findings) => match findings.first() {
                Some(finding) => write!(f, "{finding}"),
                None => f.write_str("findings are left"),
            },
            Self::PlacementFailure(stuck) => match stuck.first() {
                Some(stuck) => write!(f, "{stuck}"),
                None => f.write_str("something could not be placed"),
            },
            Self::Exposed(span) => write!(f, "the repair would give protected memory {span} to Linux"),
            Self::Released(span) => write!(f, "the repair would give reserved memory {span} to Linux"),
            Self::Shrunk(path) => write!(f, "the repair would not give {path} the memory that it asks for"),
            Self::OutOfScope(path, what) => write!(f, "no repair may change `{what}` of {path}"),
            Self::Shared(span) => write!(f, "two regions would still share {span}"),
            Self::Lost(loss) => write!(f, "the rewritten tree is not whole: {loss}"),
            Self::OtherRam(span) => write!(f, "the rewritten tree no longer agrees on RAM at {span}"),
            Self::Witness(disagreement) => write!(f, "the second reader disagrees: {disagreement}"),
            Self::TooLarge { len, room } => {
                write!(f, "the rewritten device tree has {len} bytes, but there is room for only {room}")
            }
        }
    }
}

/// Proves the applied plan: everything was placed, nothing is lost, RAM is the same, nothing is exposed, no
/// error is left, and both readers see the same memory map.
pub(crate) fn prove(
    surveyed: &Analysis<'_, '_>,
    before: &[Finding],
    plan: Plan,
    bytes: Option<Vec<u8>>,
) -> Result<Proven, Refusal> {
    prove_with(surveyed, before, plan, bytes, witness::read)
}

/// The rule that there is RAM at all (RF106).
const NO_RAM: RuleId = RuleId(106);

/// Does the same with another second reader.
fn prove_with(
    surveyed: &Analysis<'_, '_>,
    before: &[Finding],
    plan: Plan,
    bytes: Option<Vec<u8>>,
    second: SecondReader,
) -> Result<Proven, Refusal> {
    let context = surveyed.context();
    let accept = context.policy.is_some_and(|policy| policy.on_error == OnError::Continue);
    if !plan.stuck.is_empty() && !accept {
        // Without RAM nothing has a place; that there is none is what to say.
        let no_ram = |finding: &&Finding| finding.rule == NO_RAM && finding.severity == Severity::Error;
        if let Some(finding) = before.iter().find(no_ram) {
            return Err(Refusal::Findings(alloc::vec![finding.clone()]));
        }
        return Err(Refusal::PlacementFailure(plan.stuck));
    }
    let dtb = match bytes {
        Some(bytes) => bytes,
        None => surveyed.tree.blob().bytes().to_vec(),
    };
    // No kernel maps more, whatever room there is.
    let room = plan.placement.dtb.map(|window| window.len().min(MAX_BOOT_SIZE as u64));
    if let Some(room) = room.filter(|room| *room < dtb.len() as u64) {
        return Err(Refusal::TooLarge { len: dtb.len(), room });
    }
    let tree = Tree::parse(&dtb)?;
    plan.edits.each(&surveyed.tree, &tree, |old, edits, new| {
        scope::check(old, edits)?;
        nothing_lost(old, edits, new).map_err(Refusal::Lost)
    })?;
    let unplaced = compare::unplaced(context.facts, &plan.placement);
    if let Some(failure) = unplaced.filter(|_| !accept) {
        return Err(Refusal::PlacementFailure(alloc::vec![failure]));
    }
    let facts = settled(context.facts, &plan.placement, dtb.len());
    let map = MemoryMap::survey(&tree, &facts).for_kernel(context.profile);
    let may_hold = facts.efi.is_some() && context.policy.is_none_or(|policy| policy.mode == Mode::Fix);
    let holds = if may_hold { Hold::all(&map) } else { Vec::new() };
    let facts = facts.with_held(&holds);
    if let Some(span) = compare::other_ram(&surveyed.map, &map) {
        return Err(Refusal::OtherRam(span));
    }
    if compare::other_bootargs(&surveyed.map, &map) {
        return Err(Refusal::OutOfScope("/chosen".into(), "bootargs".into()));
    }
    witness::agree(&tree, &map, second).map_err(Refusal::Witness)?;
    let analysis = Analysis::new(tree, map, Context { facts: &facts, ..context });
    let findings = rules::judge(&analysis);
    let bar = match context.policy.map(|policy| policy.mode) {
        Some(Mode::Strict) => Severity::Warning,
        _ => Severity::Error,
    };
    let strict = bar == Severity::Warning;
    let refused: Vec<Finding> = findings
        .iter()
        .chain(before.iter().filter(|_| strict))
        .filter(|finding| finding.severity >= bar)
        .cloned()
        .collect();
    if !refused.is_empty() && !accept {
        return Err(Refusal::Findings(refused));
    }
    if let Some(refusal) = compare::taken(surveyed, &analysis).filter(|_| !accept) {
        return Err(refusal);
    }
    let (map, claims) = analysis.into_parts();
    Ok(Proven { map, claims, holds, placement: plan.placement, findings, repairs: plan.repairs, dtb })
}

/// Returns the facts as they are once everything is placed as planned.
fn settled(facts: &BootFacts, placement: &Placement, dtb_len: usize) -> BootFacts {
    let mut facts = facts.clone();
    if let (Some(kernel), Some(place)) = (facts.kernel.as_mut(), placement.kernel) {
        kernel.position = Position::Fixed(place);
    }
    if let Some(initrd) = placement.initrd {
        facts.initrd = Some(Position::Fixed(initrd));
    }
    if let Some(window) = placement.dtb {
        let at = Span::new(window.base(), dtb_len as u64).unwrap_or(window);
        facts.dtb = Some(Position::Fixed(at));
    }
    facts
}
