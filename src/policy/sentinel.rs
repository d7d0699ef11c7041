//! What the policy says about the sentinel, the resident at EL2.

use super::{Key, PolicyError, Word};
use crate::sentinel;
use crate::span::Span;
use alloc::string::ToString;
use alloc::vec::Vec;

/// The sentinel that the board wants: it stays at EL2 and keeps Linux at EL1 out of carveouts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentinel {
    /// What happens after an access to a watched carveout.
    pub on_access: OnAccess,
    /// The carveouts that are watched.
    pub carveouts: Watch,
    /// Where accesses are reported.
    pub console: SentinelConsole,
    /// First address of its memory, a multiple of [`sentinel::ALIGN`], if it is fixed.
    pub base: Option<u64>,
}

/// What happens after an access to a watched carveout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnAccess {
    /// The access fails: a signal to the process, or an oops of the kernel.
    #[default]
    Abort,
    /// The page is mapped from then on, and the access goes through.
    Log,
    /// The board is powered off.
    Halt,
    /// The board is reset.
    Reset,
}

/// The carveouts that are watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Watch {
    /// Those without a driver: without `compatible`, and without an enabled node that refers to them.
    #[default]
    Unclaimed,
    /// These.
    Named(Vec<Key>),
}

/// Where accesses are reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SentinelConsole {
    /// A ring in memory, which Linux can read.
    #[default]
    Ring,
    /// The console of the stage as well. A UART whose clock Linux has stopped can hang the board.
    Uart,
}

impl Word for OnAccess {
    const WORDS: &'static [(&'static str, Self)] =
        &[("abort", Self::Abort), ("log", Self::Log), ("halt", Self::Halt), ("reset", Self::Reset)];
}

impl Word for SentinelConsole {
    const WORDS: &'static [(&'static str, Self)] = &[("ring", Self::Ring), ("uart", Self::Uart)];
}

/// The word for [`Watch::Unclaimed`].
pub const UNCLAIMED: &str = "unclaimed";

impl Sentinel {
    /// Checks that its memory can be where the policy says, and that the names can be found.
    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        let malformed =
            |name: &str| PolicyError::Malformed { node: "sentinel".to_string(), name: name.to_string() };
        let fits =
            |base: u64| base.is_multiple_of(sentinel::ALIGN) && Span::new(base, sentinel::SIZE).is_some();
        if !self.base.is_none_or(fits) {
            return Err(malformed("base"));
        }
        let Watch::Named(keys) = &self.carveouts else { return Ok(()) };
        if keys.is_empty() {
            return Err(malformed("carveouts"));
        }
        match keys.iter().find(|key| !key.is_valid()) {
            Some(key) => Err(PolicyError::BadKey { key: key.clone() }),
            None => Ok(()),
        }
    }
}
