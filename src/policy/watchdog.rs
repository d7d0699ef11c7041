//! What a policy says about watchdogs that the loader left running.

use super::Word;

/// What the stage does with a watchdog that runs (`[watchdog] on-running`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRunning {
    /// Nothing: no watchdog is touched, not even to see whether it runs.
    #[default]
    Ignore,
    /// Log that it runs.
    Report,
    /// Start its time anew before and during what takes long, and before Linux is entered.
    Pet,
    /// Stop it, or pet it where it cannot be stopped.
    Disable,
}

impl Word for OnRunning {
    const WORDS: &'static [(&'static str, Self)] =
        &[("ignore", Self::Ignore), ("report", Self::Report), ("pet", Self::Pet), ("disable", Self::Disable)];
}
