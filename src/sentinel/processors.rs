//! The processors of the board, and what keeps the sentinel from having all of them.

use crate::fdt::{Node, Tree};
use crate::psci::{self, Conduit};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// One enabled processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processor {
    /// Its affinity, as in MPIDR_EL1.
    pub mpidr: u64,
    /// The address of the word in which Linux writes where it starts, with a spin table.
    pub release: Option<u64>,
}

/// Returns every enabled processor of the tree.
#[must_use]
pub fn processors(tree: &Tree<'_>) -> Vec<Processor> {
    let affinity = |value: &[u8]| {
        let last = value.get(value.len().saturating_sub(8)..).unwrap_or_default();
        last.iter().fold(0_u64, |all, &byte| all << 8 | u64::from(byte))
    };
    nodes(tree)
        .filter_map(|node| {
            let release = node.prop("cpu-release-addr").filter(|_| has_method(node, "spin-table"));
            let release = release.and_then(|prop| prop.as_u64());
            Some(Processor { mpidr: affinity(node.prop("reg")?.value), release })
        })
        .collect()
}

fn nodes<'t, 'a>(tree: &'t Tree<'a>) -> impl Iterator<Item = Node<'t, 'a>> {
    let is_processor = |node: &Node<'t, 'a>| {
        node.prop("device_type").is_some_and(|kind| kind.text() == Some("cpu")) && node.is_enabled()
    };
    tree.find("/cpus").into_iter().flat_map(move |cpus| cpus.children().filter(is_processor))
}

fn has_method(node: Node<'_, '_>, name: &str) -> bool {
    node.prop("enable-method").is_some_and(|methods| methods.strings().any(|method| method == name))
}

/// Why the sentinel cannot have every processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// `/psci` is called by `hvc`: something is at EL2 already.
    Hvc,
    /// The node of a processor that starts neither by PSCI 0.2 with `smc` nor by a spin table.
    Start(String),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hvc => f.write_str("PSCI is called by `hvc`: a hypervisor has EL2, so Linux starts at EL1"),
            Self::Start(path) => {
                write!(f, "{path} starts neither by PSCI 0.2 with `smc` nor by a spin table")
            }
        }
    }
}

/// Returns what keeps the sentinel from having every processor that the tree names, if anything does.
#[must_use]
pub fn obstacle(tree: &Tree<'_>) -> Option<Obstacle> {
    match psci::conduit(tree) {
        Some(Conduit::Smc) => return None,
        Some(Conduit::Hvc) => return Some(Obstacle::Hvc),
        None => {}
    }
    let several = nodes(tree).nth(1).is_some();
    let spins = |node: &Node<'_, '_>| {
        has_method(*node, "spin-table") && node.prop("cpu-release-addr").is_some_and(|p| p.as_u64().is_some())
    };
    let stuck = nodes(tree).filter(|_| several).find(|node| !spins(node));
    stuck.map(|node| Obstacle::Start(node.path()))
}
