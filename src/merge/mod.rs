//! Two trees: what the loader's tree states about this boot, merged into the tree that a bundle brings.
//!
//! The bundle's tree describes the board; the loader's is evidence of what the firmware of this very board
//! has set up: how much RAM it found, what it reserved, how processors are started. The result is judged like
//! any tree, and merging again changes nothing.
//!
//! | from the loader's tree | rule |
//! |---|---|
//! | RAM | replaces the bundle's `/memory` nodes, where it states any |
//! | static regions, `/memreserve/` | added where the bundle's tree protects less; no-map stays no-map |
//! | `/chosen` | `bootargs` by the policy, seeds, initrd, `linux,usable-memory-range`, `linux,elfcorehdr` |
//! | processors | `enable-method` and `cpu-release-addr` of each, `/psci` |
//! | everything else | not taken, unless `[tree] take` of the policy names it |

mod account;
mod chosen;
mod cpus;
mod protection;
mod ram;
mod reserved;
mod take;

use crate::facts::{BootFacts, LoaderFacts};
use crate::fdt::{Edits, FdtError, Tree, rewrite};
use crate::policy::{Merge, Policy, TreePolicy};
use crate::span::Span;
use crate::survey::MemoryMap;
use account::Account;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
pub(crate) use protection::Protection;

/// The loader's tree, and where the loader has put what it loaded.
#[derive(Clone, Copy, Debug)]
pub struct Loader<'t, 'a> {
    /// The tree.
    pub tree: &'t Tree<'a>,
    /// Where it is, if that is known.
    pub dtb: Option<Span>,
    /// The bundle, if it is where a loader may have reserved it or called it the initrd.
    pub bundle: Option<Span>,
}

/// A tree that the loader's was merged into.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The new blob; `None` where the bundle's tree stays as it is.
    pub dtb: Option<Vec<u8>>,
    /// What the rules compare the result with ([`BootFacts::loader`]). Its account is one line for the log.
    pub facts: LoaderFacts,
}

/// Why two trees cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeError {
    /// The merged tree cannot be written.
    Tree(FdtError),
    /// The cells of the bundle's tree cannot express a span of the loader's.
    Cells {
        /// What is there.
        what: String,
        /// Its addresses.
        span: Span,
    },
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree(why) => write!(f, "the loader's device tree cannot be merged: {why}"),
            Self::Cells { what, span } => write!(
                f,
                "{what} at {span} of the loader's device tree does not fit the #address-cells and \
                 #size-cells of the bundle's; give its root and /reserved-memory 2 of each"
            ),
        }
    }
}

impl core::error::Error for MergeError {}

impl From<FdtError> for MergeError {
    fn from(error: FdtError) -> Self {
        Self::Tree(error)
    }
}

/// Merges the loader's tree into `own`, the tree that a bundle brings, by the `[tree]` part of `policy`.
///
/// RAM that `facts` give (the EFI memory map, or banks in place of `/memory`) is Linux' RAM whatever either
/// tree states: what the loader's tree reserves there is taken, also where its own `/memory` has none.
///
/// # Errors
/// Any [`MergeError`]; the boot must be refused then.
pub fn merge(
    own: &Tree<'_>,
    loader: &Loader<'_, '_>,
    policy: Option<&Policy>,
    facts: &BootFacts,
) -> Result<Merged, MergeError> {
    let default = TreePolicy::default();
    let policy = policy.map_or(&default, |policy| &policy.tree);
    let compatible: Vec<String> = loader.tree.board_names().map(ToString::to_string).collect();
    if policy.merge == Merge::None {
        let account = String::from("the bundle's alone: the policy says merge = \"none\"");
        return Ok(Merged { dtb: None, facts: LoaderFacts { compatible, reserved: Vec::new(), account } });
    }
    let mut merging = Merging {
        own,
        map: MemoryMap::survey(own, facts),
        loader,
        loader_map: MemoryMap::survey(loader.tree, facts),
        is_ram_given: !facts.ram.is_empty() || facts.efi.is_some(),
        merge: policy.merge,
        edits: Edits::new(),
        account: Account::default(),
    };
    let reserved = merging.reserved()?;
    if policy.merge == Merge::All {
        merging.ram()?;
        merging.chosen(policy.bootargs)?;
        merging.processors();
    }
    let Merging { edits, mut account, .. } = merging;
    let mut dtb = if edits.is_empty() { None } else { Some(rewrite(own, &edits)?) };
    if !policy.take.is_empty() {
        let taken = match &dtb {
            Some(dtb) => take::take(&Tree::parse(dtb)?, loader.tree, &policy.take, &mut account)?,
            None => take::take(own, loader.tree, &policy.take, &mut account)?,
        };
        dtb = taken.or(dtb);
    }
    Ok(Merged { dtb, facts: LoaderFacts { compatible, reserved, account: account.to_string() } })
}

/// A merge under way.
struct Merging<'m, 't, 'a, 'o> {
    /// The bundle's tree, and what it says about memory.
    own: &'m Tree<'o>,
    map: MemoryMap,
    /// The loader's tree, and what it says about memory.
    loader: &'m Loader<'t, 'a>,
    loader_map: MemoryMap,
    /// Whether Linux takes its RAM from elsewhere than from `/memory`.
    is_ram_given: bool,
    merge: Merge,
    edits: Edits,
    account: Account,
}
