//! The analysis: one survey with its context, its claims, and the answers that several readers need.
//!
//! It is made once per survey and carried by the pipeline; rules, planner and tool read it.

mod references;
mod required;

pub use references::Reference;
pub use required::{Answer, GUARD, guards, reachable};

use crate::bootargs::CmaArg;
use crate::claims::{Claim, ClaimKind, Claims};
use crate::context::Context;
use crate::facts::BootFacts;
use crate::fdt::{NodeId, Tree};
use crate::ledger::{self, Coverage};
use crate::order;
use crate::policy::Policy;
use crate::predict::{FailureKind, Prediction, dma};
use crate::profile::KernelProfile;
use crate::span::Span;
use crate::survey::{MemoryMap, Region};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::OnceCell;
use required::Answered;

/// Everything that is known of one tree and one boot.
pub struct Analysis<'c, 'a> {
    /// The tree.
    pub tree: Tree<'a>,
    /// What it says about memory.
    pub map: MemoryMap,
    /// What it does not say.
    pub facts: &'c BootFacts,
    /// What the board requires, if there is a policy.
    pub policy: Option<&'c Policy>,
    /// The kernel that will read it.
    pub profile: &'c KernelProfile,
    claims: Claims,
    answered: Vec<Answered>,
    references: OnceCell<Vec<Reference>>,
    users: OnceCell<Vec<(NodeId, NodeId)>>,
    prediction: OnceCell<Box<Prediction>>,
    dma_reach: OnceCell<Option<u64>>,
}

impl<'c, 'a> Analysis<'c, 'a> {
    /// Collects the claims and looks up what the policy requires.
    #[must_use]
    pub fn new(tree: Tree<'a>, map: MemoryMap, context: Context<'c>) -> Self {
        let Context { policy, profile, facts } = context;
        let map = map.for_kernel(profile);
        let claims = Claims::new(&map, facts);
        let answered = required::answered(&tree, &map, context);
        Self {
            tree,
            map,
            facts,
            policy,
            profile,
            claims,
            answered,
            references: OnceCell::new(),
            users: OnceCell::new(),
            prediction: OnceCell::new(),
            dma_reach: OnceCell::new(),
        }
    }

