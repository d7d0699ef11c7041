//! The generic watchdog of the Server Base System Architecture (DEN 0029; drivers/watchdog/sbsa_gwdt.c). It
//! has two frames of registers, one to control it and one to pet it.

use crate::uart::Hardware;

/// In the frame for control: control and status.
const STATUS: u64 = 0x000;
/// In the frame for petting: any write starts the time anew.
const REFRESH: u64 = 0x000;
/// Bytes of either frame up to the end of the register that is used.
pub(super) const REACH: u64 = 4;

/// STATUS: it runs.
const RUNS: u32 = 1 << 0;

pub(super) fn is_running(control: &impl Hardware) -> bool {
    control.read(STATUS, 4) & RUNS != 0
}

pub(super) fn pet(refresh: &impl Hardware) {
    refresh.write(REFRESH, 4, 0);
}

pub(super) fn stop(control: &impl Hardware) {
    control.write(STATUS, 4, 0);
}
