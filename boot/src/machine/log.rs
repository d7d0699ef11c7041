//! The human log: one line an event.
//!
//! A line is put together in memory and then sent. Until the console is known, and again once it has stopped
//! taking bytes, lines stay in memory.

use super::fault;
use super::mmio::Device;
use alloc::vec;
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, Ordering};
use ringfence::policy::{ConsoleEvidence, Policy};
use ringfence::span::Span;
use ringfence_boot::console::{Console, Source};
use ringfence_boot::uart::TimedOut;
use spin::{Mutex, Once};

/// Bytes kept in memory; what does not fit is counted, not written.
const KEPT: usize = 2048;

/// The last lines, and the record of all of them. All zero at first, so that it takes no room in the image.
struct Log {
    /// The last lines, with the line ends of a terminal.
    text: [u8; KEPT],
    len: usize,
    /// Bytes at the start of the text that have been sent, and stay until their room is needed.
    sent: usize,
    /// Bytes that found no room.
    lost: usize,
    /// Everything from the first line on, when it is to outlive the stage.
    record: Option<&'static mut [u8]>,
    record_len: usize,
}

/// Bytes of record at most; what is logged beyond is not in it.
const RECORD: usize = 32 << 10;

/// What starts every line.
const PREFIX: &str = "ringfence: ";
/// What ends a line on a terminal.
const LINE_END: &str = "\r\n";

static LOG: Mutex<Log> =
    Mutex::new(Log { text: [0; KEPT], len: 0, sent: 0, lost: 0, record: None, record_len: 0 });
static PORT: Once<Port> = Once::new();
/// The console that was found, until it is known whether the policy lets the stage touch it.
static HELD: Mutex<Option<(Console, Source)>> = Mutex::new(None);
/// The console that a refusal is also sent to, and alone where no other is known.
static FALLBACK: Mutex<Option<Console>> = Mutex::new(None);
/// Set once the console has not taken a byte in time: it is not asked again.
static IS_DEAD: AtomicBool = AtomicBool::new(false);

/// Logs one line: `console!("format", arguments…)`.
macro_rules! console {
    ($($argument:tt)*) => {
        $crate::machine::log::line(format_args!($($argument)*))
    };
}

/// Refuses to boot: `halt!("what; what to do")` logs the line after `HALT` and does what the policy asks for.
macro_rules! halt {
    ($($argument:tt)*) => {
        $crate::machine::power::refuse(format_args!($($argument)*))
    };
}

/// Logs one line, prefixed and ended.
pub(super) fn line(arguments: fmt::Arguments<'_>) {
    LOG.lock().line(arguments);
}

/// Logs one line out of a fault, where what faulted may hold the lock.
pub(super) fn line_in_fault(arguments: fmt::Arguments<'_>) {
    need_console();
    match LOG.try_lock() {
        Some(mut log) => log.line(arguments),
        None => {
            if let Some(mut port) = port() {
                // The port never fails, and a formatter that does has nowhere to report it.
                let _ = write!(port, "{LINE_END}{PREFIX}{arguments}{LINE_END}");
            }
        }
    }
    tell_fallback(arguments);
}

/// Sends lines to a console from now on, starting with those that were kept.
///
/// # Safety
/// The pages of the console's registers are mapped as device memory in every map from now on.
pub(super) unsafe fn start(console: Console) {
    fault::begin("opening the console", console.base);
    // SAFETY: by this function's contract.
    unsafe { connect(console) };
    LOG.lock().catch_up();
}

/// Opens a console, to which lines are sent from now on.
///
/// # Safety
/// As for [`start`].
unsafe fn connect(console: Console) {
    // SAFETY: by this function's contract; the stage is alone on the machine.
    let device = unsafe { Device::new(console.base) };
    console.open(&device);
    PORT.call_once(|| Port { device, console });
}

/// Keeps a console for [`start_held`], and for a refusal before that.
///
/// # Safety
/// As for [`start`].
pub(super) unsafe fn hold(console: (Console, Source)) {
    *HELD.lock() = Some(console);
}

/// Starts the console that is held, unless the policy wants more evidence that it has a clock.
pub(super) fn start_held(policy: Option<&Policy>) {
    let Some((console, source)) = HELD.lock().take() else { return };
    let is_strict = policy.is_some_and(|policy| policy.console == ConsoleEvidence::Earlycon);
    if !is_strict || source.is_address() {
        // SAFETY: by the contract of `hold`.
        unsafe { start(console) };
    }
}

/// Returns whether lines are sent to a console.
pub(super) fn is_started() -> bool {
    PORT.get().is_some()
}

/// Names the console that a refusal is also sent to; `None` when it may be used no longer.
///
/// # Safety
/// The pages of its registers are mapped as device memory in every map until this is called again.
pub(super) unsafe fn fall_back_to(console: Option<Console>) {
    *FALLBACK.lock() = console;
}

/// Takes the console that is held or the fallback, unless another one is known, and sends what was kept.
pub(super) fn need_console() {
    let held = || Some(HELD.try_lock()?.take()?.0);
    if PORT.get().is_none()
        && let Some(console) = held().or_else(|| FALLBACK.try_lock().and_then(|fallback| *fallback))
    {
        // SAFETY: by the contract of `hold` or `fall_back_to`.
        unsafe { connect(console) };
        if let Some(mut log) = LOG.try_lock() {
            log.catch_up();
        }
    }
}

