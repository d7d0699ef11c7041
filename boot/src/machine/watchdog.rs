//! Watchdogs that the loader left running, served as the policy wants.

use super::fault;
use super::mmio::Device;
use alloc::vec::Vec;
use ringfence::fdt::Tree;
use ringfence::policy::{OnRunning, Policy};
use ringfence::span::Span;
use ringfence_boot::watchdog::{self, Watchdog};
use spin::Mutex;

/// Those that are petted.
static SERVED: Mutex<Vec<Served>> = Mutex::new(Vec::new());

struct Served {
    watchdog: Watchdog,
    frames: [Device; 2],
}

/// Finds those that the policy wants served, but for those in a page that has an owner.
pub(super) fn find(
    tree: &Tree<'_>,
    policy: Option<&Policy>,
    owner: impl Fn(Span) -> Option<&'static str>,
) -> Vec<Watchdog> {
    if policy.is_none_or(|policy| policy.watchdog == OnRunning::Ignore) {
        return Vec::new();
    }
    let mut found = watchdog::find(tree);
    found.retain(|one| {
        let owned = one.pages().find_map(|page| Some((page, owner(page)?)));
        if let Some((page, owner)) = owned {
            console!(
                "watchdog: {} has its registers in {page}, which overlaps {owner}; not touched",
                one.name
            );
        }
        owned.is_none()
    });
    found
}

/// Looks at watchdogs, and does with those that run what the policy wants.
///
/// # Safety
/// Their pages are mapped as device memory now and in every later map, but for those that [`leave`] is told.
pub(super) unsafe fn serve(watchdogs: Vec<Watchdog>, on_running: OnRunning) {
    for watchdog in watchdogs {
        fault::begin("looking at a watchdog", watchdog.frames[0]);
        // SAFETY: by this function's contract; `find` has seen that nothing else is there.
        let frames = watchdog.frames.map(|frame| unsafe { Device::new(frame) });
        let (name, [base, _]) = (&watchdog.name, watchdog.frames);
        if !watchdog.is_running(frames.each_ref()) {
            console!("watchdog: {name} at {base:#x} does not run");
            continue;
        }
        let what = match on_running {
            OnRunning::Ignore | OnRunning::Report => "runs",
            OnRunning::Disable if watchdog.stop(frames.each_ref()) => "ran and is stopped",
            OnRunning::Disable => "runs, cannot be stopped, and is petted",
            OnRunning::Pet => "runs and is petted",
        };
        console!("watchdog: {name} at {base:#x} {what}");
        if matches!(on_running, OnRunning::Pet | OnRunning::Disable) && watchdog.is_running(frames.each_ref())
        {
            SERVED.lock().push(Served { watchdog, frames });
        }
    }
    pet();
}

/// Starts the time of those that are petted anew: before and during what takes long.
pub(super) fn pet() {
    for Served { watchdog, frames } in SERVED.lock().iter() {
        watchdog.pet(frames.each_ref());
    }
}

/// Serves those no longer that have a page in one of `holes`.
pub(super) fn leave(holes: &[Span]) {
    SERVED.lock().retain(|one| {
        let is_mapped = one.watchdog.pages().all(|page| !holes.iter().any(|hole| hole.overlaps(page)));
        if !is_mapped {
            console!("watchdog: {} is in a carveout, and left alone", one.watchdog.name);
        }
        is_mapped
    });
}
