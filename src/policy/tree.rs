//! What a policy says about two trees: the loader's, and the one that a bundle brings.

use alloc::string::String;
use alloc::vec::Vec;

use super::Word;

/// What is taken from the loader's tree where a bundle brings another (`[tree]`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreePolicy {
    /// How much is taken.
    pub merge: Merge,
    /// Which `bootargs` the kernel gets.
    pub bootargs: BootargsFrom,
    /// Nodes (`/path`) and properties (`/path:property`) of the loader's tree that are taken besides.
    pub take: Vec<String>,
}

/// How much of the loader's tree is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Merge {
    /// RAM, reservations, `/chosen` and what starts the processors.
    #[default]
    All,
    /// Reservations alone.
    Reservations,
    /// Nothing: the bundle's tree is used as it is.
    None,
}

/// Which `bootargs` the kernel gets when both trees have some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BootargsFrom {
    /// The loader's.
    #[default]
    Loader,
    /// The bundle's.
    Bundle,
    /// The bundle's, followed by the loader's.
    Append,
}

impl Word for Merge {
    const WORDS: &'static [(&'static str, Self)] =
        &[("all", Self::All), ("reservations", Self::Reservations), ("none", Self::None)];
}

impl Word for BootargsFrom {
    const WORDS: &'static [(&'static str, Self)] =
        &[("loader", Self::Loader), ("bundle", Self::Bundle), ("append", Self::Append)];
}
