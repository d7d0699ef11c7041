//! What a command was told about the boot, ready for the pipeline.

use ringfence::facts::{BootFacts, Kernel, Placed};
use ringfence::fdt::{Edits, FdtError, NewNode, Tree, rewrite};
use ringfence::pipeline::Context;
use ringfence::policy::{Allow, Policy};
use ringfence::profile::{KernelProfile, PROFILES};
use ringfence::span::{MIB, Span};

use crate::args::{Boot, BootItem};
use crate::failure::Failure;
use crate::{policy_file, suggest};

/// Everything that the judgement needs besides the tree.
#[derive(Clone, Debug)]
pub struct Job {
    policy: Option<Policy>,
    profile: KernelProfile,
    facts: BootFacts,
    cmdline: Option<String>,
}

impl Job {
    /// Read what the command line names.
    ///
    /// # Errors
    /// When the policy cannot be read, or the kernel is not known.
    pub fn from_args(args: &Boot) -> Result<Self, Failure> {
        let mut facts = BootFacts { ram: args.ram.clone(), ..BootFacts::default() };
        for &(item, span) in &args.boot_map {
            place(&mut facts, item, span);
        }
        Ok(Self {
            policy: args.policy.as_deref().map(policy_file::load).transpose()?,
            profile: profile(args)?,
            facts,
            cmdline: args.cmdline.clone(),
        })
    }

    /// Permit every repair, whatever the policy says.
    pub fn permit_all(&mut self) {
        let allow = &mut self.policy.get_or_insert_with(Policy::default).allow;
        for switch in Allow::SWITCHES {
            *(switch.field)(allow) = true;
        }
    }

    /// What the pipeline wants to know.
    #[must_use]
    pub fn context(&self) -> Context<'_> {
        Context { policy: self.policy.as_ref(), profile: &self.profile, facts: &self.facts }
    }

    /// The tree that the kernel will see: as it is, or with the bootargs that the user gave.
    ///
    /// # Errors
    /// When `dtb` is no device tree.
    pub fn effective(&self, dtb: Vec<u8>) -> Result<Vec<u8>, FdtError> {
        let Some(cmdline) = &self.cmdline else { return Ok(dtb) };
        let tree = Tree::parse(&dtb)?;
        let value: Vec<u8> = cmdline.bytes().chain([0]).collect();
        let mut edits = Edits::new();
        match tree.find("/chosen") {
            Some(chosen) => edits.set(chosen.id(), "bootargs", value),
            None => edits.add_node(tree.root().id(), NewNode::new("chosen").prop("bootargs", value)),
        }
        rewrite(&tree, &edits)
    }
}

fn profile(args: &Boot) -> Result<KernelProfile, Failure> {
    let known: Vec<&str> = PROFILES.iter().map(|profile| profile.name).collect();
    let profile = KernelProfile::named(&args.kernel).ok_or_else(|| {
        Failure::new(format!("unknown kernel `{}`", args.kernel))
            .with_help(suggest::question(&args.kernel, &known))
    })?;
    Ok(args.page.map_or(profile, |page| profile.with_page(page.into())))
}

/// A tree cannot move what the boot loader places, so nothing of it is movable here.
fn place(facts: &mut BootFacts, item: BootItem, at: Span) {
    let placed = Some(Placed { at, movable: false });
    match item {
        BootItem::Kernel => {
            let text_offset = at.base() % (2 * MIB);
            facts.kernel = Some(Kernel { at, text_offset, image_size: at.len(), movable: false });
        }
        BootItem::Initrd => facts.initrd = placed,
        BootItem::Dtb => facts.dtb = placed,
        BootItem::Stage => facts.stage = Some(at),
        BootItem::Bundle => facts.bundle = Some(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::fdt::build;

    fn job(cmdline: Option<&str>) -> Job {
        let profile = KernelProfile::default();
        let cmdline = cmdline.map(ToString::to_string);
        Job { policy: None, profile, facts: BootFacts::default(), cmdline }
    }

    #[test]
    fn a_given_command_line_stands_in_the_tree() {
        let bare = build(&NewNode::new(""), 0, &[]).unwrap();
        let chosen = NewNode::new("").child(NewNode::new("chosen").prop_str("bootargs", "quiet"));
        for blob in [bare, build(&chosen, 0, &[]).unwrap()] {
            let effective = job(Some("cma=64M")).effective(blob).unwrap();
            let tree = Tree::parse(&effective).unwrap();
            let bootargs = tree.find("/chosen").unwrap().prop("bootargs").unwrap();
            assert_eq!(bootargs.as_str(), Some("cma=64M"));
        }
    }

    #[test]
    fn without_one_the_bytes_are_not_touched() {
        assert_eq!(job(None).effective(vec![1, 2, 3]), Ok(vec![1, 2, 3]));
    }
}
