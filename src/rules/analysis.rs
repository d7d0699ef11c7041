//! What every rule looks at, with the claims on memory already sorted and the colliding pairs already found.

use super::references::{self, Reference};
use super::required;
use crate::bootargs::CmaArg;
use crate::facts::BootFacts;
use crate::fdt::Tree;
use crate::ledger::{self, Coverage};
use crate::order;
use crate::policy::Policy;
use crate::profile::KernelProfile;
use crate::span::Span;
use crate::survey::{MemoryMap, Region};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::OnceCell;

/// Who claims a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// A live region, by its index in the survey, and which of its tuples.
    Region(usize, usize),
    /// One or more `/memreserve/` entries.
    Memreserve,
    /// The kernel, from its base to the end of its `image_size`.
    Kernel,
    /// The initial ramdisk.
    Initrd,
    /// The device tree blob.
    Dtb,
    /// The running stage.
    Stage,
    /// The bundle that holds the payload.
    Bundle,
    /// The 4 KiB around an address at which a processor waits for its release.
    ReleaseAddress,
    /// The header that a crashed kernel left in memory.
    ElfCoreHdr,
}

/// A span and who claims it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The addresses.
    pub span: Span,
    /// The claimant.
    pub owner: ClaimKind,
}

/// Everything a rule may look at.
pub struct Analysis<'s, 'a> {
    /// The tree.
    pub tree: &'s Tree<'a>,
    /// What it says about memory.
    pub map: &'s MemoryMap,
    /// What it does not say.
    pub facts: &'s BootFacts,
    /// What the board requires, when somebody said so.
    pub policy: Option<&'s Policy>,
    /// The kernel that will read it.
    pub profile: &'s KernelProfile,
    claims: Vec<Claim>,
    pairs: Vec<(usize, usize)>,
    more_pairs: bool,
    references: OnceCell<Vec<Reference>>,
    required_paths: Vec<String>,
}

/// How many colliding pairs one analysis lists. A tree of 2 MiB can hold hundreds of millions.
const MAX_PAIRS: usize = 1000;

impl<'s, 'a> Analysis<'s, 'a> {
    /// Gather the claims and find every colliding pair: O(n log n + pairs), the pairs bounded.
    #[must_use]
    pub fn new(
        tree: &'s Tree<'a>,
        map: &'s MemoryMap,
        facts: &'s BootFacts,
        policy: Option<&'s Policy>,
        profile: &'s KernelProfile,
    ) -> Self {
        let mut claims = claims(map, facts);
        order::stable_sort_by_key(&mut claims, |claim| {
            (claim.span.base(), core::cmp::Reverse(claim.span.end()))
        });
        let (pairs, more_pairs) = colliding(map, &claims);
        // Five rules and the planner ask for these; a label costs a walk over the tree.
        let required_paths = policy.map_or_else(Vec::new, |policy| required::paths(tree, &policy.carveouts));
        Self {
            tree,
            map,
            facts,
            policy,
            profile,
            claims,
            pairs,
            more_pairs,
            required_paths,
            references: OnceCell::new(),
        }
    }

    /// The path that the key of a required carveout names, by the carveout's index in the policy.
    pub(super) fn required_path(&self, index: usize) -> Option<&str> {
        self.required_paths.get(index).map(String::as_str)
    }

    /// Every claim, by ascending base.
    #[must_use]
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// Tell whether more claims collide than [`Analysis::pairs`] lists.
    #[must_use]
    pub const fn has_more_pairs(&self) -> bool {
        self.more_pairs
    }

    /// Every pair of claims that share a byte and should not, the lower base first.
    pub fn pairs(&self) -> impl Iterator<Item = (Claim, Claim)> {
        self.pairs.iter().filter_map(|&(a, b)| Some((*self.claims.get(a)?, *self.claims.get(b)?)))
    }

    /// Claims that share a byte with `span`, in ascending order of base.
    pub fn claims_over(&self, span: Span) -> impl Iterator<Item = &Claim> {
        let end = self.claims.partition_point(|claim| claim.span.base() < span.end());
        self.claims.iter().take(end).filter(move |claim| claim.span.overlaps(span))
    }

