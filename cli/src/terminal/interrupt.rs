//! Cleans up when the tool is interrupted: temporary files, and the progress bar.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, thread};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

static TIDY: Mutex<Tidy> = Mutex::new(Tidy { files: Vec::new(), actions: Vec::new() });

/// The work that is left when the tool is interrupted.
struct Tidy {
    files: Vec<PathBuf>,
    actions: Vec<Box<dyn FnOnce() + Send>>,
}

impl Tidy {
    fn up(&mut self) {
        self.actions.drain(..).for_each(|action| action());
        for file in self.files.drain(..) {
            let _ = fs::remove_file(file);
        }
    }
}

/// A file that is removed when the tool is interrupted while this value lives.
#[derive(Debug)]
pub struct Unfinished(PathBuf);

impl Unfinished {
    /// Registers a file.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        tidy().files.push(path.to_path_buf());
        Self(path.to_path_buf())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        tidy().files.retain(|path| *path != self.0);
    }
}

/// Registers an action for when the tool is interrupted.
pub fn on_interrupt(action: impl FnOnce() + Send + 'static) {
    tidy().actions.push(Box::new(action));
}

/// Starts to listen for signals that end the tool, in a thread of its own.
pub fn listen() {
    // Without the thread an interrupt ends the tool at once, as it would by default.
    let Ok(mut signals) = Signals::new([SIGHUP, SIGINT, SIGTERM]) else { return };
    thread::spawn(move || {
        for signal in signals.forever() {
            // Held to the end, so that no file is registered and left.
            let mut tidy = tidy();
            tidy.up();
            // Ends as the signal would have ended it, so that shells see an interrupted program.
            let _ = emulate_default_handler(signal);
        }
    });
}

fn tidy() -> MutexGuard<'static, Tidy> {
    TIDY.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unfinished_is_removed_and_what_is_finished_stays() {
        let dir = tempfile::tempdir().unwrap();
        let [finished, unfinished] = ["finished", "unfinished"].map(|name| dir.path().join(name));
        fs::write(&finished, "").unwrap();
        fs::write(&unfinished, "").unwrap();
        drop(Unfinished::new(&finished));
        let _kept = Unfinished::new(&unfinished);
        tidy().up();
        assert!(finished.exists() && !unfinished.exists());
    }
}
