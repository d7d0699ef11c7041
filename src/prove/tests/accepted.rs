//! What is proven holds what led to it.

use super::*;
use crate::claims::ClaimKind;
use crate::efi::{EfiKind, EfiMap, EfiRange};
use crate::facts::{EfiFacts, Kernel};

#[test]
fn a_tree_that_is_right_is_proven_byte_for_byte() {
    let proven = Scheme::under(Policy { mode: Mode::Strict, ..Policy::default() }).prove(|_, _| ()).unwrap();
    assert_eq!(proven.dtb(), board());
    assert!(proven.findings().iter().all(|finding| finding.severity < Severity::Warning));
    assert!(proven.repairs().is_empty() && proven.holds().is_empty());
    assert_eq!(proven.map().carveouts().collect::<Vec<_>>(), [dsp(), camera()]);
    let named: Vec<(Span, &str)> = proven.carveouts().collect();
    assert_eq!(named, [(dsp(), "dsp@44000000"), (camera(), "camera@45000000")]);
    assert_eq!(proven.into_dtb(), board());
}

/// Who reads the report of a boot learns what was repaired.
#[test]
fn the_repairs_of_the_plan_are_kept() {
    let repairs = vec![Repaired { node: DSP_PATH.into(), kind: "add-no-map", what: "as required".into() }];
    let proven = Scheme { repairs: repairs.clone(), ..Scheme::default() }.prove(|_, _| ()).unwrap();
    assert_eq!(proven.repairs(), repairs);
}

/// Where the plan moves kernel, initrd and DTB, the proof judges them there, and the claims say so.
#[test]
fn what_is_placed_is_claimed_where_it_is_placed() {
    let facts = BootFacts {
        kernel: Some(Kernel { position: Position::Movable(dsp()), text_offset: 0, image_size: 4 * MIB }),
        initrd: Some(Position::Movable(camera())),
        dtb: Some(Position::Packed(camera())),
        ..BootFacts::default()
    };
    let placement = Placement { kernel: Some(mib(10, 4)), initrd: Some(mib(20, 8)), dtb: Some(mib(30, 1)) };
    let proven = Scheme { facts, placement, ..Scheme::default() }.prove(|_, _| ()).unwrap();
    assert_eq!(*proven.placement(), placement);
    let at = |kind| proven.claims().all().iter().find(|claim| claim.kind == kind).map(|claim| claim.span);
    assert_eq!(at(ClaimKind::Kernel), placement.kernel);
    assert_eq!(at(ClaimKind::Initrd), placement.initrd);
    // The blob is as long as it is, in a window that is longer.
    assert_eq!(at(ClaimKind::Dtb), Span::new(mib(30, 1).base(), board().len() as u64));
}

/// A carveout that the EFI memory map leaves free is held in it, unless nothing may be changed.
#[test]
fn carveouts_are_held_in_the_efi_map_where_repairs_are_permitted() {
    let proven = |mode| {
        let range = EfiRange { span: mib(0, 1024), kind: EfiKind::Conventional };
        let efi = EfiFacts { map: EfiMap::from_ranges([range]), ..EfiFacts::default() };
        let facts = BootFacts { efi: Some(efi), ..BootFacts::default() };
        let policy = Policy { mode, on_error: OnError::Continue, ..Policy::default() };
        Scheme { facts, ..Scheme::under(policy) }.prove(|_, _| ()).unwrap()
    };
    let free = |proven: &Proven| proven.findings().iter().filter(|f| f.rule == RuleId(704)).count();
    let fixed = proven(Mode::Fix);
    assert!(fixed.holds().iter().any(|hold| hold.span.covers(dsp())), "{:?}", fixed.holds());
    assert_eq!(free(&fixed), 0);
    let audited = proven(Mode::Audit);
    assert!(audited.holds().is_empty());
    assert!(free(&audited) > 0);
    let without = Scheme::default().prove(|_, _| ()).unwrap();
    assert!(without.holds().is_empty());
}

#[test]
fn a_refusal_says_what_it_is_about() {
    let said = |refusal: Refusal| alloc::format!("{refusal}");
    assert!(said(Refusal::Exposed(dsp())).contains("0x44000000..0x44400000"));
    assert!(said(Refusal::OtherRam(dsp())).contains("RAM at 0x44000000"));
    assert!(said(Refusal::TooLarge { len: 70_000, room: 65_536 }).contains("70000 bytes"));
    assert!(said(Refusal::Lost(Loss::Node("/soc".into()))).contains("/soc"));
    assert!(said(Refusal::Witness(Disagreement::Count(5, 4))).contains("5 entries here, 4 there"));
    assert!(said(Refusal::Witness(Disagreement::Unreadable)).contains("cannot read"));
    assert!(said(Refusal::Witness(Disagreement::Entry("dsp".into()))).contains("sees dsp differently"));
    assert!(said(Refusal::Released(dsp())).contains("reserved memory 0x44000000"));
    assert!(said(Refusal::Shared(dsp())).contains("still share 0x44000000"));
    assert!(said(Refusal::Shrunk(POOL_PATH.into())).contains(POOL_PATH));
    assert_eq!(
        said(Refusal::OutOfScope("/cpus".into(), "reg".into())),
        "no repair may change `reg` of /cpus"
    );
    let failure = PlacementFailure { node: "kernel".into(), why: "no free RAM".into() };
    assert!(said(Refusal::PlacementFailure(vec![failure])).contains("kernel: no free RAM"));
    assert!(said(Refusal::PlacementFailure(vec![])).contains("could not be placed"));
    assert!(said(Refusal::Findings(vec![])).contains("findings are left"));
}
