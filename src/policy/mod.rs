//! The policy: what a board requires, as the stage and the tool both read it.
//!
//! Users write TOML (`cli/`). The stage gets a small flattened tree (`blob.rs`), so that it
//! needs no second parser for hostile input.

mod blob;
mod check;
mod console;
mod error;
mod sentinel;
mod tree;
mod watchdog;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::span::Span;

pub use blob::{COMPATIBLE, digest, digest_with};
pub use console::ConsoleEvidence;
pub use error::{Allowed, PolicyError};
pub use sentinel::{OnAccess, Sentinel, SentinelConsole, UNCLAIMED, Watch};
pub use tree::{BootargsFrom, Merge, TreePolicy};
pub use watchdog::OnRunning;

/// The memory map that a board requires, the repairs it permits, and the action on failure.
///
/// The default requires nothing and permits safe repairs only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The root `compatible` that the tree must have, if the policy is for one board.
    pub board: Option<String>,
    /// The version of the Linux that the board runs, such as `6.6`, or `6.12:64k` with its page size, if the
    /// policy names it.
    pub kernel: Option<String>,
    /// How much is repaired.
    pub mode: Mode,
    /// The action when the stage cannot hand off a proven tree.
    pub on_error: OnError,
    /// What must hold in the tree that Linux gets.
    pub requirements: Vec<Requirement>,
    /// Boundary that every carveout starts and ends on, in bytes, a power of two.
    pub boundary: Option<u64>,
    /// Bytes beside every required carveout that Linux must not map either, a power of two.
    pub guard: Option<u64>,
    /// The required default CMA pool, if the policy constrains it.
    pub cma: Option<CmaWant>,
    /// The log that outlives the stage, if there is one.
    pub log: Option<PersistentLog>,
    /// What the stage's console needs before it is touched.
    pub console: ConsoleEvidence,
    /// What the stage does with watchdogs that the loader left running.
    pub watchdog: OnRunning,
    /// The sentinel that stays at EL2, if there is one.
    pub sentinel: Option<Sentinel>,
    /// What is taken from the loader's tree where a bundle brings another.
    pub tree: TreePolicy,
    /// Repairs that need a policy permission.
    pub allow: Allow,
}

/// How much is repaired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Report, and change nothing.
    Audit,
    /// Make every permitted repair.
    #[default]
    Fix,
    /// Accept only a tree that is already right: repair nothing, and refuse warnings, too.
    Strict,
}

/// The action of the stage when it refuses a hand-off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// Power off.
    #[default]
    Halt,
    /// Reset the board.
    Reset,
    /// Go back to the boot manager, which may have another entry. Where nothing called the stage, reset.
    BootManager,
    /// Boot all the same; the findings are in the log and in the report node.
    Continue,
}

/// Something that must hold in the tree that Linux gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// A region.
    Carveout(Carveout),
    /// Addresses that Linux must not reach.
    ProtectedRange(ProtectedRange),
}

/// A region that must be in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carveout {
    /// The node that describes it.
    pub key: Key,
    /// First address, if it is fixed.
    pub base: Option<u64>,
    /// Size in bytes, at least.
    pub size: u64,
    /// Whether Linux must leave it unmapped.
    pub no_map: bool,
}

/// How a policy names a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Full path, such as `/reserved-memory/camera@84300000`.
    Path(String),
    /// Source label, found through `/__symbols__`.
    Label(String),
}

impl Key {
    /// Reads a key as people write it: a path, or a label with or without `&`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.starts_with('/') {
            true => Self::Path(text.into()),
            false => Self::Label(text.strip_prefix('&').unwrap_or(text).into()),
        }
    }

    /// Returns the path, or the label alone.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Path(text) | Self::Label(text) => text,
        }
    }
}

/// Addresses that Linux must not reach, whatever keeps it off: a region of any name, or a hole in `/memory`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedRange {
    /// Its name, in the policy alone.
    pub name: String,
    /// The addresses.
    pub span: Span,
}

/// The default CMA pool that the policy requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CmaWant {
    /// Size in bytes.
    pub size: u64,
    /// Alignment of the base in bytes, a power of two; the kernel's own alignment also applies.
    pub align: Option<u64>,
    /// The range that it must be in.
    pub range: Option<Span>,
    /// The mechanism that defines it.
    pub via: Via,
}

/// The reserved memory in which the stage leaves its log to Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersistentLog {
    /// Bytes for lines of text, a power of two from 64 KiB up; the structured log takes 64 KiB more.
    pub size: u64,
    /// First address, a multiple of 64 KiB, if it is fixed.
    pub base: Option<u64>,
}

impl Default for PersistentLog {
    fn default() -> Self {
        Self { size: 64 << 10, base: None }
    }
}

/// The mechanism that defines the kernel's default CMA area.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Via {
    /// A `linux,cma-default` node in `/reserved-memory`.
    Node,
    /// `cma=SIZE@BASE` in the bootargs.
    #[default]
    Bootargs,
}

/// Permissions for repairs that change who owns memory. All off by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// Move a region up because the one below it grew.
    pub shift: bool,
    /// Put back a required carveout that is missing, moved, shrunk, disabled or has lost its flag.
    pub restore: bool,
    /// Drop one of two flags that contradict each other.
    pub drop_flags: bool,
    /// Reserve regions that Linux ignores because of a `status` or a misspelled parent.
    pub enable: bool,
}

