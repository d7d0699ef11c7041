//! Hostile boots: a board whose loader passes damaged trees and bundles. Each must end in a hand-off that
//! keeps every carveout, or in one HALT line; none may be silent, and none may hang.
//!
//! What a boot gets depends on its seed alone, which is printed.

mod damage;
mod judge;
mod random;

pub(crate) use judge::Verdict;

use crate::boards::{tree, virt};
use crate::cases::{jump_to, overwrite};
use crate::dtc;
use crate::machine::{Board, Entry, Level, Loaded, Ram};
use crate::test_bed::TestBed;
use anyhow::{Context, Result, anyhow};
use random::Random;
use ringfence::fdt::{Edits, NewNode, Tree, rewrite};
use ringfence::fit::Pack;
use ringfence::policy::Policy;
use ringfence::span::Span;
use std::fs;
use std::time::Duration;

const STAGE_AT: u64 = 0x4020_0000;
const JUMP_AT: u64 = 0x4700_0000;
const DTB_AT: u64 = 0x4720_0000;
const BUNDLE_AT: u64 = 0x4800_0000;
/// How long a boot may take on a busy machine; most take less than a second.
const LIMIT: Duration = Duration::from_secs(60);

/// What is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// Bytes of the loader's tree.
    Tree,
    /// What the loader's tree says about memory.
    Memory,
    /// Bytes of the bundle.
    Bundle,
    /// Bytes of the tree in a bundle whose hashes are right.
    TreeInBundle,
    /// What the tree in a bundle says about memory, with another from the loader.
    TwoTrees,
    /// Bytes of the policy in a bundle whose hashes are right.
    Policy,
    /// Bytes of the kernel's header, in a bundle whose hashes are right.
    Kernel,
}

impl Damage {
    pub(crate) const ALL: [Self; 7] = [
        Self::Tree,
        Self::Memory,
        Self::Bundle,
        Self::TreeInBundle,
        Self::TwoTrees,
        Self::Policy,
        Self::Kernel,
    ];

    /// Returns the damage of the boot with this seed: each in turn.
    pub(crate) fn of(seed: u64) -> Self {
        let all = Self::ALL.len() as u64;
        Self::ALL.into_iter().nth(usize::try_from(seed % all).unwrap_or(0)).unwrap_or(Self::Tree)
    }
}

/// The sound trees that are damaged, from `scenarios/`.
const TREES: [&str; 5] = [
    "good/q05-qcom-full.dts",
    "good/x02-xlnx-dma-pool.dts",
    "nine/second-tuple.dts",
    "broken/b01-overlap.dts",
    "good/q07-static-cma.dts",
];

/// What is put into memory, and what must hold of it.
struct Input {
    dtb: Vec<u8>,
    bundle: Vec<u8>,
    /// The tree in the bundle, if there is one.
    own: Option<Vec<u8>>,
}

/// Boots a board with the damage that `seed` gives.
///
/// # Errors
/// When the boot cannot be made; what the stage does wrong is a verdict.
pub(crate) fn boot(bed: &TestBed, seed: u64) -> Result<Verdict> {
    let name = format!("hostile-{seed}");
    let input = input(bed, seed)?;
    let file = |what: &str, bytes: &[u8]| tree::keep(&bed.ws.scratch_file("hostile", &name, what)?, bytes);
    let files = [
        Loaded { file: bed.talkative()?, at: STAGE_AT },
        Loaded { file: file("jump", &jump_to(STAGE_AT, DTB_AT))?, at: JUMP_AT },
        Loaded { file: file("dtb", &input.dtb)?, at: DTB_AT },
        Loaded { file: file("itb", &input.bundle)?, at: BUNDLE_AT },
    ];
    let board = Board {
        machine: &virt::MACHINE,
        level: Level::El2,
        // As the trees say: a board with less refuses them all.
        ram: Ram::GIB_4,
        entry: Entry::Raw { loaded: files.to_vec(), start: JUMP_AT },
        plugin: None,
        emulator: None,
        more: Vec::new(),
    };
    let transcript = bed.boot_until(&name, &board, LIMIT, Some(&judge::is_over))?;
    let verdict = judge::judge(&transcript, &input.dtb, input.own.as_deref());
    if !matches!(verdict, Verdict::Bad(_)) {
        // What went well is not looked at again; thousands of files would be left.
        for loaded in files.iter().skip(1) {
            let _ = fs::remove_file(&loaded.file);
        }
        let _ = fs::remove_file(bed.ws.scratch_file("logs", &name, "log")?);
    }
    Ok(verdict)
}

