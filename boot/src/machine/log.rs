//! The human log: one line an event. Lines are kept in memory until the console is known, then replayed.

use super::mmio::Device;
use super::uart::Uart;
use core::fmt::{self, Write};
use ringfence_boot::console::Console;
use spin::Mutex;

/// Bytes kept until there is a console; what does not fit is counted, not written.
const KEPT: usize = 2048;

struct Log {
    kept: [u8; KEPT],
    len: usize,
    lost: usize,
    uart: Option<Uart>,
}

static LOG: Mutex<Log> = Mutex::new(Log { kept: [0; KEPT], len: 0, lost: 0, uart: None });

/// Log one line: `say!("format", arguments…)`.
macro_rules! say {
    ($($argument:tt)*) => {
        $crate::machine::log::line(format_args!($($argument)*))
    };
}

/// Refuse to boot: `refuse!("what; what to do")` logs the line after `HALT` and does what the policy wants.
macro_rules! refuse {
    ($($argument:tt)*) => {
        $crate::machine::power::refuse(format_args!($($argument)*))
    };
}

/// Log one line, prefixed and ended.
pub(super) fn line(arguments: fmt::Arguments<'_>) {
    let mut log = LOG.lock();
    // The writer never fails, and a formatter that does has nobody to tell.
    let _ = writeln!(log, "ringfence: {arguments}");
}

/// Log one line out of a fault, where the lock may be held by what faulted.
pub(super) fn line_in_fault(arguments: fmt::Arguments<'_>) {
    match LOG.try_lock() {
        Some(mut log) => {
            let _ = writeln!(log, "ringfence: {arguments}");
        }
        None => {
            if let Some(mut uart) = EMERGENCY.get().copied() {
                let _ = writeln!(uart, "\nringfence: {arguments}");
            }
        }
    }
}

static EMERGENCY: spin::Once<Uart> = spin::Once::new();

/// Speak on a console from now on, starting with what was kept.
///
/// # Safety
/// The console's registers are mapped as device memory, in every map from now on.
pub(super) unsafe fn start(console: Console) {
    // SAFETY: by this function's contract; the stage is alone on the machine.
    let uart = Uart::new(unsafe { Device::new(console.registers) }, console);
    EMERGENCY.call_once(|| uart);
    let mut log = LOG.lock();
    log.uart = Some(uart);
    for at in 0..log.len {
        if let Some(&byte) = log.kept.get(at) {
            put(&uart, byte);
        }
    }
    if log.lost > 0 {
        let lost = log.lost;
        let _ = writeln!(log, "ringfence: {lost} bytes of log were lost before the console was known");
    }
}

/// Write the structured log to memory, where a dump or the next kernel finds it.
pub(super) fn seal() {
    if let Some(ring) = super::structured::span() {
        super::asm::clean_span(ring);
    }
}

/// Wait until everything has been sent.
pub(super) fn flush() {
    if let Some(uart) = EMERGENCY.get() {
        uart.flush();
    }
}

fn put(uart: &Uart, byte: u8) {
    if byte == b'\n' {
        uart.put(b'\r');
    }
    uart.put(byte);
}

impl Write for Log {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if let Some(uart) = &self.uart {
                put(uart, byte);
            } else if let Some(place) = self.kept.get_mut(self.len) {
                *place = byte;
                self.len += 1;
            } else {
                self.lost += 1;
            }
        }
        Ok(())
    }
}

impl Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| put(self, byte));
        Ok(())
    }
}