/// One permission of [`Allow`]: its name in TOML and in the blob, and its field.
pub struct Switch {
    /// The name, such as `drop-flags`.
    pub name: &'static str,
    /// A short description.
    pub about: &'static str,
    /// The field.
    pub field: fn(&mut Allow) -> &mut bool,
}

impl Allow {
    /// All permissions, in the order in which they are written. A new one is a field above and a row here.
    pub const SWITCHES: &'static [Switch] = &[
        Switch { name: "shift", about: "move regions up, past one that grew", field: |a| &mut a.shift },
        Switch { name: "restore", about: "put a required carveout back", field: |a| &mut a.restore },
        Switch {
            name: "drop-flags",
            about: "drop one of two flags that contradict each other",
            field: |a| &mut a.drop_flags,
        },
        Switch {
            name: "enable",
            about: "reserve regions that Linux ignores because of their status or their parent's name",
            field: |a| &mut a.enable,
        },
    ];

    /// Returns whether `switch` is on.
    #[must_use]
    pub fn is_on(mut self, switch: &Switch) -> bool {
        *(switch.field)(&mut self)
    }
}

/// An enumeration whose values have names in TOML and in the blob.
pub trait Word: Copy + 'static {
    /// All values with their names.
    const WORDS: &'static [(&'static str, Self)];

    /// Returns the value with the name `word`.
    #[must_use]
    fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(name, _)| *name == word).map(|&(_, value)| value)
    }

    /// Returns the name of this value.
    #[must_use]
    fn as_str(self) -> &'static str
    where
        Self: PartialEq,
    {
        Self::WORDS.iter().find(|&&(_, value)| value == self).map_or("", |&(name, _)| name)
    }
}

impl Word for Mode {
    const WORDS: &'static [(&'static str, Self)] =
        &[("audit", Self::Audit), ("fix", Self::Fix), ("strict", Self::Strict)];
}

impl Word for OnError {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("halt", Self::Halt),
        ("reset", Self::Reset),
        ("boot-manager", Self::BootManager),
        ("continue", Self::Continue),
    ];
}

impl Word for Via {
    const WORDS: &'static [(&'static str, Self)] = &[("node", Self::Node), ("bootargs", Self::Bootargs)];
}

impl Requirement {
    /// Returns the region that it requires, unless it requires a range.
    #[must_use]
    pub const fn carveout(&self) -> Option<&Carveout> {
        match self {
            Self::Carveout(carveout) => Some(carveout),
            Self::ProtectedRange(_) => None,
        }
    }

    /// Returns the range that it protects, unless it requires a region.
    #[must_use]
    pub const fn protected_range(&self) -> Option<&ProtectedRange> {
        match self {
            Self::Carveout(_) => None,
            Self::ProtectedRange(range) => Some(range),
        }
    }

    /// Returns the span that must hold, when its base is fixed.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::Carveout(carveout) => carveout.span(),
            Self::ProtectedRange(range) => Some(range.span),
        }
    }

    /// Returns whether Linux must leave it unmapped.
    #[must_use]
    pub const fn no_map(&self) -> bool {
        match self {
            Self::Carveout(carveout) => carveout.no_map,
            Self::ProtectedRange(_) => true,
        }
    }
}

impl Carveout {
    /// Returns the span that must hold, when the base is fixed.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.base.and_then(|base| Span::new(base, self.size))
    }
}

impl ProtectedRange {
    /// Makes a range of `size` bytes from `base`.
    ///
    /// # Errors
    /// [`PolicyError::BadName`], [`PolicyError::Empty`] or [`PolicyError::Wraps`].
    pub fn new(name: String, base: u64, size: u64) -> Result<Self, PolicyError> {
        let Some(span) = Span::new(base, size) else {
            return Err(match size {
                0 => PolicyError::Empty { what: name },
                _ => PolicyError::Wraps { what: name, base, size },
            });
        };
        let range = Self { name, span };
        range.validate()?;
        Ok(range)
    }
}

impl From<Carveout> for Requirement {
    fn from(carveout: Carveout) -> Self {
        Self::Carveout(carveout)
    }
}

impl From<ProtectedRange> for Requirement {
    fn from(range: ProtectedRange) -> Self {
        Self::ProtectedRange(range)
    }
}

/// The name by which the policy and its errors know it.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Carveout(carveout) => write!(f, "{}", carveout.key),
            Self::ProtectedRange(range) => f.write_str(&range.name),
        }
    }
}

/// The path, or the label with the `&` of device tree sources.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(path),
            Self::Label(label) => write!(f, "&{label}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_policy_repairs_but_takes_no_liberties() {
        let policy = Policy::default();
        assert_eq!((policy.mode, policy.on_error), (Mode::Fix, OnError::Halt));
        assert!(Allow::SWITCHES.iter().all(|switch| !policy.allow.is_on(switch)));
    }

    #[test]
    fn every_switch_has_its_own_name_and_field() {
        for switch in Allow::SWITCHES {
            let mut allow = Allow::default();
            *(switch.field)(&mut allow) = true;
            let on: Vec<_> = Allow::SWITCHES.iter().filter(|s| allow.is_on(s)).map(|s| s.name).collect();
            assert_eq!(on, [switch.name]);
        }
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for &(name, mode) in Mode::WORDS {
            assert_eq!((Mode::from_word(name), mode.as_str()), (Some(mode), name));
        }
        assert_eq!(OnError::from_word("reboot"), None);
    }
}