    /// Returns the policy, the kernel and the facts.
    #[must_use]
    pub const fn context(&self) -> Context<'c> {
        Context { policy: self.policy, profile: self.profile, facts: self.facts }
    }

    /// Takes the survey and the claims.
    #[must_use]
    pub fn into_parts(self) -> (MemoryMap, Claims) {
        (self.map, self.claims)
    }

    /// Returns what of RAM has no owner, ascending; nothing where RAM is unknown.
    #[must_use]
    pub fn free(&self) -> Vec<Span> {
        self.claims.free(self.map.ram.spans())
    }

    /// Returns the claims that, like regions, must be kept clear of: all that are neither a region nor soft.
    pub fn obstacles(&self) -> impl Iterator<Item = &Claim> {
        self.claims().iter().filter(|claim| !claim.kind.is_region() && !claim.kind.lifetime().is_soft())
    }

    /// Returns every claim, by ascending base.
    #[must_use]
    pub fn claims(&self) -> &[Claim] {
        self.claims.all()
    }

    /// Tells whether more claims conflict than [`Analysis::pairs`] lists.
    #[must_use]
    pub const fn has_more_pairs(&self) -> bool {
        self.claims.has_more_pairs()
    }

    /// Returns every pair of claims that share a byte and must not, the lower base first.
    pub fn pairs(&self) -> impl Iterator<Item = (Claim, Claim)> {
        self.claims.pairs()
    }

    /// Returns the claims that share a byte with `span`, by ascending base.
    pub fn claims_over(&self, span: Span) -> impl Iterator<Item = &Claim> {
        self.claims.over(span)
    }

    /// Returns the claims on exactly `span`.
    #[must_use]
    pub fn claims_at(&self, span: Span) -> &[Claim] {
        self.claims.at(span)
    }

    /// Returns the region that makes a claim.
    #[must_use]
    pub fn region(&self, kind: ClaimKind) -> Option<&Region> {
        match kind {
            ClaimKind::Region(index, _) => self.map.region_at(index),
            _ => None,
        }
    }

    /// Returns the name of an owner, as messages show it.
    #[must_use]
    pub fn name(&self, kind: ClaimKind) -> String {
        self.region(kind).map_or_else(|| kind.label().to_string(), |region| region.name.clone())
    }

    /// Returns the path in the tree that states a claim, or its name if no tree states it.
    #[must_use]
    pub fn source(&self, kind: ClaimKind) -> String {
        match kind {
            ClaimKind::Region(index, _) => {
                self.map.region_at(index).map_or_else(String::new, |region| region.path.clone())
            }
            ClaimKind::Framebuffer(node) => self.tree.node(node).path(),
            _ => kind.source().to_string(),
        }
    }

    /// Returns what the policy requires with the regions that answer to it, in the policy's order.
    pub fn answers(&self) -> impl Iterator<Item = Answer<'_>> {
        (0..self.answered.len()).filter_map(|index| self.answer(index))
    }

    /// Returns one requirement of the policy with the region that answers to it.
    #[must_use]
    pub fn answer(&self, index: usize) -> Option<Answer<'_>> {
        required::answer(self, index)
    }

    /// Returns every span of every live region that is no CMA pool.
    pub fn reservations(&self) -> impl Iterator<Item = (&Region, Span)> {
        let regions = self.map.enabled().filter(|region| !region.is_cma());
        regions.flat_map(|region| region.spans().iter().map(move |&span| (region, span)))
    }

    /// Reports how much of `span` is in one stretch of RAM. `Coverage::All` where RAM is unknown.
    #[must_use]
    pub fn in_ram(&self, span: Span) -> Coverage {
        if !self.map.ram.is_known() {
            return Coverage::All;
        }
        ledger::coverage(self.map.ram.spans(), span)
    }

    /// Reports how much of `span` is in one stretch of the RAM that the command line leaves to Linux.
    /// `Coverage::All` where RAM is unknown.
    #[must_use]
    pub fn in_usable(&self, span: Span) -> Coverage {
        if !self.map.ram.is_known() {
            return Coverage::All;
        }
        ledger::coverage(self.map.usable.spans(), span)
    }

    /// Returns whether the tree is about to be booted rather than at rest: a stage, a kernel or the RAM is
    /// named, or a loader has left in `/chosen` what only a loader knows. Vendors' sources have seeds of
    /// zeros, which a loader overwrites.
    #[must_use]
    pub fn is_at_boot(&self) -> bool {
        let prop = |name| self.tree.node(self.map.chosen.node?).prop(name);
        let is_drawn = |name| prop(name).is_some_and(|seed| seed.value.iter().any(|&byte| byte != 0));
        let facts = self.facts;
        facts.stage.is_some()
            || facts.kernel.is_some()
            || !facts.ram.is_empty()
            || facts.efi.is_some()
            || prop("linux,initrd-start").is_some()
            || ["kaslr-seed", "rng-seed"].into_iter().any(is_drawn)
    }

    /// Tells whether this is an EFI boot: the EFI map is known, or an EFI stub has been here. Linux takes its
    /// RAM from the map then, and finds no `/memreserve/`.
    #[must_use]
    pub fn is_efi(&self) -> bool {
        self.facts.efi.is_some()
            || self.map.chosen.node.is_some_and(|node| self.tree.node(node).has_prop("linux,uefi-mmap-start"))
    }

    /// Returns every `memory-region` of the tree, read when first asked for.
    pub fn references(&self) -> &[Reference] {
        self.references.get_or_init(|| references::references(&self.tree))
    }

    /// Returns the devices in use whose `memory-region` leads to a node, ascending, each with that node.
    pub fn users_of(&self, target: NodeId) -> &[(NodeId, NodeId)] {
        let all = self.users.get_or_init(|| references::users(&self.tree, self.references()));
        let (from, to) =
            (all.partition_point(|(of, _)| *of < target), all.partition_point(|(of, _)| *of <= target));
        all.get(from..to).unwrap_or_default()
    }

    /// Returns whether a carveout is inside another one on purpose: one device in use has both, or the inner
    /// one has a user and the outer one, which then only holds it, has none. Every kernel unmaps the union.
    #[must_use]
    pub fn is_nested(&self, (a, a_span): (&Region, Span), (b, b_span): (&Region, Span)) -> bool {
        let (outer, inner) = if a_span.covers(b_span) { (a, b) } else { (b, a) };
        let is_inside = a_span != b_span && (a_span.covers(b_span) || b_span.covers(a_span));
        if !(is_inside && outer.no_map && inner.no_map) {
            return false;
        }
        // What the policy requires has an owner of its own.
        let is_required = |region: &Region| {
            self.answers().any(|answer| answer.region.is_some_and(|answer| answer.node == region.node))
        };
        if is_required(outer) || is_required(inner) {
            return false;
        }
        let (holders, users) = (self.users_of(outer.node), self.users_of(inner.node));
        let has =
            |list: &[(NodeId, NodeId)], user| list.binary_search_by_key(&user, |(_, user)| *user).is_ok();
        match holders {
            [] => !users.is_empty(),
            _ => users.iter().any(|&(_, user)| has(holders, user)),
        }
    }

    /// Returns the regions that the `memory-region` of a node names.
    pub fn regions_of(&self, node: NodeId) -> impl Iterator<Item = &Region> {
        let all = self.references();
        let mine = all.iter().skip(all.partition_point(|reference| reference.user < node));
        let mine = mine.take_while(move |reference| reference.user == node);
        mine.filter_map(|reference| self.map.region(reference.target?))
    }

    /// Returns what the kernel is predicted to do, made when first asked for. `None` where RAM is unknown, or
    /// where nothing predicts.
    #[must_use]
    pub fn prediction(&self) -> Option<&Prediction> {
        let predictor = self.facts.predictor.filter(|_| self.map.usable.is_known())?;
        Some(self.prediction.get_or_init(|| Box::new(predictor.predict(self))))
    }

    /// Returns the regions of which the kernel is predicted to fail in this way, ascending. `None` without a
    /// prediction.
    #[must_use]
    pub fn failing(&self, kind: FailureKind) -> Option<Vec<NodeId>> {
        let failures = self.prediction()?.failures.iter().filter(|failure| failure.kind == kind);
        let mut nodes: Vec<NodeId> = failures.filter_map(|failure| failure.node).collect();
        order::sort(&mut nodes);
        Some(nodes)
    }

    /// Tells whether the kernel is predicted to fail in this way. `None` where there is no prediction.
    #[must_use]
    pub fn fails(&self, kind: FailureKind) -> Option<bool> {
        Some(self.prediction()?.failures.iter().any(|failure| failure.kind == kind))
    }

    /// Returns the end of what devices reach, exclusive: the lowest that the tree's `dma-ranges` give this
    /// kernel, or less if the facts say so.
    #[must_use]
    pub fn dma_limit(&self) -> u64 {
        self.dma_limit_of(self.map.usable.spans())
    }

    /// Returns the same with this ascending RAM.
    pub(crate) fn dma_limit_of(&self, ram: &[Span]) -> u64 {
        let reach = || *self.dma_reach.get_or_init(|| dma::reach(&self.tree));
        let of_tree = dma::limit(reach, ram, self.profile.dma_limit);
        of_tree.min(self.facts.dma_limit.unwrap_or(u64::MAX))
    }

    /// Returns the effective `cma=` of the command line.
    #[must_use]
    pub const fn cma_arg(&self) -> Option<CmaArg> {
        self.map.chosen.cma
    }

    /// Returns the live pool that asks to be the default CMA pool: the last one, as the kernel initialises
    /// them in order and the last wins (kernel/dma/contiguous.c).
    #[must_use]
    pub fn default_pool(&self) -> Option<&Region> {
        self.map.enabled().filter(|region| region.is_cma() && region.cma_default).last()
    }

    /// Returns the span of the first claim of a kind.
    #[must_use]
    pub fn span_of(&self, kind: ClaimKind) -> Option<Span> {
        self.claims().iter().find(|claim| claim.kind == kind).map(|claim| claim.span)
    }
}
