//! Device registers.

use ringfence::span::Span;

/// A device whose registers are mapped.
#[derive(Clone, Copy)]
pub(super) struct Device {
    registers: Span,
}

impl Device {
    /// Take the registers of a device.
    ///
    /// # Safety
    /// The span holds registers of a device that nobody else drives, and is mapped as device memory whenever one
    /// of the methods is called.
    pub(super) const unsafe fn new(registers: Span) -> Self {
        Self { registers }
    }

    /// A reference to the registers as a `tock-registers` structure `R`, or `None` when the span is too short.
    pub(super) fn block<R>(&self) -> Option<&R> {
        if self.registers.len() < size_of::<R>() as u64
            || !self.registers.base().is_multiple_of(align_of::<R>() as u64)
        {
            return None;
        }
        // SAFETY: mapped by the contract of `new`, long enough and aligned; only register cells are in `R`.
        Some(unsafe { &*(self.registers.base() as *const R) })
    }

    /// Read a register of `width` bytes (1 or 4); 0 outside the span.
    pub(super) fn read(&self, offset: u64, width: u32) -> u32 {
        let Some(at) = self.at(offset, width) else { return 0 };
        if width == 4 {
            // SAFETY: an aligned register inside the span, by `at` and the contract of `new`.
            unsafe { (at as *const u32).read_volatile() }
        } else {
            // SAFETY: as above.
            u32::from(unsafe { (at as *const u8).read_volatile() })
        }
    }

    /// Write a register of `width` bytes (1 or 4); nothing outside the span.
    pub(super) fn write(&self, offset: u64, width: u32, value: u32) {
        let Some(at) = self.at(offset, width) else { return };
        if width == 4 {
            // SAFETY: an aligned register inside the span, by `at` and the contract of `new`.
            unsafe { (at as *mut u32).write_volatile(value) }
        } else {
            // SAFETY: as above.
            unsafe { (at as *mut u8).write_volatile(value as u8) }
        }
    }

    fn at(&self, offset: u64, width: u32) -> Option<u64> {
        let at = self.registers.base().checked_add(offset)?;
        let register = Span::new(at, u64::from(width))?;
        (self.registers.covers(register) && at % u64::from(width) == 0).then_some(at)
    }
}
