//! How much the policy lets pass.

use super::*;

/// Returns a policy of this mode and action.
fn policy(mode: Mode, on_error: OnError) -> Policy {
    Policy { mode, on_error, ..Policy::default() }
}

/// Gives the board a region off its page, which is a warning, and nothing else.
fn off_its_page(tree: &Tree<'_>, edits: &mut Edits) {
    let span = Span::new(RAM + 256 * MIB, 0x1800).unwrap();
    edits.add_node(node(tree, "/reserved-memory"), region("odd", span));
}

#[test]
fn strict_refuses_the_warnings_that_a_plan_leaves() {
    let strict = policy(Mode::Strict, OnError::Halt);
    let found = refused(Scheme::under(strict.clone()).prove(off_its_page));
    assert!(!found.is_empty() && found.iter().all(|(_, severity)| *severity == Severity::Warning));
    assert!(Scheme::under(policy(Mode::Fix, OnError::Halt)).prove(off_its_page).is_ok());
    assert!(Scheme::under(strict).prove(|_, _| ()).is_ok());
}

#[test]
fn strict_refuses_the_warnings_that_a_plan_has_repaired() {
    let board = edited(&board(), off_its_page);
    let repaired = |mode| {
        let scheme = Scheme { board: board.clone(), ..Scheme::under(policy(mode, OnError::Halt)) };
        scheme.prove(|tree, edits| {
            let whole = Span::new(RAM + 256 * MIB, 0x2000).unwrap();
            edits.set(node(tree, "/reserved-memory/odd@50000000"), "reg", reg(&[whole]));
        })
    };
    assert!(refused(repaired(Mode::Strict)).iter().all(|(_, severity)| *severity == Severity::Warning));
    assert!(repaired(Mode::Fix).is_ok() && repaired(Mode::Audit).is_ok());
}

#[test]
fn continue_accepts_findings_and_keeps_them() {
    let going_on = || Scheme::under(policy(Mode::Fix, OnError::Continue));
    let overlap = |tree: &Tree<'_>, edits: &mut Edits| {
        edits.set(node(tree, DSP_PATH), "reg", reg(&[mib(DSP.0, 20)]));
    };
    let proven = going_on().prove(overlap).unwrap();
    assert!(proven.findings().iter().any(|finding| finding.rule == RuleId(201)));
    // Neither what is exposed nor what is stuck stops it.
    assert!(going_on().prove(|tree, edits| edits.remove_node(node(tree, CAMERA_PATH))).is_ok());
    let stuck = vec![PlacementFailure { node: "kernel".into(), why: "no room".into() }];
    assert!(Scheme { stuck, ..going_on() }.prove(|_, _| ()).is_ok());
    for on_error in [OnError::Halt, OnError::Reset] {
        assert!(!refused(Scheme::under(policy(Mode::Fix, on_error)).prove(overlap)).is_empty());
    }
}

/// Without RAM nothing has a place; that is what to say, and of nothing else.
#[test]
fn what_is_stuck_is_said_unless_there_is_no_ram() {
    let refusal = |board: Vec<u8>, stage| {
        let stuck = vec![PlacementFailure { node: "kernel".into(), why: "no room".into() }];
        let facts = BootFacts { stage, ..BootFacts::default() };
        Scheme { board, facts, stuck, ..Scheme::default() }.prove(|_, _| ())
    };
    let overlapping = edited(&board(), |tree, edits| {
        edits.set(node(tree, DSP_PATH), "reg", reg(&[mib(DSP.0, 20)]));
    });
    let no_ram = edited(&board(), |tree, edits| edits.remove_node(node(tree, "/memory@40000000")));
    let stage = Some(mib(4, 1));
    assert_eq!(refused(refusal(no_ram.clone(), stage)), [(RuleId(106), Severity::Error)]);
    // A tree at rest may have none yet.
    for (board, stage) in [(no_ram, None), (board(), stage), (overlapping, stage)] {
        assert!(matches!(refusal(board, stage), Err(Refusal::PlacementFailure(stuck)) if stuck.len() == 1));
    }
}

#[test]
fn continue_accepts_no_lie_about_the_bytes() {
    let going_on = || Scheme::under(policy(Mode::Fix, OnError::Continue));
    let lost = going_on().prove_written(|tree, edits| edits.remove_node(node(tree, CAMERA_PATH)));
    assert!(matches!(lost, Err(Refusal::Lost(_))));
    let other = going_on().prove(|tree, edits| {
        edits.set(node(tree, "/chosen"), "bootargs", b"mem=512M\0".to_vec());
    });
    assert!(matches!(other, Err(Refusal::OtherRam(_))));
    let placement = Placement { dtb: Span::new(RAM + 16 * MIB, 64), ..Placement::default() };
    let large = Scheme { placement, ..going_on() }.prove(|_, _| ());
    assert!(matches!(large, Err(Refusal::TooLarge { .. })));
    let unread = Scheme { second: |_, _| Err(Disagreement::Unreadable), ..going_on() }.prove(|_, _| ());
    assert!(matches!(unread, Err(Refusal::Witness(Disagreement::Unreadable))));
}
