//! Device registers.

use super::clock;
use ringfence_boot::paging::PAGE;
use ringfence_boot::uart::Hardware;

/// A device whose registers are in one page.
#[derive(Clone, Copy)]
pub(super) struct Device {
    base: u64,
}

impl Device {
    /// Takes a device by the address of its first register.
    ///
    /// # Safety
    /// The page of `base` holds nothing but registers that only the stage uses, and is mapped as device
    /// memory whenever one of the methods is called.
    pub(super) const unsafe fn new(base: u64) -> Self {
        Self { base }
    }

    /// Returns the address of a register. It is aligned and in the page whatever is asked for: what would be
    /// beyond wraps around.
    #[inline(always)]
    const fn at(self, offset: u64, width: u32) -> u64 {
        let in_page = self.base.wrapping_add(offset) & (PAGE - 1) & !(width as u64).wrapping_sub(1);
        self.base & !(PAGE - 1) | in_page
    }
}

impl Hardware for Device {
    #[inline(always)]
    fn read(&self, offset: u64, width: u32) -> u32 {
        let at = self.at(offset, width);
        match width {
            // SAFETY: an aligned register in the device's page, by `at` and the contract of `new`.
            4 => unsafe { (at as *const u32).read_volatile() },
            // SAFETY: as above.
            2 => u32::from(unsafe { (at as *const u16).read_volatile() }),
            // SAFETY: as above.
            _ => u32::from(unsafe { (at as *const u8).read_volatile() }),
        }
    }

    #[inline(always)]
    fn write(&self, offset: u64, width: u32, value: u32) {
        let at = self.at(offset, width);
        match width {
            // SAFETY: an aligned register in the device's page, by `at` and the contract of `new`.
            4 => unsafe { (at as *mut u32).write_volatile(value) },
            // SAFETY: as above.
            2 => unsafe { (at as *mut u16).write_volatile(value as u16) },
            // SAFETY: as above.
            _ => unsafe { (at as *mut u8).write_volatile(value as u8) },
        }
    }

    fn microseconds(&self) -> u64 {
        clock::microseconds()
    }
}
