//! The application: the boot from its first line to the hand-off.

use crate::enforce::{self, Terms};
use crate::firmware::initrd;
use crate::hold::{self, Held};
use crate::loader::Loader;
use crate::machine::Machine;
use crate::payload::Payload;
use crate::refusal::{Refusal, Result, refusal, refuse};
use crate::{VERSION, fence, level, start, tree};
use ringfence::policy::{Policy, digest_with};
use uefi::Status;

/// Runs the application. Returns only when the boot is refused and the policy wants the boot manager to go
/// on.
pub(crate) fn run(machine: &impl Machine) -> Status {
    let vendor = uefi::system::firmware_vendor();
    console!("ringfence {VERSION} by EFI {} ({vendor}), EL{}", uefi::system::uefi_revision(), level());
    let mut policy = None;
    let why = boot_linux(machine, &mut policy);
    refuse(&why, policy.as_ref())
}

/// Boots. Returns only why not; `policy` is then what says how to end.
fn boot_linux(machine: &impl Machine, policy: &mut Option<Policy>) -> Refusal {
    match prepare(machine, policy) {
        Ok((held, payload)) => start::start(&held, &payload),
        Err(why) => why,
    }
}

fn prepare(machine: &impl Machine, policy: &mut Option<Policy>) -> Result<(Held, Payload)> {
    let mut loader = Loader::read()?;
    let payload = Payload::find(&loader, machine)?;
    console!("payload: {}", payload.from);
    let read = |blob| Policy::from_blob(blob).map_err(|why| refusal!("the policy: {why}; build it anew"));
    *policy = payload.policy.map(read).transpose()?;
    let prepared = tree::prepare(&loader, &payload, policy.as_ref(), machine.overlay())?;
    let sha256 = |data: &[u8]| machine.sha256(data);
    let terms = Terms {
        policy: policy.as_ref(),
        digest: payload.policy.and_then(|blob| digest_with(blob, &sha256).ok()),
        page_size: payload.page_size,
        is_secure: loader.secure,
        loader: prepared.loader.as_ref(),
        replaced: prepared.replaced.as_deref(),
        offers_initrd: payload.initrd.is_some() || initrd::is_offered(),
        report: true,
    };
    let held = enforce::protect(&prepared.dtb, terms, &mut loader.early)?;
    hold::report(&held)?;
    fence::close(&held)?;
    Ok((held, payload))
}