    /// The region behind a claim.
    #[must_use]
    pub fn region(&self, owner: ClaimKind) -> Option<&'s Region> {
        match owner {
            ClaimKind::Region(index, _) => self.map.regions.get(index),
            _ => None,
        }
    }

    /// The name of a claimant, as messages show it.
    #[must_use]
    pub fn name(&self, owner: ClaimKind) -> String {
        match owner {
            ClaimKind::Region(..) => {
                self.region(owner).map_or_else(String::new, |region| region.name.clone())
            }
            ClaimKind::Memreserve => "/memreserve/".to_string(),
            ClaimKind::Kernel => "kernel image".to_string(),
            ClaimKind::Initrd => "initrd".to_string(),
            ClaimKind::Dtb => "device tree blob".to_string(),
            ClaimKind::Stage => "ringfence stage".to_string(),
            ClaimKind::Bundle => "boot bundle".to_string(),
            ClaimKind::ReleaseAddress => "CPU release address".to_string(),
            ClaimKind::ElfCoreHdr => "ELF core header".to_string(),
        }
    }

    /// Every span of every live region that is no CMA pool.
    pub fn reservations(&self) -> impl Iterator<Item = (&'s Region, Span)> {
        let regions = self.map.enabled().filter(|region| !region.is_cma());
        regions.flat_map(|region| region.spans().iter().map(move |&span| (region, span)))
    }

    /// Tell how much of `span` lies in one stretch of RAM. `Coverage::All` where RAM is unknown.
    #[must_use]
    pub fn in_ram(&self, span: Span) -> Coverage {
        if !self.map.ram.is_known() {
            return Coverage::All;
        }
        ledger::coverage(self.map.ram.spans(), span)
    }

    /// Tell how much of `span` lies in one stretch of the RAM that the command line leaves to Linux.
    /// `Coverage::All` where RAM is unknown.
    #[must_use]
    pub fn in_usable(&self, span: Span) -> Coverage {
        if !self.map.ram.is_known() {
            return Coverage::All;
        }
        ledger::coverage(self.map.usable.spans(), span)
    }

    /// Tell whether the tree is about to be booted rather than at rest: a stage, a kernel or the RAM is named, or
    /// a loader has left in `/chosen` what only a loader knows.
    #[must_use]
    pub fn is_at_boot(&self) -> bool {
        let left = |name| self.map.chosen.node.is_some_and(|node| self.tree.node(node).has_prop(name));
        let facts = self.facts;
        facts.stage.is_some()
            || facts.kernel.is_some()
            || !facts.ram.is_empty()
            || ["linux,initrd-start", "kaslr-seed", "rng-seed"].into_iter().any(left)
    }

    /// Tell whether an EFI stub has been here: Linux takes its RAM from the EFI map then, and finds no `/memreserve/`.
    #[must_use]
    pub fn is_efi(&self) -> bool {
        self.map.chosen.node.is_some_and(|node| self.tree.node(node).has_prop("linux,uefi-mmap-start"))
    }

    /// Every `memory-region` of the tree, read when first asked for.
    pub fn references(&self) -> &[Reference] {
        self.references.get_or_init(|| references::references(self.tree))
    }

    /// The effective `cma=` of the command line.
    #[must_use]
    pub const fn cma_arg(&self) -> Option<CmaArg> {
        self.map.chosen.cma
    }

    /// The live pool that asks to be the default CMA pool: the last one, as the kernel initialises them in
    /// order and the last wins (kernel/dma/contiguous.c).
    #[must_use]
    pub fn default_pool(&self) -> Option<&'s Region> {
        self.map.enabled().filter(|region| region.is_cma() && region.cma_default).last()
    }

    /// The initial ramdisk that the kernel will be given: the payload's, or what `/chosen` says where there is
    /// no bundle (a bundle in the initrd slot is no ramdisk).
    #[must_use]
    pub fn initrd(&self) -> Option<Span> {
        initrd(self.map, self.facts)
    }
}

fn initrd(map: &MemoryMap, facts: &BootFacts) -> Option<Span> {
    match (facts.initrd, facts.bundle) {
        (Some(initrd), _) => Some(initrd.at),
        (None, None) => map.chosen.initrd,
        (None, Some(_)) => None,
    }
}

