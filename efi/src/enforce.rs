//! Runs the core's pipeline on a device tree, and holds in the EFI map what the proven tree protects.

use crate::firmware::map;
use crate::hold::{self, Held, HoldError, Pieces};
use crate::refusal::{Refusal, Result, refusal};
use alloc::vec::Vec;
use ringfence::efi::{EfiKind, EfiMap, EfiUse};
use ringfence::facts::{BootFacts, Detail, EfiFacts, LoaderFacts};
use ringfence::fdt::Tree;
use ringfence::finding::Severity;
use ringfence::payload::Judged;
use ringfence::pipeline::{Context, Surveyed};
use ringfence::policy::Policy;
use ringfence::profile::PageSize;
use ringfence::prove::{self, Proven};
use ringfence::span::Span;

/// How often is planned anew because the firmware does not give away what its map calls free.
const MAX_PLANS: usize = 8;

/// What a tree is judged by.
#[derive(Clone, Copy, Default)]
pub(crate) struct Terms<'p> {
    /// The policy, if there is one.
    pub(crate) policy: Option<&'p Policy>,
    /// Its identity, for the report.
    pub(crate) digest: Option<[u8; 32]>,
    /// The page size of the kernel, where it is known.
    pub(crate) page_size: Option<PageSize>,
    /// Whether Secure Boot is on.
    pub(crate) is_secure: bool,
    /// What the loader's tree states, where another one is booted.
    pub(crate) loader: Option<&'p LoaderFacts>,
    /// The bootargs that load options have replaced.
    pub(crate) replaced: Option<&'p [u8]>,
    /// Whether an initial ramdisk is, or will be, offered by LoadFile2.
    pub(crate) offers_initrd: bool,
    /// Whether the tree gets a report.
    pub(crate) report: bool,
}

/// Proves a device tree, and holds what it protects instead of `pieces`, which is then what is held, in the
/// case of an error, too.
///
/// Firmware may keep memory for itself that its map calls free. What it denies is planned around once it is
/// known.
pub(crate) fn protect(dtb: &[u8], terms: Terms<'_>, pieces: &mut Pieces) -> Result<Held> {
    let mut denied: Vec<Span> = Vec::new();
    loop {
        let map = pieces.absent_from(&map::read()?);
        let map = map.with(&denied, |kind| kind.usage() == EfiUse::Free, EfiKind::Other);
        match hold::hold(enforce(dtb, &map, terms)?, pieces) {
            Ok(held) => return Ok(held),
            Err(HoldError::Denied { name, span, status }) if denied.len() + 1 < MAX_PLANS => {
                console!("efi map: the firmware denies {span} of {name} ({status}): planning anew");
                denied.push(span);
            }
            Err(HoldError::Denied { name, span, status }) => {
                return Err(refusal!(
                    "{name}: the firmware denies {span} ({status}), though its map calls it free; move \
                     the region"
                ));
            }
            Err(HoldError::Refused(why)) => return Err(why),
        }
    }
}

/// Surveys, judges, repairs and proves a device tree.
fn enforce(dtb: &[u8], map: &EfiMap, terms: Terms<'_>) -> Result<Proven> {
    if terms.policy.is_some_and(|policy| policy.sentinel.is_some()) {
        return Err(refusal!(
            "the policy wants the sentinel, which no UEFI boot has; take [sentinel] out of the policy"
        ));
    }
    let tree = Tree::parse(dtb).map_err(|why| refusal!("the device tree is damaged: {why}"))?;
    let facts = BootFacts {
        efi: Some(EfiFacts {
            map: map.clone(),
            is_secure: terms.is_secure,
            replaced: terms.replaced.map(<[u8]>::to_vec),
            offers_initrd: terms.offers_initrd,
        }),
        loader: terms.loader.cloned(),
        report: terms.report,
        policy_digest: terms.digest,
        detail: Detail::Console,
        ..BootFacts::default()
    };
    let of_policy = terms.policy.and_then(|policy| policy.kernel.as_deref());
    let judged_for = Judged::new([(of_policy, "policy")], terms.page_size);
    console!("kernel: {judged_for}");
    let profile = judged_for.profile;
    let judged =
        Surveyed::of(tree, Context { policy: terms.policy, profile: &profile, facts: &facts }).judge();
    for finding in judged.findings() {
        console!("{finding}");
    }
    let planned = judged.plan();
    for repair in &planned.plan().repairs {
        console!("repair: {repair}");
    }
    let proven = planned.apply().and_then(|applied| applied.prove()).map_err(|why| unproven(&why))?;
    ringfence::announce::announce(proven.map(), &mut |line| crate::console::line(line));
    let left = proven.findings().iter().filter(|finding| finding.severity == Severity::Error).count();
    if left > 0 {
        console!("going on with {left} errors left: the policy says on-error = \"continue\"");
    }
    Ok(proven)
}

/// Returns the rule that is in the way, where it is one, and what to do.
fn unproven(why: &prove::Refusal) -> Refusal {
    match why {
        prove::Refusal::Findings(findings) if !findings.is_empty() => findings
            .first()
            .map_or_else(|| refusal!("{why}"), |finding| refusal!("{finding}; {}", finding.help)),
        _ => refusal!("{why}; run `ringfence check --efi-map` on this device tree for all findings"),
    }
}
