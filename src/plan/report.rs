//! The report that the stage leaves in `/chosen/ringfence`, readable under Linux as
//! `/sys/firmware/devicetree/base/chosen/ringfence`.

use super::Repaired;
use crate::fdt::NewNode;
use crate::finding::{Finding, Severity};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Name of the report node under `/chosen`.
pub(super) const NAME: &str = "ringfence";
/// Entries kept of a long list: the report must not make the DTB outgrow its window.
const MAX_ENTRIES: usize = 64;

/// Make the node: version, digest of the policy, counts by severity as found, and one string a repair.
pub(super) fn node(policy_digest: Option<[u8; 32]>, findings: &[Finding], repairs: &[Repaired]) -> NewNode {
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count() as u32;
    let words: Vec<String> = repairs.iter().take(MAX_ENTRIES).map(ToString::to_string).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let node = NewNode::new(NAME)
        .prop_str("version", env!("CARGO_PKG_VERSION"))
        .prop_u32("errors", count(Severity::Error))
        .prop_u32("warnings", count(Severity::Warning))
        .prop_u32("notes", count(Severity::Note))
        .prop_u32("repair-count", repairs.len() as u32);
    let node = match policy_digest {
        Some(digest) => node.prop("policy-digest", digest.to_vec()),
        None => node,
    };
    if words.is_empty() { node } else { node.prop_strs("repairs", &words) }
}
