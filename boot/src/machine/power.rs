//! Off, reset, or nothing: how the stage stops.

use super::{asm, log};
use core::fmt;
use core::sync::atomic::{AtomicU8, Ordering};
use ringfence::psci::Conduit;
use smccc::{Hvc, Smc, psci};

/// What to do when the boot is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Action {
    /// Power the board off.
    Off = 0,
    /// Reset the board.
    Reset = 1,
}

static ACTION: AtomicU8 = AtomicU8::new(Action::Off as u8);
/// 0 nothing known, 1 `hvc`, 2 `smc`.
static CONDUIT: AtomicU8 = AtomicU8::new(0);
/// Set with the first attempt: a firmware call that faults must not be made again.
static STOPPING: AtomicU8 = AtomicU8::new(0);

/// Chooses what [`stop`] does.
pub(super) fn on_refusal(action: Action) {
    ACTION.store(action as u8, Ordering::Relaxed);
}

/// Calls the firmware in this way from now on.
pub(super) fn use_conduit(conduit: Option<Conduit>) {
    let number = match conduit {
        None => 0,
        Some(Conduit::Hvc) => 1,
        Some(Conduit::Smc) => 2,
    };
    CONDUIT.store(number, Ordering::Relaxed);
}

/// Guesses the conduit while no tree has named it: what is above EL2 is a monitor, above EL1 a hypervisor.
/// Where nothing is above, the call is an undefined instruction, which the fault handler takes to the
/// waiting loop.
pub(super) fn guess_conduit(el: u64) {
    use_conduit(Some(if el == 2 { Conduit::Smc } else { Conduit::Hvc }));
}

/// Returns whether a stop is under way already.
pub(super) fn is_stopping() -> bool {
    STOPPING.load(Ordering::Relaxed) != 0
}

/// Logs why the boot ends here, and ends it.
pub(super) fn refuse(why: fmt::Arguments<'_>) -> ! {
    defmt::error!("refused: {}", defmt::Display2Format(&why));
    log::need_console();
    log::line(format_args!("HALT {why}"));
    log::tell_fallback(format_args!("HALT {why}"));
    stop()
}

/// Does what the policy asks for after a refusal, and never runs on.
pub(super) fn stop() -> ! {
    log::flush();
    log::seal();
    stop_silently()
}

/// [`stop`] without logging, for when logging is what failed.
pub(super) fn stop_silently() -> ! {
    let conduit = CONDUIT.load(Ordering::Relaxed);
    if STOPPING.swap(1, Ordering::Relaxed) == 0 {
        // These do not return where they are implemented; where they do, or fault, the stage rests.
        match (ACTION.load(Ordering::Relaxed) == Action::Reset as u8, conduit) {
            (true, 1) => drop(psci::system_reset::<Hvc>()),
            (true, 2) => drop(psci::system_reset::<Smc>()),
            (false, 1) => drop(psci::system_off::<Hvc>()),
            (false, 2) => drop(psci::system_off::<Smc>()),
            _ => {}
        }
    }
    rest()
}

/// Logs that nothing ends the stage, and waits for ever.
pub(super) fn rest() -> ! {
    if STOPPING.swap(2, Ordering::Relaxed) != 2 {
        log::line_in_fault(format_args!("no firmware call powers this board off: power it off yourself"));
        log::flush();
    }
    loop {
        asm::wait();
    }
}
