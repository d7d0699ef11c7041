//! Policy blobs as they travel, and as they must not be believed.

use super::*;
use crate::policy::{
    BootargsFrom, ConsoleEvidence, Merge, Mode, OnAccess, OnError, OnRunning, SentinelConsole, Via,
};
use crate::span::MIB;
use alloc::vec;
use proptest::prelude::*;

fn board_policy() -> Policy {
    let camera = Key::Path("/reserved-memory/camera@84300000".to_string());
    Policy {
        board: Some("qcom,qcs6490".to_string()),
        kernel: Some("6.6.92".to_string()),
        mode: Mode::Strict,
        on_error: OnError::Reset,
        requirements: vec![
            Carveout { key: camera, base: Some(0x8430_0000), size: 5 * MIB, no_map: true }.into(),
            Carveout { key: Key::Label("wpss_mem".to_string()), base: None, size: 4096, no_map: false }
                .into(),
            ProtectedRange::new("tz".to_string(), 0x8500_0000, MIB).unwrap().into(),
        ],
        boundary: Some(MIB),
        guard: Some(4096),
        cma: Some(CmaWant {
            size: 64 * MIB,
            align: Some(4 * MIB),
            range: Span::from_ends(0x4000_0000, 0x1_0000_0000),
            via: Via::Node,
        }),
        log: Some(PersistentLog { size: 128 << 10, base: Some(0x9000_0000) }),
        console: ConsoleEvidence::Earlycon,
        watchdog: OnRunning::Pet,
        sentinel: Some(Sentinel {
            on_access: OnAccess::Reset,
            carveouts: Watch::Named(vec![
                Key::Path("/reserved-memory/camera@84300000".to_string()),
                Key::Label("wpss_mem".to_string()),
            ]),
            console: SentinelConsole::Uart,
            base: Some(0xd100_0000),
        }),
        tree: TreePolicy {
            merge: Merge::Reservations,
            bootargs: BootargsFrom::Append,
            take: vec!["/firmware".to_string(), "/soc/mac:address".to_string()],
        },
        allow: Allow { shift: true, restore: true, ..Allow::default() },
    }
}

/// Returns a root as `to_blob` starts it, for blobs that are wrong on purpose.
fn root(version: u32) -> NewNode {
    let mut root = NewNode::new("");
    root = root.prop_str("compatible", COMPATIBLE);
    root = root.prop_u32("version", version);
    root = root.prop_str("mode", "fix");
    root = root.prop_str("on-error", "halt");
    root
}

fn read(root: &NewNode) -> Result<Policy, PolicyError> {
    Policy::from_blob(&build(root, 0, &[]).unwrap())
}

#[test]
fn a_policy_that_was_not_compiled_is_told_apart() {
    assert_eq!(Policy::from_blob(b"mode = \"fix\"\n"), Err(PolicyError::Text));
    assert!(matches!(Policy::from_blob(&[]), Err(PolicyError::Tree(_))));
}

#[test]
fn a_policy_comes_back_as_it_went() {
    let unclaimed = Policy { sentinel: Some(Sentinel::default()), ..Policy::default() };
    for policy in [Policy::default(), unclaimed, board_policy()] {
        let blob = policy.to_blob().unwrap();
        assert_eq!(Policy::from_blob(&blob), Ok(policy));
    }
}

#[test]
fn the_digest_covers_the_tree_and_nothing_behind_it() {
    let mut blob = board_policy().to_blob().unwrap();
    let alone = digest(&blob).unwrap();
    blob.extend([0; 64]);
    assert_eq!(digest(&blob).unwrap(), alone);
    assert_ne!(digest(&Policy::default().to_blob().unwrap()).unwrap(), alone);
}

#[test]
fn what_is_not_understood_is_refused() {
    assert_eq!(read(&root(2)), Err(PolicyError::Version { found: Some(2) }));
    let mut unknown = root(VERSION);
    unknown = unknown.prop_empty("no-unmap");
    assert_eq!(
        read(&unknown),
        Err(PolicyError::Unknown { node: "/".to_string(), name: "no-unmap".to_string() })
    );
    let mut child = root(VERSION);
    child.children.push(NewNode::new("carveout"));
    assert!(matches!(read(&child), Err(PolicyError::Unknown { .. })));
    let mut allow = root(VERSION);
    allow.children.push(NewNode::new("allow"));
    allow.children[0].props.push(("everything".to_string(), Vec::new()));
    assert!(matches!(read(&allow), Err(PolicyError::Unknown { .. })));
}

#[test]
fn a_second_entry_is_refused_and_not_dropped() {
    let mut twice = root(VERSION);
    twice.children = vec![NewNode::new("allow"), NewNode::new("allox")];
    let mut blob = build(&twice, 0, &[]).unwrap();
    // No builder writes two nodes of one name, but anybody can.
    let at = blob.windows(5).position(|name| name == b"allox").unwrap();
    blob[at + 4] = b'w';
    assert_eq!(
        Policy::from_blob(&blob),
        Err(PolicyError::Malformed { node: "/".to_string(), name: "allow".to_string() })
    );
}

#[test]
fn a_device_tree_is_no_policy() {
    assert_eq!(read(&NewNode::new("")), Err(PolicyError::NotAPolicy));
}

#[test]
fn a_value_of_the_wrong_form_names_its_property() {
    let mut bad = root(VERSION);
    bad.children.push(NewNode::new("cma").prop_u32("size", 1).prop_str("via", "node"));
    assert_eq!(
        read(&bad),
        Err(PolicyError::Malformed { node: "/cma".to_string(), name: "size".to_string() }),
        "numbers are 64 bits wide: four bytes are a mistake, not a small number"
    );
}

proptest! {
    #[test]
    fn damaged_blobs_are_errors_or_policies(at in 0usize..900, value: u8, cut in 0usize..1100) {
        let mut blob = board_policy().to_blob().unwrap();
        if let Some(byte) = blob.get_mut(at) {
            *byte = value;
        }
        blob.truncate(cut);
        if let Ok(policy) = Policy::from_blob(&blob) {
            prop_assert!(policy.to_blob().is_ok());
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes: Vec<u8>) {
        prop_assert!(Policy::from_blob(&bytes).is_err());
    }
}

/// A policy as it is written, in the place of the compiled one.
#[test]
fn a_policy_in_toml_is_answered_with_what_compiles_it() {
    for text in ["mode = \"fix\"\n", "# The board\r\n\tmode = 'fix'", "x"] {
        let why = Policy::from_blob(text.as_bytes()).unwrap_err();
        assert_eq!(why, PolicyError::Text, "{text}");
        assert!(why.to_string().contains("compile it with `ringfence policy build`"), "{why}");
    }
    for other in [&b""[..], b"mode\0", &[0x1f, 0x8b]] {
        assert!(matches!(Policy::from_blob(other), Err(PolicyError::Tree(_))), "{other:?}");
    }
}
