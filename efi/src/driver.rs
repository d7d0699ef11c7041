//! The driver: stays, and replaces each device tree that anything installs by a proven one.
//!
//! It learns of them in two ways. systemd-boot and systemd-stub ask `EFI_DT_FIXUP_PROTOCOL` before they
//! install a tree, and take an error for an answer. The others (GRUB, U-Boot, the firmware) just change the
//! configuration table, whose event follows.

use crate::enforce::{self, Terms};
use crate::firmware::fixup::{self, Flags, Unchanged};
use crate::firmware::image::Image;
use crate::firmware::{map, secure_boot, table};
use crate::hold::Pieces;
use crate::machine::Machine;
use crate::refusal::{Refusal, Result, refusal, refuse, reset};
use crate::{VERSION, level};
use alloc::vec::Vec;
use ringfence::efi::pe;
use ringfence::fdt::{MAGIC, Tree};
use ringfence::plan::REPORT;
use ringfence::policy::{CmaWant, OnError, Policy, Via, digest_with};
use ringfence::profile::KernelProfile;
use spin::Mutex;
use uefi::Status;

/// What stays.
#[derive(Default)]
struct Driver {
    policy: Option<Policy>,
    digest: Option<[u8; 32]>,
    is_secure: bool,
    /// What is held of the tree that was judged last.
    held: Pieces,
    /// Where the tree is that this driver has installed last.
    installed: u64,
    /// The tree that a loader was given when it asked last.
    given: Vec<u8>,
}

static DRIVER: Mutex<Option<Driver>> = Mutex::new(None);

/// Loads the driver. An error of its own must not cost the boot of a board that has asked for nothing: only
/// a policy can refuse that.
pub(crate) fn load(image: Image, machine: &impl Machine) -> Status {
    let vendor = uefi::system::firmware_vendor();
    let revision = uefi::system::uefi_revision();
    console!("ringfence {VERSION} as a driver of EFI {revision} ({vendor}), EL{}", level());
    let blob = image.section(pe::POLICY);
    let policy = match blob.map(Policy::from_blob).transpose() {
        Ok(policy) => policy.map(without_line),
        Err(why) => return refuse(&refusal!("the policy: {why}; build it anew"), None),
    };
    let named = policy.as_ref().and_then(|policy| KernelProfile::for_name(policy.kernel.as_deref()?).ok());
    if named.and_then(|kernel| kernel.page).is_none() {
        console!(
            "kernel: pages of 4 KiB are assumed; where it has others, name them in the policy, as in \
             `kernel = \"6.12:64k\"`"
        );
    }
    let sha256 = |data: &[u8]| machine.sha256(data);
    let digest = blob.and_then(|blob| digest_with(blob, &sha256).ok());
    let is_secure = secure_boot::report();
    *DRIVER.lock() = Some(Driver { policy: policy.clone(), digest, is_secure, ..Driver::default() });
    let (served, watched) = (fixup::serve(answer), table::watch(changed));
    // What the firmware can call must stay, so that from here on the driver does.
    let is_resident = served.is_ok() || watched.is_ok();
    for why in served.err().into_iter().chain(watched.err()) {
        match &policy {
            Some(_) => drop(refuse(&why, policy.as_ref())),
            None => console!("{why}: trees that come by this way are not proven"),
        }
    }
    changed();
    if is_resident { Status::SUCCESS } else { Status::UNSUPPORTED }
}

/// Returns the policy for a boot whose command line is another program's: a pool can only be a node.
fn without_line(policy: Policy) -> Policy {
    Policy { cma: policy.cma.map(|cma| CmaWant { via: Via::Node, ..cma }), ..policy }
}

/// Judges what is installed. Called by the firmware, too, for each change of the configuration table.
fn changed() {
    // Locked: this very driver is installing a tree.
    if let Some(driver) = DRIVER.try_lock().as_deref_mut().and_then(Option::as_mut)
        && let Err(why) = driver.changed()
    {
        match driver.on_error() {
            OnError::Continue => stays(&why),
            // Nothing waits for an answer that would go back to the boot manager.
            OnError::BootManager => reset(&why),
            OnError::Halt | OnError::Reset => drop(refuse(&why, driver.policy.as_ref())),
        }
    }
}

/// Says that a tree is not proven and boots all the same.
fn stays(why: &Refusal) {
    console!("device tree: {why}; it stays as it came: the policy says on-error = \"continue\"");
}

