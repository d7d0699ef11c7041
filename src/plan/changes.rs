//! Edits of a tree together with the log of the repairs that make them: nothing is edited without a line in
//! the log, and no line stays in it that edited nothing.

use super::writer::Writer;
use super::{PlacementFailure, Repaired};
use crate::analysis::Analysis;
use crate::fdt::Edits;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What a plan does to one tree.
pub(super) struct Changes<'s, 'c, 'a> {
    writer: Writer<'s, 'c, 'a>,
    log: Vec<Repaired>,
    failures: Vec<PlacementFailure>,
}

/// Finished changes.
pub(super) struct Changed {
    pub(super) edits: Edits,
    /// The repairs that the edits make.
    pub(super) log: Vec<Repaired>,
    /// What could not be done.
    pub(super) failures: Vec<PlacementFailure>,
}

impl<'s, 'c, 'a> Changes<'s, 'c, 'a> {
    /// Starts with no edits.
    pub(super) fn new(analysis: &'s Analysis<'c, 'a>) -> Self {
        Self { writer: Writer::new(analysis), log: Vec::new(), failures: Vec::new() }
    }

    /// Makes the edits of a repair, and logs `lines` if there are any edits.
    pub(super) fn repair(&mut self, lines: Vec<Repaired>, edit: impl FnOnce(&mut Writer<'s, 'c, 'a>)) {
        let before = self.writer.count();
        edit(&mut self.writer);
        self.log_if_edited(before, lines);
    }

    // Apart from the above, of which there is one for each repair, for fewer bytes in the stage.
    fn log_if_edited(&mut self, before: usize, mut lines: Vec<Repaired>) {
        if self.writer.count() > before {
            self.log.append(&mut lines);
        }
    }

    /// Makes edits that are not a repair, for the boot.
    pub(super) fn prepare_boot(&mut self, edit: impl FnOnce(&mut Writer<'s, 'c, 'a>)) {
        edit(&mut self.writer);
    }

    /// Returns the repairs so far.
    pub(super) fn log(&self) -> &[Repaired] {
        &self.log
    }

    /// Notes what could not be done for `node`.
    pub(super) fn fail(&mut self, node: &str, why: impl Into<String>) {
        self.failures.push(PlacementFailure { node: node.to_string(), why: why.into() });
    }

    /// Completes the edits: names of new regions, and the paths that lead to what has moved.
    pub(super) fn finish(self) -> Changed {
        Changed { edits: self.writer.finish(), log: self.log, failures: self.failures }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::facts::BootFacts;
    use crate::fdt::{NewNode, NodeId, Tree, build};
    use crate::finding::RepairKind;
    use crate::profile::KernelProfile;
    use crate::survey::MemoryMap;
    use alloc::vec;

    type Edit = fn(&mut Writer<'_, '_, '_>, NodeId);

    #[test]
    fn a_repair_is_logged_if_it_edits_something() {
        let region = NewNode::new("dsp@1000").prop_empty("no-map");
        let home = NewNode::new("reserved-memory").child(region);
        let blob = build(&NewNode::new("").child(home), 0, &[]).unwrap();
        let tree = Tree::parse(&blob).unwrap();
        let dsp = tree.find("/reserved-memory/dsp@1000").unwrap().id();
        let (profile, facts) = (KernelProfile::default(), BootFacts::default());
        let map = MemoryMap::survey(&tree, &facts);
        let context = Context { policy: None, profile: &profile, facts: &facts };
        let analysis = Analysis::new(tree, map, context);
        let is_logged = |edits: &[Edit]| {
            let mut changes = Changes::new(&analysis);
            for edit in edits {
                let line = vec![Repaired::new(RepairKind::FoldMemreserve, "/", "it is so")];
                changes.repair(line, |writer| edit(writer, dsp));
            }
            changes.log().len()
        };
        let edits: [Edit; 8] = [
            |writer, dsp| writer.set(dsp, "reg", vec![0; 8]),
            |writer, dsp| writer.remove_prop(dsp, "no-map"),
            |writer, dsp| writer.remove_node(dsp),
            |writer, dsp| writer.rename(dsp, "dsp@2000"),
            |writer, _| writer.add_region(NewNode::new("camera@3000")),
            |writer, _| writer.set_chosen("bootargs", vec![0]),
            |writer, _| writer.add_to_chosen(NewNode::new("ringfence")),
            |writer, _| writer.set_memreserve(vec![]),
        ];
        for edit in edits {
            assert_eq!(is_logged(&[edit]), 1);
            assert_eq!(is_logged(&[edit, |_, _| ()]), 1, "the second one edits nothing");
        }
        assert_eq!(is_logged(&[|_, _| ()]), 0);
        // Nothing is there to be removed.
        assert_eq!(is_logged(&[|writer, dsp| writer.remove_prop(dsp, "reusable")]), 0);
    }
}
