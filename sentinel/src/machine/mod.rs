//! What needs the machine. `unsafe` is in `sys`, and where the assembly calls in and is called.

mod abort;
mod cpu;
mod log;
mod smc;
mod sys;

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use ringfence_sentinel::abi::{Config, Count, Cpu, OnAccess, STACK, Way};
use ringfence_sentinel::report::Kind;
use ringfence_sentinel::{calls, inject};

core::arch::global_asm!(
    include_str!("entry.S"),
    CPUS_AT = const core::mem::offset_of!(Config, cpus),
    CPU_ARRAY = const core::mem::offset_of!(Config, cpu),
    CPU_WORDS = const size_of::<Cpu>(),
    STACK = const STACK,
);

/// x0 to x30 of the code that was interrupted; laid out as `entry.S` pushes them.
#[repr(C)]
struct Frame {
    x: [u64; 31],
    _pad: u64,
}

/// Where a processor goes at EL1, and with what in x0.
#[repr(C)]
struct Start {
    at: u64,
    x0: u64,
}

/// Sets this processor up and returns where it goes.
#[unsafe(no_mangle)]
extern "C" fn sentinel_enter(config: &Config, me: &Cpu, way: u64, x0: u64) -> Start {
    config.count(Count::Enter);
    let ids = cpu::ids();
    if let Some(number) = ids.unknown() {
        cpu::refuse(config, me, number);
    }
    cpu::set_up(config, &ids);
    let pair = |[at, x0]: &[AtomicU64; 2]| Start { at: at.load(Relaxed), x0: x0.load(Relaxed) };
    match way {
        way if way == Way::First as u64 => Start { at: config.kernel, x0 },
        way if way == Way::On as u64 => pair(&me.on),
        way if way == Way::Resume as u64 => pair(&me.resume),
        _ => Start { at: cpu::wait_for_release(me), x0: 0 },
    }
}

/// Answers what came from EL1 or EL0.
#[unsafe(no_mangle)]
extern "C" fn sentinel_exit(config: &Config, me: &Cpu, frame: &mut Frame) {
    /// Exception classes of HVC and SMC.
    const HVC: u64 = 0x16;
    const SMC: u64 = 0x17;
    let esr = sys::esr_el2::get();
    match inject::class(esr) {
        SMC => smc::call(config, me, frame, esr),
        HVC => smc::hypervisor_call(config, me, frame),
        inject::FETCH | inject::DATA => abort::access(config, me, esr),
        _ => abort::undefined(config, me, esr),
    }
}

/// Reports that the sentinel itself is at fault; the processor then rests.
#[unsafe(no_mangle)]
extern "C" fn sentinel_fault(config: &Config, me: &Cpu, esr: u64) {
    log::report(config, &log::Report { kind: Kind::Fault, esr, hole: None, address: 0, urgent: true }, me);
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        sys::wait();
    }
}

/// Returns the address of a way in.
const fn way_in(config: &Config, way: Way) -> u64 {
    config.base + way as u64
}

/// Powers the board off or resets it; where the firmware does neither, this processor rests.
fn stop(config: &Config, on_access: OnAccess) -> ! {
    let id = match on_access {
        OnAccess::Reset => calls::SYSTEM_RESET,
        _ => calls::SYSTEM_OFF,
    };
    log::show_counts(config);
    smc::firmware(id);
    loop {
        sys::wait();
    }
}
