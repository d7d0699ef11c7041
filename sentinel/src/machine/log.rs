//! Reports: into the ring, and where the policy wants it onto the UART, to which Linux may be writing, too.

use super::sys;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use ringfence_sentinel::abi::{Config, Cpu, Hole, Uart};
use ringfence_sentinel::inject;
use ringfence_sentinel::report::{Event, Kind, Out};

/// Reported in any case; of those that follow, a few a second.
const FIRST: u64 = 32;
const PER_SECOND: u64 = 8;
/// How often a UART is asked before a byte is given up: Linux may have stopped its clock.
const PATIENCE: u32 = 100_000;

/// What is to be reported; the rest of the event is in registers.
pub(super) struct Report {
    pub(super) kind: Kind,
    pub(super) esr: u64,
    pub(super) hole: Option<u16>,
    pub(super) address: u64,
    /// Whether it is reported however much there was: the board stops.
    pub(super) urgent: bool,
}

/// Reports an event, unless there were too many.
pub(super) fn report(config: &Config, report: &Report, me: &Cpu) {
    let now = sys::counter::get();
    let ring = sys::ring(config);
    ring.show_counts(&config.counts);
    if !report.urgent && !is_due(config, ring.count(), now) {
        config.dropped.fetch_add(1, Relaxed);
        return;
    }
    let event = Event {
        kind: report.kind,
        level: u8::from(!inject::is_user(sys::spsr_el2::get())),
        hole: report.hole,
        time: now,
        cpu: me.mpidr,
        address: report.address,
        pc: sys::elr_el2::get(),
        virtual_address: sys::far_el2::get(),
        esr: report.esr,
        dropped: config.dropped.swap(0, Relaxed),
    };
    ring.add(&event);
    sys::clean_ring(config);
    if config.uart.status != 0 {
        let hole = report.hole.and_then(|index| config.hole.get(usize::from(index)));
        let mut line = Line::new(config);
        event.write(hole.and_then(name), &mut line);
    }
}

/// Copies the counts to where Linux, or the stage after a reset, reads them.
pub(super) fn show_counts(config: &Config) {
    sys::ring(config).show_counts(&config.counts);
}

fn is_due(config: &Config, reported: u64, now: u64) -> bool {
    let pause = sys::frequency::get() / PER_SECOND;
    let last = config.last_report.load(Relaxed);
    if reported >= FIRST && now.wrapping_sub(last) < pause {
        return false;
    }
    config.last_report.store(now, Relaxed);
    true
}

fn name(hole: &Hole) -> Option<&str> {
    let name = hole.name.split(|byte| *byte == 0).next()?;
    core::str::from_utf8(name).ok()
}

/// A line on the UART.
struct Line<'a> {
    config: &'a Config,
    uart: &'a Uart,
}

impl<'a> Line<'a> {
    fn new(config: &'a Config) -> Self {
        for _ in 0..PATIENCE * 10 {
            if config.lock.compare_exchange(0, 1, Acquire, Relaxed).is_ok() {
                break;
            }
        }
        let mut line = Self { config, uart: &config.uart };
        line.text("\r\nringfence: ");
        line
    }
}

impl Out for Line<'_> {
    fn byte(&mut self, byte: u8) {
        let uart = self.uart;
        for _ in 0..PATIENCE {
            if u64::from(sys::read_device(uart.status, uart.width)) & uart.mask == uart.ready {
                break;
            }
        }
        sys::write_device(uart.data, uart.width, byte);
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.text("\r\n");
        self.config.lock.store(0, Release);
    }
}
