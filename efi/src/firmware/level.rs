//! The exception level that the firmware runs at, which is the kernel's, too.

/// Returns 1 or 2.
pub(crate) fn current() -> u64 {
    #[cfg(target_arch = "aarch64")]
    {
        let level: u64;
        // SAFETY: every level above EL0 may read its own number.
        unsafe {
            core::arch::asm!("mrs {0}, CurrentEL", out(reg) level, options(nomem, nostack, preserves_flags))
        };
        level >> 2 & 3
    }
    #[cfg(not(target_arch = "aarch64"))]
    1
}
