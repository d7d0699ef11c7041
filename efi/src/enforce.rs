//! Runs the core's pipeline on this boot and says what it found and did.

use crate::application::Machine;
use crate::payload::Payload;
use crate::refusal::{Refusal, Result, refusal};
use ringfence::efi::EfiMap;
use ringfence::facts::{BootFacts, EfiFacts};
use ringfence::fdt::{Blob, Tree};
use ringfence::finding::Severity;
use ringfence::kernel_image::Header;
use ringfence::pipeline::{Context, Surveyed};
use ringfence::policy::Policy;
use ringfence::profile::KernelProfile;
use ringfence::prove::{self, Proven};

/// Surveys, judges, repairs and proves the device tree of this boot.
pub(crate) fn enforce(
    dtb: &[u8],
    map: &EfiMap,
    payload: &Payload,
    policy: Option<&Policy>,
    machine: &Machine,
) -> Result<Proven> {
    let tree = Tree::parse(dtb).map_err(|why| refusal!("the device tree is damaged: {why}"))?;
    let blob = payload.policy.and_then(|blob| Blob::check(blob).ok());
    let facts = BootFacts {
        efi: Some(EfiFacts { map: map.clone() }),
        report: true,
        policy_digest: blob.map(|blob| (machine.digest)(blob.bytes())),
        ..BootFacts::default()
    };
    let default = KernelProfile::default();
    let page = Header::parse(payload.kernel).ok().and_then(|header| header.page_size());
    let profile = page.map_or(default, |page| default.with_page(page));
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

/// Returns the rule that stands in the way, where it is one, and what to do.
fn unproven(why: &prove::Refusal) -> Refusal {
    match why {
        prove::Refusal::Findings(findings) if !findings.is_empty() => findings
            .first()
            .map_or_else(|| refusal!("{why}"), |finding| refusal!("{finding}; {}", finding.help)),
        _ => refusal!("{why}; run `ringfence check --efi-map` on this device tree for all findings"),
    }
}
