//! The structured log: `defmt` frames into the ring (see `ringfence_boot::ring` for its form).

use super::asm::Symbols;
use super::{clock, memory};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};
use ringfence::span::Span;
use ringfence_boot::ring::Ring;

struct State {
    encoder: defmt::Encoder,
    ring: Option<Ring<'static>>,
}

/// State that only the holder of `TAKEN` touches.
struct Shared(UnsafeCell<State>);

// SAFETY: every access is between taking and releasing `TAKEN`.
unsafe impl Sync for Shared {}

static STATE: Shared = Shared(UnsafeCell::new(State { encoder: defmt::Encoder::new(), ring: None }));
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Frames inside a frame, which only a fault while logging can cause: dropped.
static NESTED: AtomicBool = AtomicBool::new(false);

/// Starts the log in its memory; frames before that are dropped.
pub(super) fn start(memory: &'static mut [u8]) {
    let ring = Ring::new(memory, memory::build_id());
    locked(|state| state.ring = ring);
}

/// Ends the log, and returns its memory.
pub(super) fn finish() -> Option<&'static [u8]> {
    locked(|state| state.ring.take()).flatten().map(Ring::into_bytes)
}

/// Returns where the ring is.
pub(super) fn span() -> Option<Span> {
    let symbols = Symbols::get();
    Span::from_ends(symbols.ring_begin, symbols.ring_end)
}

/// Uses the state, unless a frame is being written.
fn locked<R>(use_it: impl FnOnce(&mut State) -> R) -> Option<R> {
    if TAKEN.swap(true, Ordering::Acquire) {
        return None;
    }
    let result = with_state(use_it);
    TAKEN.store(false, Ordering::Release);
    Some(result)
}

/// Uses the state; the caller holds `TAKEN`.
fn with_state<R>(use_it: impl FnOnce(&mut State) -> R) -> R {
    // SAFETY: one core, and `TAKEN` keeps a nested caller out, so this is the only reference.
    use_it(unsafe { &mut *STATE.0.get() })
}

fn write(ring: &mut Option<Ring<'static>>, bytes: &[u8]) {
    if let Some(ring) = ring {
        ring.write(bytes);
    }
}

#[defmt::global_logger]
struct Logger;

// SAFETY: frames never interleave: `TAKEN` is held from acquire to release, and a nested frame is dropped.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        if TAKEN.swap(true, Ordering::Acquire) {
            NESTED.store(true, Ordering::Relaxed);
            return;
        }
        with_state(|State { encoder, ring }| encoder.start_frame(|bytes| write(ring, bytes)));
    }

    unsafe fn flush() {}

    unsafe fn release() {
        if NESTED.swap(false, Ordering::Relaxed) {
            return;
        }
        with_state(|State { encoder, ring }| encoder.end_frame(|bytes| write(ring, bytes)));
        TAKEN.store(false, Ordering::Release);
    }

    unsafe fn write(bytes: &[u8]) {
        if NESTED.load(Ordering::Relaxed) {
            return;
        }
        with_state(|State { encoder, ring }| encoder.write(bytes, |bytes| write(ring, bytes)));
    }
}

defmt::timestamp!("{=u64:us}", clock::microseconds());
