//! Arm SP805 (DDI 0270; drivers/watchdog/sp805_wdt.c).

use crate::uart::Hardware;

const LOAD: u64 = 0x000;
const CONTROL: u64 = 0x008;
const CLEAR: u64 = 0x00c;
const LOCK: u64 = 0xc00;
/// Bytes up to the end of the last of them.
pub(super) const REACH: u64 = LOCK + 4;

/// CONTROL: the counter runs, and resets the board when it comes to 0 for the second time.
const RUNS: u32 = 1 << 0;
const RESETS: u32 = 1 << 1;
/// LOCK: what opens the other registers for writing. Anything else closes them.
const OPEN: u32 = 0x1acc_e551;
const CLOSED: u32 = 1;

pub(super) fn is_running(control: &impl Hardware) -> bool {
    control.read(CONTROL, 4) & (RUNS | RESETS) == RUNS | RESETS
}

/// Writes what it counts from, which it then starts from, and takes back the first of the two times.
pub(super) fn pet(control: &impl Hardware) {
    let load = control.read(LOAD, 4);
    opened(control, || {
        control.write(LOAD, 4, load);
        control.write(CLEAR, 4, 1);
    });
}

pub(super) fn stop(control: &impl Hardware) {
    opened(control, || control.write(CONTROL, 4, 0));
}

/// Writes to registers, and closes them again.
fn opened(control: &impl Hardware, write: impl FnOnce()) {
    control.write(LOCK, 4, OPEN);
    write();
    control.write(LOCK, 4, CLOSED);
    // The write has arrived when it can be read.
    control.read(LOCK, 4);
}