/// Makes what the boot with this seed finds in memory.
fn input(bed: &TestBed, seed: u64) -> Result<Input> {
    let mut random = Random::new(seed);
    let damage = Damage::of(seed);
    let loader = sound(bed, &mut random)?;
    let brings = matches!(damage, Damage::TreeInBundle | Damage::TwoTrees);
    let mut own = if brings { Some(sound(bed, &mut random)?) } else { None };
    let mut kernel = fs::read(bed.payload()?.image)?;
    let mut policy = Policy::default().to_blob()?;
    match damage {
        Damage::TreeInBundle => own = own.map(|own| damage::scratched(&own, &mut random)),
        Damage::TwoTrees => own = own.map(|own| damage::twisted(&own, &mut random)),
        Damage::Policy => policy = damage::scratched(&policy, &mut random),
        Damage::Kernel => {
            // Not its first instructions: a kernel that is not code is not for the stage to know.
            let at = 8 * (1 + random.below(7));
            overwrite(&mut kernel, at, &(random.next() >> random.below(64)).to_le_bytes())?;
        }
        Damage::Tree | Damage::Memory | Damage::Bundle => {}
    }
    let pack = Pack { kernel: &kernel, fdt: own.as_deref(), policy: Some(&policy), ..Pack::default() };
    // What the packer refuses is put into an older bundle's place.
    let plain = fs::read(bed.payload()?.image)?;
    let mut bundle = match pack.build() {
        Ok(bundle) => bundle,
        Err(_) => Pack { kernel: &plain, ..pack }.build()?,
    };
    let slot = Span::new(BUNDLE_AT, bundle.len() as u64).context("the bundle is empty")?;
    let mut dtb = with_slot(&loader, slot)?;
    match damage {
        Damage::Tree => dtb = damage::scratched(&dtb, &mut random),
        Damage::Memory | Damage::TwoTrees => dtb = damage::twisted(&dtb, &mut random),
        Damage::Bundle => {
            // The tree of the bundle is at its front.
            let front = bundle.len().min(1 + random.below(0x1000));
            let rest = bundle.split_off(front);
            bundle = [damage::scratched(&bundle, &mut random), rest].concat();
        }
        Damage::TreeInBundle | Damage::Policy | Damage::Kernel => {}
    }
    Ok(Input { dtb, bundle, own })
}

/// Returns a sound tree for this board.
fn sound(bed: &TestBed, random: &mut Random) -> Result<Vec<u8>> {
    let source = random.one_of(&TREES);
    let dtb = bed.made("hostile", &[source.as_ref()], |_| {
        dtc::compile(&bed.ws, &bed.ws.proving_ground().join("scenarios").join(source))
    })?;
    Ok(fs::read(dtb)?)
}

/// Returns the tree with the RAM of this board and the bundle in the initrd slot, as a loader would pass it.
fn with_slot(dtb: &[u8], slot: Span) -> Result<Vec<u8>> {
    let tree = Tree::parse(dtb).map_err(|error| anyhow!("{error}"))?;
    let mut edits = Edits::new();
    let ends = [("linux,initrd-start", slot.base()), ("linux,initrd-end", slot.end())];
    match tree.find("/chosen") {
        Some(chosen) => {
            ends.iter().for_each(|(name, end)| edits.set(chosen.id(), name, end.to_be_bytes().to_vec()));
        }
        None => {
            let node =
                ends.iter().fold(NewNode::new("chosen"), |node, (name, end)| node.prop_u64(name, *end));
            edits.add_node(tree.root().id(), node);
        }
    }
    rewrite(&tree, &edits).map_err(|error| anyhow!("{error}"))
}
