//! The proof, fed with plans that lie. A board that is right is planned for by hand, wrongly, and each lie
//! must be refused for its own reason.

mod accepted;
mod lies;
mod owed;
mod scope;
mod second_reader;
mod shared;
mod strictness;

use super::*;
use crate::fdt::{Edits, NewNode, NodeId, build, rewrite};
use crate::finding::RuleId;
use crate::plan::Rewrites;
use crate::policy::{Carveout, Key, Policy, Requirement};
use crate::profile::KernelProfile;
use crate::span::MIB;
use alloc::string::String;
use alloc::vec;

/// The first address of RAM; there is 1 GiB.
const RAM: u64 = 0x4000_0000;

/// Returns a span in MiB from the start of RAM.
fn mib(at: u64, len: u64) -> Span {
    Span::new(RAM + at * MIB, len * MIB).unwrap()
}

fn reg(spans: &[Span]) -> Vec<u8> {
    spans.iter().flat_map(|span| [span.base().to_be_bytes(), span.len().to_be_bytes()].concat()).collect()
}

fn region(name: &str, span: Span) -> NewNode {
    NewNode::new(&alloc::format!("{name}@{:x}", span.base())).prop("reg", reg(&[span]))
}

/// The carveouts of the board.
const DSP: (u64, u64) = (64, 4);
const CAMERA: (u64, u64) = (80, 8);
/// Its `/memreserve/` entry.
const ENTRY: (u64, u64) = (RAM + 300 * MIB, MIB);

fn dsp() -> Span {
    mib(DSP.0, DSP.1)
}

fn camera() -> Span {
    mib(CAMERA.0, CAMERA.1)
}

/// Two carveouts, a pool, a mapped region, a `/memreserve/` entry, and the user of a carveout: nothing to
/// find.
fn board() -> Vec<u8> {
    let pool = region("pool", mib(128, 32)).prop_str("compatible", "shared-dma-pool").prop_empty("reusable");
    let memory = NewNode::new("memory@40000000")
        .prop_str("device_type", "memory")
        .prop("reg", reg(&[Span::new(RAM, 1024 * MIB).unwrap()]));
    let reserved = NewNode::new("reserved-memory")
        .prop_u32("#address-cells", 2)
        .prop_u32("#size-cells", 2)
        .prop_empty("ranges")
        .child(region("dsp", dsp()).prop_empty("no-map").prop_u32("phandle", 1))
        .child(region("camera", camera()).prop_empty("no-map"))
        .child(pool)
        .child(region("log", mib(200, 1)));
    let root = NewNode::new("")
        .prop_u32("#address-cells", 2)
        .prop_u32("#size-cells", 2)
        .prop_str("compatible", "vendor,board")
        .child(memory)
        .child(NewNode::new("chosen").prop_str("bootargs", "quiet"))
        .child(reserved)
        .child(NewNode::new("remoteproc").prop_u32("memory-region", 1));
    build(&root, 0, &[ENTRY]).unwrap()
}

/// A plan made by hand, and what it is about.
struct Scheme {
    board: Vec<u8>,
    policy: Option<Policy>,
    facts: BootFacts,
    placement: Placement,
    repairs: Vec<Repaired>,
    stuck: Vec<PlacementFailure>,
    second: SecondReader,
}

impl Default for Scheme {
    fn default() -> Self {
        Self {
            board: board(),
            policy: None,
            facts: BootFacts::default(),
            placement: Placement::default(),
            repairs: Vec::new(),
            stuck: Vec::new(),
            second: witness::read,
        }
    }
}

impl Scheme {
    /// Returns the scheme under a policy.
    fn under(policy: Policy) -> Self {
        Self { policy: Some(policy), ..Self::default() }
    }

    /// Runs the proof on a plan that admits its edits.
    fn prove(self, edit: impl FnOnce(&Tree<'_>, &mut Edits)) -> Result<Proven, Refusal> {
        self.run(edit, |bytes| bytes)
    }

    /// Runs the proof on a plan of no edits whose bytes were written by `rewriter` all the same.
    fn prove_written(self, rewriter: impl FnOnce(&Tree<'_>, &mut Edits)) -> Result<Proven, Refusal> {
        let bytes = edited(&self.board, rewriter);
        self.run(|_, _| (), |_| Some(bytes))
    }

    fn run(
        self,
        edit: impl FnOnce(&Tree<'_>, &mut Edits),
        written: impl FnOnce(Option<Vec<u8>>) -> Option<Vec<u8>>,
    ) -> Result<Proven, Refusal> {
        let profile = KernelProfile::default();
        let tree = Tree::parse(&self.board).unwrap();
        let mut edits = Edits::new();
        edit(&tree, &mut edits);
        let edits = Rewrites::ending_with(edits);
        let bytes = written(edits.make(&tree).unwrap());
        let map = MemoryMap::survey(&tree, &self.facts);
        let context = Context { policy: self.policy.as_ref(), profile: &profile, facts: &self.facts };
        let analysis = Analysis::new(tree, map, context);
        let findings = rules::judge(&analysis);
        let plan = Plan { edits, repairs: self.repairs, placement: self.placement, stuck: self.stuck };
        prove_with(&analysis, &findings, plan, bytes, self.second)
    }
}

fn edited(board: &[u8], edit: impl FnOnce(&Tree<'_>, &mut Edits)) -> Vec<u8> {
    let tree = Tree::parse(board).unwrap();
    let mut edits = Edits::new();
    edit(&tree, &mut edits);
    rewrite(&tree, &edits).unwrap()
}

fn node(tree: &Tree<'_>, path: &str) -> NodeId {
    tree.find(path).unwrap_or_else(|| panic!("{path}")).id()
}

/// Paths of the nodes that the lies are about.
const DSP_PATH: &str = "/reserved-memory/dsp@44000000";
const CAMERA_PATH: &str = "/reserved-memory/camera@45000000";
const POOL_PATH: &str = "/reserved-memory/pool@48000000";

/// Returns the rules and severities of a refusal because of findings.
fn refused(result: Result<Proven, Refusal>) -> Vec<(RuleId, Severity)> {
    match result {
        Err(Refusal::Findings(findings)) => findings.iter().map(|f| (f.rule, f.severity)).collect(),
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(_) => panic!("proven"),
    }
}

fn exposed_span(result: Result<Proven, Refusal>) -> Span {
    match result {
        Err(Refusal::Exposed(span)) => span,
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(_) => panic!("proven"),
    }
}

/// Returns a requirement of a no-map carveout.
fn required(path: &str, span: Span) -> Requirement {
    let (base, size) = (Some(span.base()), span.len());
    Requirement::Carveout(Carveout { key: Key::Path(String::from(path)), base, size, no_map: true })
}
