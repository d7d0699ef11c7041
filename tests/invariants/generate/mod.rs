//! Generates hostile and ordinary boards: banks, regions of every kind, `/memreserve/`, bootargs, policies,
//! boot facts.

pub(crate) mod boot;
mod literal;
mod trees;
mod write;

use proptest::prelude::*;
use ringfence::facts::BootFacts;
use ringfence::policy::{
    Allow, Carveout, CmaWant, Key, Merge, Mode, OnError, PersistentLog, Policy, ProtectedRange, Requirement,
    Sentinel, TreePolicy, Via,
};
use ringfence::profile::{KernelProfile, PageSize, RELEASES};
use ringfence::span::{MIB, Span};
pub(crate) use trees::STRAY;
use trees::{RAM, base, board};

/// The input of one run of the pipeline. Its debug form is Rust for `found.rs`.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) board: Board,
    /// The loader's tree, where the board's comes from a bundle.
    pub(crate) loader: Option<Board>,
    pub(crate) policy: Option<Policy>,
    pub(crate) profile: KernelProfile,
    /// Kernels for which the result has to be right, too.
    pub(crate) others: Vec<KernelProfile>,
    pub(crate) facts: BootFacts,
}

impl Case {
    /// Makes a case for one kernel or several.
    pub(crate) fn new(
        board: Board,
        loader: Option<Board>,
        policy: Option<Policy>,
        mut kernels: Vec<KernelProfile>,
        facts: BootFacts,
    ) -> Self {
        // What is aligned for the kernel that asks most is aligned for all.
        kernels.sort_by_key(KernelProfile::cma_align);
        let profile = kernels.pop().unwrap();
        Self { board, loader, policy, profile, others: kernels, facts }
    }
}

/// A device tree to be written.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    pub(crate) root: (u32, u32),
    pub(crate) banks: Vec<(u64, u64)>,
    pub(crate) reserved: Option<Reserved>,
    /// Regions where no kernel looks, and their parent.
    pub(crate) stray: Option<(&'static str, Vec<Child>)>,
    pub(crate) memreserve: Vec<(u64, u64)>,
    pub(crate) bootargs: Option<String>,
    pub(crate) initrd: Option<(u64, u64)>,
    /// Whether the tree was compiled with labels.
    pub(crate) symbols: bool,
}

/// `/reserved-memory` to be written.
#[derive(Clone, Debug)]
pub(crate) struct Reserved {
    pub(crate) cells: Option<(u32, u32)>,
    pub(crate) ranges: bool,
    pub(crate) regions: Vec<Child>,
}

/// A child of `/reserved-memory` to be written.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub(crate) name: String,
    pub(crate) extent: Extent,
    pub(crate) flags: Vec<&'static str>,
    pub(crate) compatible: Option<&'static str>,
    pub(crate) status: Option<&'static str>,
    /// The number of the device that refers to it, if one does.
    pub(crate) user: Option<usize>,
}

/// How a child states its place.
#[derive(Clone, Debug)]
pub(crate) enum Extent {
    Reg(Vec<(u64, u64)>),
    /// `reg` in cells of two and one.
    Foreign(Vec<(u64, u64)>),
    /// `reg` and `size`.
    Both(Vec<(u64, u64)>, u64),
    Size {
        size: u64,
        align: Option<u64>,
        windows: Vec<(u64, u64)>,
    },
    Bytes(Vec<u8>),
    Nothing,
}

fn required(board: &Board) -> impl Strategy<Value = Vec<Requirement>> + use<> {
    let known: Vec<(String, u64)> = board
        .reserved
        .iter()
        .flat_map(|reserved| &reserved.regions)
        .map(|child| {
            let base = match &child.extent {
                Extent::Reg(spans) => spans[0].0,
                _ => RAM,
            };
            (format!("/reserved-memory/{}", child.name), base)
        })
        .collect();
    let one =
        (any::<prop::sample::Index>(), prop::option::weighted(0.5, base()), 1u64..6, any::<bool>(), 0u8..6)
            .prop_map(move |(which, other, mib, no_map, sort)| {
                let (path, base) = match known.is_empty() {
                    true => ("/reserved-memory/fw@41000000".to_string(), RAM + 16 * MIB),
                    false => which.get(&known).clone(),
                };
                let base = if sort == 0 { None } else { Some(other.unwrap_or(base)) };
                let key = match sort {
                    // A region of the tree, if that has labels; or none.
                    1 => Key::Label(format!("region{}", which.index(8))),
                    2 => {
                        let base = base.unwrap_or(RAM);
                        return ProtectedRange::new("secmon".into(), base, mib * MIB).unwrap().into();
                    }
                    _ => Key::Path(path),
                };
                Carveout { no_map, key, base, size: mib * MIB }.into()
            });
    prop::collection::vec(one, 0..3)
}

