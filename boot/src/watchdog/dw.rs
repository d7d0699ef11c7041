//! Synopsys DesignWare (drivers/watchdog/dw_wdt.c). Once it runs, only a reset of its block stops it.

use crate::uart::Hardware;

const CONTROL: u64 = 0x00;
const RESTART: u64 = 0x0c;
/// Bytes up to the end of the last of them.
pub(super) const REACH: u64 = RESTART + 4;

/// CONTROL: it runs.
const RUNS: u32 = 1 << 0;
/// RESTART: what starts the counter anew; anything else is ignored.
const KICK: u32 = 0x76;

pub(super) fn is_running(control: &impl Hardware) -> bool {
    control.read(CONTROL, 4) & RUNS != 0
}

pub(super) fn pet(control: &impl Hardware) {
    control.write(RESTART, 4, KICK);
}
