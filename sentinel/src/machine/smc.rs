//! Firmware calls of Linux: passed on, with the sentinel's own ways in wherever Linux names one.

use super::{Frame, log, sys, way_in};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use ringfence_sentinel::abi::{Config, Count, Cpu, Way};
use ringfence_sentinel::calls::{self, Call, INVALID_PARAMETERS, NOT_SUPPORTED, SMC64, narrow};
use ringfence_sentinel::report::Kind;

/// Aff3, Aff2, Aff1 and Aff0 of MPIDR_EL1.
const AFFINITY: u64 = 0xff_00ff_ffff;

/// Makes a firmware call without arguments.
pub(super) fn firmware(id: u32) {
    let mut words = [0; 18];
    words[0] = id.into();
    sys::firmware_call(&mut words);
}

/// Answers an SMC.
pub(super) fn call(config: &Config, me: &Cpu, frame: &mut Frame, esr: u64) {
    // The call was trapped, not taken: the instruction is skipped here.
    sys::elr_el2::set(sys::elr_el2::get() + 4);
    let id = frame.x[0] as u32;
    if esr & 0xffff != 0 {
        return deny(config, me, frame, id);
    }
    match calls::classify(id, config.allowed) {
        Call::Forward => forward(config, frame, id),
        Call::CpuOn => turn_on(config, frame, id),
        Call::Suspend(entry) => suspend(config, me, frame, id, entry),
        Call::Features => match calls::classify(frame.x[1] as u32, config.allowed) {
            Call::Deny => frame.x[0] = NOT_SUPPORTED,
            _ => forward(config, frame, id),
        },
        Call::Deny => deny(config, me, frame, id),
    }
}

/// Answers an HVC: there is no hypervisor.
pub(super) fn hypervisor_call(config: &Config, me: &Cpu, frame: &mut Frame) {
    let id = frame.x[0] as u32;
    deny(config, me, frame, id);
}

fn deny(config: &Config, me: &Cpu, frame: &mut Frame, id: u32) {
    config.count(Count::Denied);
    frame.x[0] = NOT_SUPPORTED;
    if is_new(config, id) {
        let address = id.into();
        log::report(
            config,
            &log::Report { kind: Kind::Denied, esr: 0, hole: None, address, urgent: false },
            me,
        );
    }
}

/// Tells whether a denied call was not reported yet, and remembers it.
fn is_new(config: &Config, id: u32) -> bool {
    let mark = 1 << 32 | u64::from(id);
    for seen in &config.denied {
        match seen.compare_exchange(0, mark, Relaxed, Relaxed) {
            Ok(_) => return true,
            Err(other) if other == mark => return false,
            Err(_) => {}
        }
    }
    false
}

fn forward(config: &Config, frame: &mut Frame, id: u32) {
    config.count(Count::Forwarded);
    if id == calls::SYSTEM_OFF || id == calls::SYSTEM_RESET || id & !SMC64 == 0x8400_0012 {
        log::show_counts(config);
    }
    pass(frame);
}

fn pass(frame: &mut Frame) {
    if let Some(words) = frame.x.first_chunk_mut::<18>() {
        sys::firmware_call(words);
    }
}

fn keep([at_word, x0_word]: &[AtomicU64; 2], at: u64, x0: u64) {
    at_word.store(at, Relaxed);
    x0_word.store(x0, Relaxed);
}

/// CPU_ON: the processor comes here first. It never passes with an entry of EL1's.
fn turn_on(config: &Config, frame: &mut Frame, id: u32) {
    config.count(Count::CpuOn);
    let [_, target, at, x0, ..] = frame.x;
    let target = narrow(id, target) & AFFINITY;
    let Some(cpu) = config.cpu.iter().take(config.cpus as usize).find(|cpu| cpu.mpidr == target) else {
        frame.x[0] = INVALID_PARAMETERS;
        return;
    };
    keep(&cpu.on, narrow(id, at), narrow(id, x0));
    enter_at(config, frame, id, 2, Way::On, |x| x[1] = target);
}

/// CPU_SUSPEND and its kin: the processor wakes here first.
fn suspend(config: &Config, me: &Cpu, frame: &mut Frame, id: u32, entry: usize) {
    config.count(Count::Suspend);
    if let [Some(&at), Some(&x0)] = [frame.x.get(entry), frame.x.get(entry + 1)] {
        keep(&me.resume, narrow(id, at), narrow(id, x0));
    }
    enter_at(config, frame, id, entry, Way::Resume, |_| {});
}

/// Passes a call on with a way in instead of the entry in register `entry`, and gives the arguments back, in
/// which such a call returns nothing (DEN0028, 1.1 and later).
fn enter_at(
    config: &Config,
    frame: &mut Frame,
    id: u32,
    entry: usize,
    way: Way,
    change: impl FnOnce(&mut [u64; 31]),
) {
    let [_, a, b, c, ..] = frame.x;
    change(&mut frame.x);
    frame.x[0] = u64::from(id | SMC64);
    if let Some(at) = frame.x.get_mut(entry) {
        *at = way_in(config, way);
    }
    pass(frame);
    [frame.x[1], frame.x[2], frame.x[3]] = [a, b, c];
}
