//! `/chosen`: what the loader tells the kernel about this boot.

use super::{MergeError, Merging};
use crate::fdt::{NewNode, Node};
use crate::policy::BootargsFrom;
use crate::span::Span;
use crate::survey::Cells;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What is random is taken as it is.
const SEEDS: [&str; 2] = ["kaslr-seed", "rng-seed"];
/// Where the initrd is.
const INITRD: [&str; 2] = ["linux,initrd-start", "linux,initrd-end"];

impl Merging<'_, '_, '_, '_> {
    /// Takes what the loader's `/chosen` has.
    pub(super) fn chosen(&mut self, bootargs: BootargsFrom) -> Result<(), MergeError> {
        let Some(loader) = self.loader.tree.find("/chosen") else { return Ok(()) };
        let own = self.own.find("/chosen");
        let theirs = &self.loader_map.chosen;
        let mut wanted: Vec<(&str, Vec<u8>)> = Vec::new();
        let line = theirs.bootargs.as_deref().unwrap_or_default();
        let own_line = self.map.chosen.bootargs.as_deref().unwrap_or_default();
        if let Some(line) = joined(own_line, line, bootargs) {
            wanted.push(("bootargs", [&line, &b"\0"[..]].concat()));
        }
        wanted.extend(SEEDS.iter().filter_map(|&name| Some((name, loader.prop(name)?.value.to_vec()))));
        if let Some(initrd) = theirs.initrd.filter(|&initrd| self.loader.bundle != Some(initrd)) {
            let ends = [initrd.base(), initrd.end()].map(|end| end.to_be_bytes().to_vec());
            wanted.extend(INITRD.into_iter().zip(ends));
        }
        let cells = self.map.cells;
        let spans = [
            ("linux,usable-memory-range", &theirs.usable[..]),
            ("linux,elfcorehdr", theirs.elfcorehdr.as_slice()),
        ];
        for (name, spans) in spans.into_iter().filter(|(_, spans)| !spans.is_empty()) {
            wanted.push((name, encode(cells, name, spans)?));
        }
        let differs =
            |own: Node<'_, '_>, name, value: &[u8]| own.prop(name).is_none_or(|prop| prop.value != value);
        wanted.retain(|(name, value)| own.is_none_or(|own| differs(own, name, value)));
        self.account.taken.extend(wanted.iter().map(|(name, _)| (*name).to_string()));
        match own {
            Some(own) => wanted.into_iter().for_each(|(name, value)| self.edits.set(own.id(), name, value)),
            None if wanted.is_empty() => {}
            None => {
                let add = |node: NewNode, (name, value): (&str, Vec<u8>)| node.prop(name, value);
                let node = wanted.into_iter().fold(NewNode::new("chosen"), add);
                self.edits.add_node(self.own.root().id(), node);
            }
        }
        Ok(())
    }
}

/// Returns the command line that the kernel gets; `None` where the bundle's stays.
fn joined(own: &[u8], loader: &[u8], from: BootargsFrom) -> Option<Vec<u8>> {
    let is_there = |line: &[u8]| own == line || own.ends_with(&[b" ", line].concat());
    match from {
        _ if loader.is_empty() => None,
        BootargsFrom::Loader => (own != loader).then(|| loader.to_vec()),
        BootargsFrom::Bundle => own.is_empty().then(|| loader.to_vec()),
        BootargsFrom::Append if is_there(loader) => None,
        BootargsFrom::Append if own.is_empty() => Some(loader.to_vec()),
        BootargsFrom::Append => Some([own, b" ", loader].concat()),
    }
}

fn encode(cells: Cells, name: &str, spans: &[Span]) -> Result<Vec<u8>, MergeError> {
    let tuple = |&span: &Span| {
        cells.encode_span(span).ok_or_else(|| MergeError::Cells { what: String::from(name), span })
    };
    Ok(spans.iter().map(tuple).collect::<Result<Vec<_>, _>>()?.concat())
}