fn cma() -> impl Strategy<Value = Option<CmaWant>> {
    let want = (1u64..33, prop::option::of(12u32..27), any::<bool>(), any::<bool>()).prop_map(
        |(mib, align, anywhere, node)| CmaWant {
            size: mib * 2 * MIB,
            align: align.map(|n| 1 << n),
            range: if anywhere { None } else { Span::from_ends(RAM, 0x1_0000_0000) },
            via: if node { Via::Node } else { Via::Bootargs },
        },
    );
    prop::option::weighted(0.5, want)
}

fn policy(board: &Board) -> impl Strategy<Value = Option<Policy>> + use<> {
    let mostly = || prop::bool::weighted(0.8);
    let allow = (mostly(), mostly(), mostly(), mostly())
        .prop_map(|(shift, restore, drop_flags, enable)| Allow { shift, restore, drop_flags, enable });
    let mode = prop_oneof![10 => Just(Mode::Fix), 1 => Just(Mode::Audit), 1 => Just(Mode::Strict)];
    let base = prop::option::weighted(0.3, (0u64..128).prop_map(|n| RAM + n * 8 * MIB));
    let log = (0u32..4, base).prop_map(|(n, base)| PersistentLog { size: (64 << 10) << n, base });
    let log = prop::option::weighted(0.3, log);
    let guard = prop::option::weighted(0.1, Just(4096));
    let base = prop::option::weighted(0.3, (0u64..128).prop_map(|n| RAM + n * 8 * MIB));
    let sentinel = base.prop_map(|base| Sentinel { base, ..Sentinel::default() });
    let sentinel = prop::option::weighted(0.3, sentinel);
    // What `none` leaves of the loader's tree is not promised.
    let merge = prop_oneof![3 => Just(Merge::All), 1 => Just(Merge::Reservations)];
    let parts = (merge, required(board), guard, cma(), log, sentinel, allow, mode);
    let policy = parts.prop_map(|(merge, requirements, guard, cma, log, sentinel, allow, mode)| Policy {
        tree: TreePolicy { merge, ..TreePolicy::default() },
        board: None,
        kernel: None,
        mode,
        on_error: OnError::Halt,
        requirements,
        boundary: None,
        guard,
        cma,
        log,
        console: ringfence::policy::ConsoleEvidence::default(),
        watchdog: ringfence::policy::OnRunning::default(),
        sentinel,
        allow,
    });
    prop::option::weighted(
        0.8,
        policy.prop_filter("a policy that contradicts itself", |p| p.validate().is_ok()),
    )
}

/// Returns the tree of a loader, which may know of less RAM than there is.
fn loader() -> impl Strategy<Value = Board> {
    let less = prop::option::weighted(0.3, (8u64..64).prop_map(|n| vec![(RAM, n * MIB)]));
    (trees::board(), less).prop_map(|(board, less)| {
        let banks = less.unwrap_or(board.banks);
        Board { banks, ..board }
    })
}

/// Returns boots with one tree or two, by EFI or not.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    cases(0.12, 0.15)
}

/// Returns boots with two trees, nearly all, half of them by EFI.
pub(crate) fn two_trees() -> impl Strategy<Value = Case> {
    cases(0.95, 0.5)
}

/// Returns boots with two trees, and by EFI, as often as these probabilities say.
fn cases(two_trees: f64, by_efi: f64) -> impl Strategy<Value = Case> {
    let page = || prop_oneof![6 => Just(PageSize::K4), 1 => Just(PageSize::K16), 1 => Just(PageSize::K64)];
    board()
        .prop_flat_map(move |board| {
            let kernels = prop::collection::vec((prop::sample::select(RELEASES), page()), 1..3);
            let loader = prop::option::weighted(two_trees, loader());
            (policy(&board).boxed(), boot::facts(&board, by_efi).boxed(), kernels, loader, Just(board))
        })
        .prop_map(|(policy, facts, kernels, loader, board)| {
            let kernels = kernels.into_iter().map(|(kernel, page)| kernel.with_page(page)).collect();
            Case::new(board, loader, policy, kernels, facts)
        })
}
