//! Which configuration boots on which board.

use super::*;
use crate::policy::Policy;

/// Returns a tree for the board `name`.
fn tree(name: &str) -> Vec<u8> {
    build(&NewNode::new("").prop_str("compatible", name), 0, &[]).unwrap()
}

/// Returns a FIT with the trees of boards `a` and `b`, a policy for `b`, and these configurations.
fn bundle(default: Option<&[u8]>, configurations: Vec<NewNode>) -> Vec<u8> {
    let policy = Policy { board: Some("vendor,b".to_string()), ..Policy::default() }.to_blob().unwrap();
    let image = |name: &str, data: &[u8]| node(name, &[("data", data)], vec![]);
    let images = vec![
        image("kernel", b"x"),
        image("fdt-a", &tree("vendor,a")),
        image("fdt-b", &tree("vendor,b")),
        image("fdt-packed", b"\x1f\x8b\x08").prop_str("compression", "gzip"),
        image("policy", &policy),
    ];
    let default: Vec<(&str, &[u8])> = default.map(|name| ("default", name)).into_iter().collect();
    let all = vec![node("images", &[], images), node("configurations", &default, configurations)];
    build(&node("", &[], all), 0, &[]).unwrap()
}

fn conf(name: &str, more: &[(&str, &str)]) -> NewNode {
    let conf = NewNode::new(name).prop_str("kernel", "kernel");
    more.iter().fold(conf, |conf, (name, value)| conf.prop_str(name, value))
}

fn chosen(bytes: &[u8], compatibles: &[&str]) -> Result<String, FitError> {
    Fit::parse(bytes).unwrap().select(compatibles).map(|config| config.name)
}

#[test]
fn the_most_specific_name_wins_wherever_the_configuration_states_it() {
    let by_own =
        vec![conf("conf-a", &[("compatible", "vendor,a")]), conf("conf-b", &[("compatible", "vendor,b")])];
    let by_tree = vec![conf("conf-a", &[("fdt", "fdt-a")]), conf("conf-b", &[("fdt", "fdt-b")])];
    for configurations in [by_own, by_tree] {
        let bytes = bundle(Some(b"conf-a\0"), configurations);
        assert_eq!(chosen(&bytes, &["vendor,b-rev2", "vendor,b", "vendor,a"]).unwrap(), "conf-b");
        assert_eq!(chosen(&bytes, &["vendor,a", "vendor,b"]).unwrap(), "conf-a");
        assert_eq!(chosen(&bytes, &[]).unwrap(), "conf-a", "without a board it is the default");
    }
}

#[test]
fn a_configurations_own_names_come_before_those_of_its_tree() {
    let conf = conf("conf-1", &[("compatible", "vendor,a"), ("fdt", "fdt-b")]);
    let bytes = bundle(None, vec![conf]);
    assert_eq!(chosen(&bytes, &["vendor,a"]).unwrap(), "conf-1");
    assert!(matches!(chosen(&bytes, &["vendor,b"]), Err(FitError::NoMatch { .. })));
}

#[test]
fn another_boards_bundle_is_refused_unless_its_policy_names_that_board() {
    let b = [("fdt", "fdt-b"), ("loadables", "policy")];
    for (more, board) in [(&b[..1], None), (&b[..], Some("conf-b"))] {
        let bytes =
            bundle(Some(b"conf-b\0"), vec![conf("conf-a", &[("fdt", "fdt-a")]), conf("conf-b", more)]);
        let found = chosen(&bytes, &["linux,dummy-virt"]);
        match board {
            Some(board) => assert_eq!(found.unwrap(), board),
            None => {
                let why = found.unwrap_err().to_string();
                assert!(why.contains("`linux,dummy-virt`: they are for vendor,a, vendor,b"), "{why}");
            }
        }
    }
}

#[test]
fn a_bundle_that_names_no_board_boots_its_default() {
    let confs = || vec![conf("conf-1", &[("fdt", "fdt-packed")]), conf("conf-2", &[])];
    assert_eq!(chosen(&bundle(Some(b"conf-2\0"), confs()), &["vendor,a"]).unwrap(), "conf-2");
    assert!(matches!(chosen(&bundle(None, confs()), &["vendor,a"]), Err(FitError::NoDefault { count: 2 })));
}

#[test]
fn a_tie_goes_to_the_default_or_to_none() {
    let confs = || vec![conf("conf-1", &[("fdt", "fdt-a")]), conf("conf-2", &[("compatible", "vendor,a")])];
    assert_eq!(chosen(&bundle(Some(b"conf-2\0"), confs()), &["vendor,a"]).unwrap(), "conf-2");
    let tie = Err(FitError::Tie { configs: "conf-1, conf-2".to_string() });
    assert_eq!(chosen(&bundle(None, confs()), &["vendor,a"]), tie);
}
