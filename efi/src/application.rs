//! The application: the boot from its first line to the hand-off.

use crate::enforce;
use crate::firmware::map;
use crate::hold;
use crate::loader::Loader;
use crate::payload::Payload;
use crate::refusal::{Refusal, Result, refusal, refuse};
use crate::{VERSION, level, start, tree};
use alloc::vec::Vec;
use core::ffi::c_void;
use ringfence::fdt::{OverlayError, Tree};
use ringfence::packing::Stream;
use ringfence::payload::{Backend, Kernel};
use ringfence::policy::Policy;
use uefi::table::set_system_table;
use uefi::{Handle, Status, boot};

/// What the stage brings: hashing instructions, and what a build may leave out.
pub trait Machine: Backend {
    /// Returns what applies overlays; `None` in an image that was built without.
    fn overlay(&self) -> Option<Overlay>;

    /// Unpacks a kernel into the front of `place`, which is as large as the kernel's facts say, and returns
    /// it.
    fn unpack(
        &self,
        kernel: &Kernel<'_>,
        stream: Stream<'_>,
        place: &'static mut [u8],
    ) -> Option<&'static [u8]>;
}

/// Applies an overlay to a device tree.
pub type Overlay = fn(&Tree<'_>, &Tree<'_>) -> core::result::Result<Vec<u8>, OverlayError>;

/// Runs the image, and returns its status to the firmware.
///
/// # Safety
/// `image` and `system` are what the firmware passed to the entry of this image; there is a heap; called
/// once.
pub unsafe fn run(image: *mut c_void, system: *const c_void, machine: &impl Machine) -> usize {
    // SAFETY: by this function's contract.
    let Some(handle) = (unsafe { Handle::from_ptr(image) }) else { return Status::INVALID_PARAMETER.0 };
    // SAFETY: by this function's contract.
    unsafe { boot::set_image_handle(handle) };
    // SAFETY: by this function's contract.
    unsafe { set_system_table(system.cast()) };
    application(machine).0
}

/// Runs the application. Returns only when the boot is refused and the policy wants the boot manager to go
/// on.
fn application(machine: &impl Machine) -> Status {
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

fn prepare(machine: &impl Machine, policy: &mut Option<Policy>) -> Result<(hold::Held, Payload)> {
    let loader = Loader::read()?;
    let payload = Payload::find(&loader, machine)?;
    console!("payload: {}", payload.from);
    let read = |blob| Policy::from_blob(blob).map_err(|why| refusal!("the policy: {why}; build it anew"));
    *policy = payload.policy.map(read).transpose()?;
    let dtb = tree::prepare(&loader, &payload, machine.overlay())?;
    // The payload is somewhere now, too.
    let map = loader.early.absent_from(&map::read()?);
    let proven = enforce::enforce(&dtb, &map, &payload, policy.as_ref(), machine)?;
    let held = hold::hold(proven, loader.early)?;
    hold::report(&held)?;
    Ok((held, payload))
}
