//! Writes the blob of a generated board.

use super::{Board, Child, Extent};
use ringfence::fdt::{NewNode, build};
use std::collections::BTreeMap;

/// Returns one number in `cells` words, its upper bits cut off where they do not fit.
fn number(value: u64, cells: u32) -> Vec<u8> {
    let mut out = vec![0; 4 * cells as usize];
    for (to, from) in out.iter_mut().rev().zip(value.to_be_bytes().iter().rev()) {
        *to = *from;
    }
    out
}

fn tuples(spans: &[(u64, u64)], (address, size): (u32, u32)) -> Vec<u8> {
    spans.iter().flat_map(|&(base, len)| [number(base, address), number(len, size)].concat()).collect()
}

impl Board {
    /// Returns the blob. Every region gets a phandle and, in a tree with labels, a symbol.
    pub(crate) fn blob(&self) -> Vec<u8> {
        let mut root = NewNode::new("")
            .prop_u32("#address-cells", self.root.0)
            .prop_u32("#size-cells", self.root.1)
            .prop_str("compatible", "generated,board")
            .prop_str("model", "generated");
        for (index, &bank) in self.banks.iter().enumerate() {
            root = root.child(
                NewNode::new(&format!("memory@{index}"))
                    .prop_str("device_type", "memory")
                    .prop("reg", tuples(&[bank], self.root)),
            );
        }
        let mut chosen = NewNode::new("chosen").prop_str("stdout-path", "/serial@9000000");
        if let Some(line) = &self.bootargs {
            chosen = chosen.prop_str("bootargs", line);
        }
        if let Some((base, size)) = self.initrd {
            chosen = chosen.prop_u64("linux,initrd-start", base).prop_u64("linux,initrd-end", base + size);
        }
        root = root.child(chosen);
        let mut symbols = NewNode::new("__symbols__");
        let mut users: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        if let Some(reserved) = &self.reserved {
            let cells = reserved.cells.unwrap_or(self.root);
            let mut node = NewNode::new("reserved-memory")
                .prop_u32("#address-cells", cells.0)
                .prop_u32("#size-cells", cells.1);
            if reserved.ranges {
                node = node.prop_empty("ranges");
            }
            for (index, child) in reserved.regions.iter().enumerate() {
                let phandle = 0x100 + index as u32;
                node = node.child(child.node(cells, phandle));
                symbols =
                    symbols.prop_str(&format!("region{index}"), &format!("/reserved-memory/{}", child.name));
                users.entry(child.user.unwrap_or(usize::MAX)).or_default().push(phandle);
            }
            let nested = self.stray.iter().filter(|(name, _)| *name == "group");
            let (more, labels) = strays(nested, "/reserved-memory", cells);
            node = more.into_iter().fold(node, NewNode::child);
            symbols = labels.iter().fold(symbols, |symbols, (label, path)| symbols.prop_str(label, path));
            root = root.child(node);
        }
        let beside = self.stray.iter().filter(|(name, _)| *name != "group");
        let (more, labels) = strays(beside, "", self.root);
        root = more.into_iter().fold(root, NewNode::child);
        symbols = labels.iter().fold(symbols, |symbols, (label, path)| symbols.prop_str(label, path));
        users.remove(&usize::MAX);
        let devices = users.iter().map(|(number, phandles)| {
            NewNode::new(&format!("device@{number}")).prop_cells("memory-region", phandles)
        });
        root = root.child(devices.fold(NewNode::new("soc").prop_empty("ranges"), NewNode::child));
        if self.symbols {
            root = root.child(symbols);
        }
        build(&root, 0, &self.memreserve).unwrap()
    }
}

/// Returns the nodes of regions that are out of place, and the symbols for them.
fn strays<'s>(
    from: impl Iterator<Item = &'s (&'static str, Vec<Child>)>,
    above: &str,
    cells: (u32, u32),
) -> (Vec<NewNode>, Vec<(String, String)>) {
    let (mut nodes, mut labels) = (Vec::new(), Vec::new());
    for (name, regions) in from {
        let mut node = NewNode::new(name);
        for (index, child) in regions.iter().enumerate() {
            node = node.child(child.node(cells, 0x200 + index as u32));
            labels.push((format!("stray{index}"), format!("{above}/{name}/{}", child.name)));
        }
        nodes.push(node);
    }
    (nodes, labels)
}

impl Child {
    fn node(&self, cells: (u32, u32), phandle: u32) -> NewNode {
        let mut node = NewNode::new(&self.name);
        if let Some(compatible) = self.compatible {
            node = node.prop_str("compatible", compatible);
        }
        node = match &self.extent {
            Extent::Reg(spans) => node.prop("reg", tuples(spans, cells)),
            Extent::Foreign(spans) => node.prop("reg", tuples(spans, (2, 1))),
            Extent::Both(spans, size) => {
                node.prop("reg", tuples(spans, cells)).prop("size", number(*size, cells.1))
            }
            Extent::Size { size, align, windows } => {
                node = node.prop("size", number(*size, cells.1));
                if let Some(align) = align {
                    node = node.prop("alignment", number(*align, cells.0));
                }
                if windows.is_empty() { node } else { node.prop("alloc-ranges", tuples(windows, cells)) }
            }
            Extent::Bytes(bytes) => node.prop("reg", bytes.clone()),
            Extent::Nothing => node,
        };
        for flag in &self.flags {
            node = node.prop_empty(flag);
        }
        if let Some(status) = self.status {
            node = node.prop_str("status", status);
        }
        node.prop_u32("phandle", phandle).prop_str("label", &self.name)
    }
}
