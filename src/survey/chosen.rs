//! `/chosen`: what the boot loader hands to the kernel.

use crate::fdt::{NodeId, Tree};
use crate::span::Span;
use alloc::vec::Vec;

/// What `/chosen` says about memory.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// The node, when there is one.
    pub node: Option<NodeId>,
    /// The kernel command line without its terminator.
    pub bootargs: Option<Vec<u8>>,
    /// `linux,initrd-start` to `linux,initrd-end`; `None` when absent, unreadable or empty.
    pub initrd: Option<Span>,
}

impl Chosen {
    pub(super) fn survey(tree: &Tree<'_>) -> Self {
        let Some(node) = tree.find("/chosen") else { return Self::default() };
        let number = |name| node.prop(name).and_then(|p| p.as_u64());
        Self {
            node: Some(node.id()),
            bootargs: node
                .prop("bootargs")
                .map(|p| p.value.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()),
            initrd: number("linux,initrd-start")
                .zip(number("linux,initrd-end"))
                .and_then(|(start, end)| Span::from_ends(start, end)),
        }
    }
}