/// Sends a line to the fallback console, where that is another than the one in use: what a tree calls a
/// console may be none.
pub(super) fn tell_fallback(arguments: fmt::Arguments<'_>) {
    let Some(console) = FALLBACK.try_lock().and_then(|fallback| *fallback) else { return };
    if port().is_some_and(|port| port.console.base == console.base) {
        return;
    }
    // SAFETY: by the contract of `fall_back_to`; the stage is alone on the machine.
    let device = unsafe { Device::new(console.base) };
    console.open(&device);
    // The one in use may have been given up in the middle of a line. A formatter that fails has nowhere to
    // report it.
    let _ = write!(Fallback { device, console }, "{LINE_END}{PREFIX}{arguments}{LINE_END}");
    let _ = console.flush(&device);
}

/// Gives the console up if `address` is one of its registers: what was written there has faulted.
pub(super) fn give_up_console_at(address: u64) {
    if PORT.get().and_then(|port| port.console.pages()).is_some_and(|pages| pages.contains(address)) {
        IS_DEAD.store(true, Ordering::Relaxed);
    }
}

/// Gives the console up where one of its pages is in one of `holes`, which the next map leaves out.
pub(super) fn leave(holes: &[Span]) {
    let pages = port().and_then(|port| port.console.pages());
    let hole = pages.and_then(|pages| holes.iter().find(|hole| hole.overlaps(pages)));
    if let Some(hole) = hole {
        line(format_args!("the console is in the carveout {hole}; the log goes on in memory"));
        flush();
        IS_DEAD.store(true, Ordering::Relaxed);
    }
}

/// Keeps a record from now on, starting with what was logged before.
pub(super) fn record() {
    let mut log = LOG.lock();
    // All of its room at once: a line that is logged must not ask for memory.
    let mut room = vec![0; RECORD];
    let mut len = 0;
    let kept = log.text.get(..log.len).unwrap_or_default();
    for (to, &byte) in room.iter_mut().zip(kept.iter().filter(|&&byte| byte != b'\r')) {
        *to = byte;
        len += 1;
    }
    log.record = Some(room.leak());
    log.record_len = len;
}

/// Passes the record to `use_it`.
pub(super) fn with_record(use_it: impl FnOnce(&[u8])) {
    let log = LOG.lock();
    use_it(log.record.as_ref().and_then(|record| record.get(..log.record_len)).unwrap_or_default());
}

/// Writes the structured log to memory, where a dump or the next kernel finds it.
pub(super) fn seal() {
    if let Some(ring) = super::structured::span() {
        super::asm::clean_span(ring);
    }
}

/// Waits until everything has been sent.
pub(super) fn flush() {
    if let Some(port) = port() {
        port.attempt(|| port.console.flush(&port.device));
    }
}

/// Returns the console, while it takes bytes.
fn port() -> Option<Port> {
    PORT.get().copied().filter(|_| !IS_DEAD.load(Ordering::Relaxed))
}

impl Log {
    fn line(&mut self, arguments: fmt::Arguments<'_>) {
        // The log never fails, and a formatter that does has nowhere to report it.
        let _ = self.write_str(PREFIX);
        let _ = self.write_fmt(arguments);
        self.note(b"\n");
        self.keep(LINE_END.as_bytes());
        self.send();
    }

    /// Adds text to the record.
    fn note(&mut self, text: &[u8]) {
        let Some(room) = self.record.as_mut().and_then(|record| record.get_mut(self.record_len..)) else {
            return;
        };
        let len = text.len().min(room.len());
        room.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        self.record_len += len;
    }

    /// Adds text to what is to be sent.
    fn keep(&mut self, text: &[u8]) {
        match self.text.get_mut(self.len..self.len + text.len()) {
            Some(room) => {
                room.copy_from_slice(text);
                self.len += text.len();
            }
            None => self.make_room_for(text),
        }
    }

    #[cold]
    fn make_room_for(&mut self, text: &[u8]) {
        self.send();
        self.text.copy_within(self.sent..self.len, 0);
        self.len -= self.sent;
        self.sent = 0;
        let (fits, rest) = text.split_at(text.len().min(KEPT - self.len));
        self.keep(fits);
        self.lost += rest.len();
    }

    /// Sends what was kept before there was a console, and says so where that ends in the middle of a line.
    fn catch_up(&mut self) {
        self.send();
        if self.lost > 0 {
            let lost = self.lost;
            self.keep(LINE_END.as_bytes());
            self.line(format_args!("{lost} bytes of log were lost before the console was known"));
        }
    }

    fn send(&mut self) {
        let Some(port) = port() else { return };
        let unsent = self.text.get(self.sent..self.len).unwrap_or_default();
        if port.attempt(|| port.console.write(&port.device, unsent)) {
            self.sent = self.len;
            return;
        }
        let base = port.console.base;
        self.line(format_args!("the UART at {base:#x} takes no bytes; the log goes on in memory"));
        defmt::error!("console at {=u64:#x} takes no bytes", base);
    }
}

impl Write for Log {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.note(text.as_bytes());
        self.keep(text.as_bytes());
        Ok(())
    }
}

/// A console with its registers.
#[derive(Clone, Copy)]
struct Port {
    device: Device,
    console: Console,
}

/// A console that takes what it can, and is not asked whether it did.
struct Fallback {
    device: Device,
    console: Console,
}

impl Write for Fallback {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.console.write(&self.device, text.as_bytes()).map_err(|TimedOut| fmt::Error)
    }
}

impl Port {
    /// Uses the UART, which is dead from the first time that it does not get ready. Returns whether it was
    /// ready.
    fn attempt(&self, use_it: impl FnOnce() -> Result<(), TimedOut>) -> bool {
        let is_ready = use_it().is_ok();
        if !is_ready {
            IS_DEAD.store(true, Ordering::Relaxed);
        }
        is_ready
    }
}

impl Write for Port {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if port().is_some() {
            self.attempt(|| self.console.write(&self.device, text.as_bytes()));
        }
        Ok(())
    }
}
