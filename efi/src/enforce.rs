//! Runs the core's pipeline on this boot and says what it found and did.

use crate::application::Machine;
use crate::payload::Payload;
use crate::refusal::{Refusal, Result, refusal};
use ringfence::efi::EfiMap;
use ringfence::facts::{BootFacts, Detail, EfiFacts};
use ringfence::fdt::Tree;
use ringfence::finding::Severity;
use ringfence::pipeline::{Context, Surveyed};
use ringfence::policy::{Policy, digest_with};
use ringfence::profile::KernelProfile;
use ringfence::prove::{self, Proven};

/// Surveys, judges, repairs and proves the device tree of this boot.
pub(crate) fn enforce(
    dtb: &[u8],
    map: &EfiMap,
    payload: &Payload,
    policy: Option<&Policy>,
    machine: &impl Machine,
) -> Result<Proven> {
    if policy.is_some_and(|policy| policy.sentinel.is_some()) {
        return Err(refusal!(
            "the policy wants the sentinel, which no UEFI boot has; take [sentinel] out of the policy"
        ));
    }
    let tree = Tree::parse(dtb).map_err(|why| refusal!("the device tree is damaged: {why}"))?;
    let sha256 = |data: &[u8]| machine.sha256(data);
    let facts = BootFacts {
        efi: Some(EfiFacts { map: map.clone() }),
        report: true,
        policy_digest: payload.policy.and_then(|blob| digest_with(blob, &sha256).ok()),
        detail: Detail::Console,
        ..BootFacts::default()
    };
    let default = KernelProfile::default();
    let profile = payload.page_size.map_or(default, |page| default.with_page(page));
    let judged = Surveyed::of(tree, Context { policy, profile: &profile, facts: &facts }).judge();
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