/// Answers a loader that asks before it installs a tree.
fn answer(buffer: &mut [u8], flags: Flags) -> core::result::Result<(), Unchanged> {
    let mut driver = DRIVER.try_lock();
    let Some(driver) = driver.as_deref_mut().and_then(Option::as_mut) else {
        return Err(Unchanged::Status(Status::NOT_READY));
    };
    driver.answer(buffer, flags)
}

impl Driver {
    fn on_error(&self) -> OnError {
        self.policy.as_ref().map_or_else(OnError::default, |policy| policy.on_error)
    }

    fn changed(&mut self) -> Result<()> {
        let at = table::address().unwrap_or_default();
        if at == 0 {
            console!("no device tree yet: waiting for one");
            return Ok(());
        }
        let Some(bytes) = table::installed()?.filter(|_| at != self.installed) else { return Ok(()) };
        if self.given == bytes {
            console!("device tree: the proven one is installed at {at:#x}");
            return Ok(());
        }
        console!("device tree: {} bytes at {at:#x} are installed", bytes.len());
        self.given.clear();
        let proven = self.hold(bytes)?;
        if proven == bytes {
            self.installed = at;
            return Ok(());
        }
        let installed = &mut self.installed;
        let at = table::install(&proven, |at| *installed = at)?;
        console!("device tree: the proven one takes its place, at {at}");
        Ok(())
    }

    /// Proves a tree and holds what it protects, instead of what is held of the one before.
    fn hold(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        // The application proves its tree, too, and knows more of the boot: one that needs no repair stays.
        if has_report(bytes) && self.protect(bytes, false)? == bytes {
            return Ok(bytes.to_vec());
        }
        self.protect(bytes, true).inspect_err(|_| {
            // The boot goes on with this tree, if the policy says so: better held than free.
            if let (Ok(tree), Ok(map)) = (Tree::parse(bytes), map::read()) {
                self.held.take_early(&tree, &map);
            }
        })
    }

    fn protect(&mut self, bytes: &[u8], report: bool) -> Result<Vec<u8>> {
        let Self { ref policy, digest, is_secure, ref mut held, .. } = *self;
        let terms = Terms { policy: policy.as_ref(), digest, is_secure, report, ..Terms::default() };
        Ok(enforce::protect(bytes, terms, held)?.proven().dtb().to_vec())
    }

    fn answer(&mut self, buffer: &mut [u8], flags: Flags) -> core::result::Result<(), Unchanged> {
        let len = length(buffer).ok_or(Unchanged::Status(Status::INVALID_PARAMETER))?;
        // Held with or without the flag: who asks is about to install the tree.
        let Some(bytes) = buffer.get(..len).filter(|_| flags.apply) else { return Ok(()) };
        console!("device tree: {len} bytes are about to be installed");
        let proven = match self.hold(bytes) {
            Ok(proven) => proven,
            Err(why) if self.on_error() == OnError::Continue => {
                stays(&why);
                return Ok(());
            }
            Err(why) => return Err(Unchanged::Status(refuse(&why, self.policy.as_ref()))),
        };
        // The caller comes again, with the same tree and more room.
        let place = buffer.get_mut(..proven.len()).ok_or(Unchanged::TooSmall(proven.len()))?;
        place.copy_from_slice(&proven);
        self.given = proven;
        Ok(())
    }
}

/// Tells whether a tree is one that ringfence has written.
fn has_report(bytes: &[u8]) -> bool {
    Tree::parse(bytes).is_ok_and(|tree| tree.find(REPORT).is_some())
}

/// Returns how long the tree in a buffer says that it is; `None` when that is not one, or does not fit.
fn length(buffer: &[u8]) -> Option<usize> {
    let word = |at: usize| buffer.get(at..)?.first_chunk().map(|&bytes| u32::from_be_bytes(bytes));
    let len = word(4)? as usize;
    (word(0)? == MAGIC && len <= buffer.len()).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_holds_a_whole_tree_or_none() {
        let mut buffer = [0u8; 64];
        assert_eq!(length(&buffer), None);
        buffer[..4].copy_from_slice(&MAGIC.to_be_bytes());
        buffer[7] = 48;
        assert_eq!(length(&buffer), Some(48));
        buffer[7] = 65;
        assert_eq!(length(&buffer), None);
        assert_eq!(length(&buffer[..6]), None);
    }

    #[test]
    fn a_pool_of_the_policy_is_a_node() {
        let want = CmaWant { size: 1 << 20, align: None, range: None, via: Via::Bootargs };
        let policy = without_line(Policy { cma: Some(want), ..Policy::default() });
        assert_eq!(policy.cma.map(|cma| cma.via), Some(Via::Node));
    }
}
