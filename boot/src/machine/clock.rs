//! The time, from the counter that all Armv8-A processors have.

use aarch64_cpu::registers::{CNTFRQ_EL0, CNTVCT_EL0, Readable};

/// Ticks a second where no firmware has stated it: the most that any system has (DDI 0487, D12.1.2). Time
/// then seems to pass more slowly than it does.
const MAX_HERTZ: u64 = 1_000_000_000;

/// Returns the time since the counter started, in microseconds. The virtual counter is the one that no
/// hypervisor traps at EL1.
pub(super) fn microseconds() -> u64 {
    const MILLION: u64 = 1_000_000;
    let hertz = match CNTFRQ_EL0.get() {
        0 => MAX_HERTZ,
        hertz => hertz,
    };
    let ticks = CNTVCT_EL0.get();
    (ticks / hertz).wrapping_mul(MILLION).wrapping_add((ticks % hertz).wrapping_mul(MILLION) / hertz)
}
