//! The firmware's own translation tables, where it lets others change them
//! (`EFI_MEMORY_ATTRIBUTE_PROTOCOL`, UEFI 2.10, 7.9).

use ringfence::span::Span;
use uefi::Status;
use uefi::boot::{self, OpenProtocolAttributes, OpenProtocolParams};
use uefi::mem::memory_map::MemoryAttribute;
use uefi::proto::security::MemoryProtection;

/// Asks the firmware to let nothing read a span of whole pages.
///
/// # Errors
/// The firmware's status; `NOT_FOUND` where it has no such protocol.
pub(crate) fn unmap(span: Span) -> Result<(), Status> {
    let handle = boot::get_handle_for_protocol::<MemoryProtection>().map_err(|why| why.status())?;
    let params = OpenProtocolParams { handle, agent: boot::image_handle(), controller: None };
    // SAFETY: the firmware's protocol, used at once and by this thread alone.
    let protocol =
        unsafe { boot::open_protocol::<MemoryProtection>(params, OpenProtocolAttributes::GetProtocol) };
    let protocol = protocol.map_err(|why| why.status())?;
    let protect = MemoryAttribute::READ_PROTECT;
    protocol.set_memory_attributes(span.base()..span.end(), protect).map_err(|why| why.status())
}

/// Tells whether the processor could read an address now, without reading it.
pub(crate) fn is_mapped(address: u64) -> bool {
    #[cfg(target_arch = "aarch64")]
    {
        let result: u64;
        // SAFETY: an address translation writes PAR_EL1 alone, in which nothing is kept between instructions;
        // the level is the one that runs.
        unsafe {
            if super::level::current() == 2 {
                core::arch::asm!("at s1e2r, {1}", "isb", "mrs {0}, par_el1",
                    out(reg) result, in(reg) address, options(nostack, preserves_flags));
            } else {
                core::arch::asm!("at s1e1r, {1}", "isb", "mrs {0}, par_el1",
                    out(reg) result, in(reg) address, options(nostack, preserves_flags));
            }
        }
        // PAR_EL1.F: the translation failed.
        result & 1 == 0
    }
    #[cfg(not(target_arch = "aarch64"))]
    {
        let _ = address;
        true
    }
}