/// What can still be moved claims nothing yet: the planner finds it a place.
fn claims(map: &MemoryMap, facts: &BootFacts) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (index, region) in map.regions.iter().enumerate().filter(|(_, region)| region.enabled) {
        claims.extend(
            region
                .spans()
                .iter()
                .enumerate()
                .map(|(tuple, &span)| Claim { span, owner: ClaimKind::Region(index, tuple) }),
        );
    }
    // Entries that overlap or touch are one claim: overlapping ones are many pairs and no news.
    let memreserve = ledger::union(map.memreserve.clone());
    claims.extend(memreserve.into_iter().map(|span| Claim { span, owner: ClaimKind::Memreserve }));
    let kernel = facts.kernel.filter(|k| !k.movable).and_then(|k| k.footprint_at(k.at.base()));
    let initrd = initrd(map, facts).filter(|_| facts.initrd.is_none_or(|initrd| !initrd.movable));
    let dtb = facts.dtb.filter(|dtb| !dtb.movable).map(|dtb| dtb.at);
    let boot = [
        (kernel, ClaimKind::Kernel),
        (initrd, ClaimKind::Initrd),
        (dtb, ClaimKind::Dtb),
        (facts.stage, ClaimKind::Stage),
        (facts.bundle, ClaimKind::Bundle),
    ];
    claims.extend(boot.into_iter().filter_map(|(span, owner)| Some(Claim { span: span?, owner })));
    claims.extend(map.release_pages.iter().map(|&span| Claim { span, owner: ClaimKind::ReleaseAddress }));
    claims.extend(map.chosen.elfcorehdr.map(|span| Claim { span, owner: ClaimKind::ElfCoreHdr }));
    claims
}

/// Tell whether what lies there was put there before the loader, and is read after the kernel has started.
pub(crate) const fn must_stay(owner: ClaimKind) -> bool {
    matches!(owner, ClaimKind::ReleaseAddress | ClaimKind::ElfCoreHdr)
}

/// Every pair that shares a byte and should not, and whether there are more than are listed. What is harmless is
/// passed over here, so that no number of harmless pairs ever fills the list before a harmful one.
fn colliding(map: &MemoryMap, claims: &[Claim]) -> (Vec<(usize, usize)>, bool) {
    let mut pairs = Vec::new();
    // A claim that ends below another one's base meets nothing behind it either, since bases ascend.
    for (low, a) in claims.iter().enumerate() {
        for (high, b) in claims.iter().enumerate().skip(low + 1) {
            if !a.span.overlaps(b.span) {
                break;
            }
            if harmless(map, a.owner, b.owner) {
                continue;
            }
            if pairs.len() == MAX_PAIRS {
                return (pairs, true);
            }
            pairs.push((low, high));
        }
    }
    (pairs, false)
}

/// `/memreserve/` twice or over what is merely reserved adds nothing, a region over what must stay as it is protects
/// it unless Linux uses the region itself, and what the stage is done with when the
/// kernel starts may overlap what is placed then: the payload lies inside the bundle.
fn harmless(map: &MemoryMap, a: ClaimKind, b: ClaimKind) -> bool {
    let mapped =
        |index: usize| map.regions.get(index).is_none_or(|region| !region.no_map && !region.is_cma());
    let transient = |owner| matches!(owner, ClaimKind::Stage | ClaimKind::Bundle);
    match (a, b) {
        (ClaimKind::Region(index, _), ClaimKind::Memreserve)
        | (ClaimKind::Memreserve, ClaimKind::Region(index, _)) => mapped(index),
        (ClaimKind::Region(index, _), other) | (other, ClaimKind::Region(index, _)) if must_stay(other) => {
            map.regions.get(index).is_none_or(|region| !region.is_cma())
        }
        (ClaimKind::Region(..), _) | (_, ClaimKind::Region(..)) => false,
        (ClaimKind::Memreserve, _) | (_, ClaimKind::Memreserve) => true,
        _ if must_stay(a) || must_stay(b) => false,
        _ => transient(a) || transient(b),
    }
}
