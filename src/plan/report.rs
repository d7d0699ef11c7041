//! The report that the stage leaves in `/chosen/ringfence`, readable under Linux as
//! `/sys/firmware/devicetree/base/chosen/ringfence`.

use super::Repaired;
use crate::facts::BootFacts;
use crate::fdt::NewNode;
use crate::finding::{Finding, Severity};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Path of the report node.
pub const REPORT: &str = "/chosen/ringfence";
/// Its name.
const NAME: &str = "ringfence";
/// Entries kept of a long list: the report must not make the DTB outgrow its window.
const MAX_ENTRIES: usize = 64;

/// What goes into the report.
pub(super) struct Report<'f> {
    /// The findings about the tree as it came.
    pub(super) found: &'f [Finding],
    /// The repairs of the trees on the way.
    pub(super) earlier: Vec<Repaired>,
}

impl Report<'_> {
    /// Makes the node: version, digest of the policy, counts by severity as found, which tree this is where
    /// there were two, the state of Secure Boot in an EFI boot, and one string a repair.
    pub(super) fn node(&self, facts: &BootFacts, repairs: &[Repaired]) -> NewNode {
        let count = |severity| self.found.iter().filter(|f| f.severity == severity).count() as u32;
        let repairs = || self.earlier.iter().chain(repairs);
        let words: Vec<String> = repairs().take(MAX_ENTRIES).map(ToString::to_string).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let node = NewNode::new(NAME)
            .prop_str("version", env!("CARGO_PKG_VERSION"))
            .prop_u32("errors", count(Severity::Error))
            .prop_u32("warnings", count(Severity::Warning))
            .prop_u32("notes", count(Severity::Note))
            .prop_u32("repair-count", repairs().count() as u32);
        let node = match facts.policy_digest {
            Some(digest) => node.prop("policy-digest", digest.to_vec()),
            None => node,
        };
        let node = match &facts.loader {
            Some(loader) => node.prop_str("tree", &loader.account),
            None => node,
        };
        let node = match &facts.efi {
            Some(efi) => node.prop_u32("secure-boot", u32::from(efi.is_secure)),
            None => node,
        };
        if words.is_empty() { node } else { node.prop_strs("repairs", &words) }
    }
}
