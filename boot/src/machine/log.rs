//! The human log: one line an event. Lines are kept in memory until the console is known, then replayed.

use super::mmio::Device;
use super::uart::Uart;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use ringfence_boot::console::Console;
use spin::Mutex;

/// Bytes kept until there is a console; what does not fit is counted, not written.
const KEPT: usize = 2048;

/// What was said before there was a console.
struct Kept {
    text: [u8; KEPT],
    len: usize,
    lost: usize,
}

struct Log {
    uart: Option<Uart>,
    /// Everything from the first line on, when it is to outlive the stage.
    record: Vec<u8>,
}

/// Bytes of record at most; what is said beyond is not in it.
const RECORD: usize = 32 << 10;

static LOG: Mutex<Log> = Mutex::new(Log { uart: None, record: Vec::new() });
/// Apart from the rest because it is all zero at first, and so takes no room in the image.
static KEPT_TEXT: Mutex<Kept> = Mutex::new(Kept { text: [0; KEPT], len: 0, lost: 0 });

/// Log one line: `console!("format", arguments…)`.
macro_rules! console {
    ($($argument:tt)*) => {
        $crate::machine::log::line(format_args!($($argument)*))
    };
}

/// Refuse to boot: `halt!("what; what to do")` logs the line after `HALT` and does what the policy wants.
macro_rules! halt {
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
    uart.prepare();
    EMERGENCY.call_once(|| uart);
    let mut log = LOG.lock();
    log.uart = Some(uart);
    let kept = KEPT_TEXT.lock();
    uart.write(kept.text.get(..kept.len).unwrap_or_default());
    if kept.lost > 0 {
        let lost = kept.lost;
        let _ = writeln!(log, "ringfence: {lost} bytes of log were lost before the console was known");
    }
}

/// Keep a record from now on, starting with what was kept until there was a console.
pub(super) fn record() {
    let mut log = LOG.lock();
    // All of its room at once: a line that is logged must not ask for memory.
    log.record = Vec::with_capacity(RECORD);
    let kept = KEPT_TEXT.lock();
    log.note(kept.text.get(..kept.len).unwrap_or_default());
}

/// Use what was recorded.
pub(super) fn with_record(use_it: impl FnOnce(&[u8])) {
    use_it(&LOG.lock().record);
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

impl Log {
    fn note(&mut self, text: &[u8]) {
        let room = self.record.capacity() - self.record.len();
        self.record.extend_from_slice(text.get(..text.len().min(room)).unwrap_or_default());
    }
}

impl Write for Log {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.note(text.as_bytes());
        if let Some(uart) = &self.uart {
            uart.write(text.as_bytes());
            return Ok(());
        }
        let mut guard = KEPT_TEXT.lock();
        let kept = &mut *guard;
        let room = kept.text.get_mut(kept.len..).unwrap_or_default();
        let fits = text.len().min(room.len());
        for (to, from) in room.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        kept.len += fits;
        kept.lost += text.len() - fits;
        Ok(())
    }
}

impl Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write(text.as_bytes());
        Ok(())
    }
}
