//! Processors: how each is started, which the firmware of the board decides.

use super::Merging;
use crate::fdt::{NewNode, Node, Prop, Tree};
use crate::order;
use alloc::string::ToString;
use alloc::vec::Vec;

/// What says how a processor is started.
const START: [&str; 2] = ["enable-method", "cpu-release-addr"];
/// What says how the firmware is called (Documentation/devicetree/bindings/arm/psci.yaml).
const PSCI: [&str; 6] = ["compatible", "method", "cpu_suspend", "cpu_off", "cpu_on", "migrate"];
/// Numbers by which nodes of one tree refer to each other; another tree has others.
pub(super) const PHANDLES: [&str; 2] = ["phandle", "linux,phandle"];

impl Merging<'_, '_, '_, '_> {
    /// Takes how each processor is started, and the calls of the firmware.
    pub(super) fn processors(&mut self) {
        let loader = processors(self.loader.tree);
        let mut taken = false;
        for (number, own) in processors(self.own) {
            let Ok(found) = loader.binary_search_by_key(&number, |(number, _)| *number) else { continue };
            let Some((_, theirs)) = loader.get(found) else { continue };
            for prop in START.iter().filter_map(|name| theirs.prop(name)) {
                if own.prop(prop.name).is_none_or(|own| own.value != prop.value) {
                    self.edits.set(own.id(), prop.name, prop.value.to_vec());
                    taken = true;
                }
            }
        }
        if taken {
            self.account.taken.push("start of the processors".to_string());
        }
        let Some(psci) = self.loader.tree.find("/psci") else { return };
        let props = PSCI.iter().filter_map(|name| psci.prop(name));
        match self.own.find("/psci") {
            None => {
                let add = |node: NewNode, prop: Prop<'_>| node.prop(prop.name, prop.value);
                let node = props.fold(NewNode::new("psci"), add);
                self.edits.add_node(self.own.root().id(), node);
            }
            Some(own) => {
                let differs = |prop: &Prop<'_>| own.prop(prop.name).is_none_or(|own| own.value != prop.value);
                let differing: Vec<Prop<'_>> = props.filter(differs).collect();
                if differing.is_empty() {
                    return;
                }
                differing.iter().for_each(|prop| self.edits.set(own.id(), prop.name, prop.value.to_vec()));
            }
        }
        self.account.taken.push("/psci".to_string());
    }
}

/// Returns the processors by their number, ascending.
fn processors<'t, 'a>(tree: &'t Tree<'a>) -> Vec<(u64, Node<'t, 'a>)> {
    let Some(cpus) = tree.find("/cpus") else { return Vec::new() };
    let numbered = |cpu: Node<'t, 'a>| Some((cpu.prop("reg")?.as_u64()?, cpu));
    let mut all: Vec<_> =
        cpus.children().filter(|cpu| cpu.has_base_name("cpu")).filter_map(numbered).collect();
    order::sort_by_key(&mut all, |(number, _)| *number);
    all.dedup_by_key(|(number, _)| *number);
    all
}
