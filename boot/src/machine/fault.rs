//! What ends the stage: an unexpected exception, or a panic.

use super::{log, power};
use alloc::string::String;
use alloc::vec::Vec;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};
use ringfence::span::Span;
use ringfence_boot::esr::Esr;
use ringfence_boot::layout::Layout;
use spin::{Mutex, Once};

/// Spans with a name, to report what a bad access hit.
static CARVEOUTS: Once<Vec<(Span, String)>> = Once::new();
static LAYOUT: Once<Layout> = Once::new();
static IN_FAULT: AtomicBool = AtomicBool::new(false);

/// What was done last that a bus or a device can answer with an SError, which comes some time later: a phrase
/// that follows "after", and the address.
static LAST_STEP: Mutex<(&str, u64)> = Mutex::new(("entry", 0));

/// Remembers what is done now.
pub(super) fn begin(step: &'static str, at: u64) {
    *LAST_STEP.lock() = (step, at);
}

/// Returns what was done last, and where.
pub(super) fn last_step() -> (&'static str, u64) {
    LAST_STEP.try_lock().map_or(("entry", 0), |step| *step)
}

/// Remembers where the stage's own parts are.
pub(super) fn know_layout(layout: Layout) {
    LAYOUT.call_once(|| layout);
}

/// Remembers the carveouts by name.
pub(super) fn know_carveouts(carveouts: Vec<(Span, String)>) {
    CARVEOUTS.call_once(|| carveouts);
}

/// Reports an exception and stops. Called by `asm/vectors.S` on the fault stack.
#[unsafe(no_mangle)]
extern "C" fn stage_fault(kind: u64, esr: u64, far: u64, pc: u64, sp: u64, lr: u64) -> ! {
    if power::is_stopping() {
        // The firmware has no such call.
        power::rest();
    }
    if IN_FAULT.swap(true, Ordering::Relaxed) {
        // The report itself faulted: the console is not to be touched again.
        power::stop_silently();
    }
    log::give_up_console_at(far);
    let esr = Esr(esr);
    let base = LAYOUT.get().map_or(0, |layout| layout.base);
    let offset = pc.wrapping_sub(base);
    if !esr.has_address() {
        if kind % 4 == SERROR {
            serror(esr, pc, offset);
        }
        let what = ["synchronous exception", "interrupt", "fast interrupt"];
        let what = what.get((kind % 4) as usize).copied().unwrap_or("exception");
        log::line_in_fault(format_args!(
            "HALT {what} at PC {pc:#x} (image + {offset:#x}), LR {lr:#x}, SP {sp:#x} ({esr}); this is a \
             defect of the stage or of the machine, please report it"
        ));
        power::stop();
    }
    let owner = CARVEOUTS.get().and_then(|all| all.iter().find(|(span, _)| span.contains(far)));
    match owner {
        Some((_, name)) => log::line_in_fault(format_args!(
            "HALT access to carveout {name} at {far:#x}, PC {pc:#x} (image + {offset:#x}) ({esr}); nothing \
             may touch it: this is a defect of the stage, please report it"
        )),
        None if LAYOUT.get().is_some_and(|l| (l.guard..l.stack_bottom).contains(&far)) => {
            log::line_in_fault(format_args!(
                "HALT stack overflow: guard page hit at {far:#x}, PC {pc:#x} (image + {offset:#x}) ({esr}); \
                 this is a defect of the stage, please report it"
            ));
        }
        None => log::line_in_fault(format_args!(
            "HALT stray access to {far:#x}, PC {pc:#x} (image + {offset:#x}), LR {lr:#x} ({esr}); look for \
             what gave this address"
        )),
    }
    power::stop()
}

/// Number of the SError among the four kinds of exceptions.
const SERROR: u64 = 3;

/// Reports an SError and stops.
fn serror(esr: Esr, pc: u64, offset: u64) -> ! {
    let (step, at) = last_step();
    log::give_up_console_at(at);
    log::line_in_fault(format_args!(
        "HALT SError after {step} at {at:#x}, PC {pc:#x} (image + {offset:#x}) ({esr}); look for what gave \
         this address, or for a device that the loader left running"
    ));
    power::stop()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    super::efi::panicked(info);
    if IN_FAULT.swap(true, Ordering::Relaxed) {
        power::stop_silently();
    }
    match info.location() {
        Some(at) => {
            log::line_in_fault(format_args!("HALT panic at {at}: {}; please report it", info.message()))
        }
        None => log::line_in_fault(format_args!("HALT panic: {}; please report it", info.message())),
    }
    power::stop()
}
