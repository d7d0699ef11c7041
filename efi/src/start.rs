//! The hand-off: installs the tree, offers the initrd, and starts the kernel's EFI stub.

use crate::firmware::kernel::LoadedKernel;
use crate::firmware::{initrd, level, table};
use crate::hold::{self, Held};
use crate::payload::Payload;
use crate::refusal::{Refusal, Result, refusal};
use alloc::string::String;
use ringfence::efi::one_line;
use ringfence::span::Span;

/// Starts the kernel with a tree whose memory is held. Returns only what went wrong.
pub(crate) fn start(held: &Held, payload: &Payload) -> Refusal {
    match prepare(held, payload) {
        Ok((kernel, line)) => kernel.start(&line),
        Err(why) => why,
    }
}

fn prepare(held: &Held, payload: &Payload) -> Result<(LoadedKernel, String)> {
    let chosen = &held.proven().map().chosen;
    let line = one_line(chosen.bootargs.as_deref().unwrap_or_default()).collect();
    let line =
        String::from_utf8(line).map_err(|_| refusal!("the command line is not text; write it anew"))?;
    hold::renew(held)?;
    let dtb = table::install(held.proven().dtb(), drop)?;
    // Without an initrd of its own, a bundle in the initrd's place must not be taken for one.
    match payload.initrd {
        Some(bytes) => initrd::offer(bytes)?,
        None if payload.slot.is_some() && initrd::is_offered() => initrd::offer(&[])?,
        None => {}
    }
    let kernel = LoadedKernel::load(payload.kernel)?;
    check(held, &kernel, dtb)?;
    let initrd = match (payload.initrd.is_some() || initrd::is_offered(), chosen.initrd) {
        (true, _) => "by LoadFile2".into(),
        (false, Some(span)) => alloc::format!("{:#x}", span.base()),
        (false, None) => "0x0".into(),
    };
    let at = kernel.span.base();
    console!("hand-off: kernel {at:#x} dtb {:#x} initrd {initrd} EL{}", dtb.base(), level::current());
    Ok((kernel, line))
}

/// Checks once more, with the kernel loaded, that it is in no carveout and that the tree in the table is
/// the proven one.
fn check(held: &Held, kernel: &LoadedKernel, dtb: Span) -> Result<()> {
    if let Some((_, name)) = held.proven().carveouts().find(|(carveout, _)| carveout.overlaps(kernel.span)) {
        return Err(refusal!(
            "the firmware has loaded the kernel to {}, over the carveout {name}",
            kernel.span
        ));
    }
    hold::renew(held)?;
    match table::address() {
        Some(at) if at == dtb.base() => Ok(()),
        _ => Err(refusal!(
            "another device tree has been put into the configuration table; look for the driver that did"
        )),
    }
}
