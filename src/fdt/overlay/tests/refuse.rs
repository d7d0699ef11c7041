//! What is refused, and what the error names.

use super::*;
use alloc::string::ToString;
use alloc::vec;

fn fixups(label: &str, places: &[&str]) -> NewNode {
    overlay([by_label("fragment@0", content())]).child(NewNode::new("__fixups__").prop_strs(label, places))
}

#[test]
fn labels_that_lead_nowhere() {
    let place = ["/fragment@0:target:0"];
    let expect = |label: &str, expected| {
        assert_eq!(fault(fixups(label, &place)), (expected, "/__fixups__".into(), label.into()));
    };
    expect("gpio", OverlayFault::UnknownLabel);
    expect("lost", OverlayFault::LostLabel);
    expect("bare", OverlayFault::NoPhandle);
    let bare = NewNode::new("").child(NewNode::new("soc"));
    let error = apply_to(&bare, &[fixups("soc", &place)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/__fixups__: \"soc\": the base has no __symbols__, so labels lead nowhere: compile it with dtc -@"
    );
}

#[test]
fn fixups_that_name_no_place() {
    for place in [
        "",
        ":",
        "/fragment@0",
        "/fragment@0:target",
        "/fragment@0:target:",
        "/fragment@0:target:x",
        "/fragment@0:target:-1",
        "/fragment@0:target:0:0",
        "/fragment@0:target:1",
        "/fragment@0:target:4",
        "/fragment@0:target:4294967295",
        "/fragment@0:target:4294967296",
        "/fragment@0:tar:0",
        "/fragment@0::0",
        "/fragment@1:target:0",
    ] {
        let expected = (OverlayFault::BadFixup, "/__fixups__".into(), "soc".into());
        assert_eq!(fault(fixups("soc", &["/fragment@0:target:0", place])), expected, "{place:?}");
    }
    let raw = |value: &[u8]| {
        let fixups = NewNode::new("__fixups__").prop("soc", value);
        fault(overlay([by_label("fragment@0", content())]).child(fixups)).0
    };
    assert_eq!(raw(b""), OverlayFault::BadFixup);
    assert_eq!(raw(b"/fragment@0:target:0"), OverlayFault::BadFixup, "no NUL");
    assert_eq!(raw(b"\xff\0"), OverlayFault::BadFixup);
}

#[test]
fn local_fixups_that_name_no_place() {
    let with = |fixups: NewNode| {
        let fragment = at("fragment@0", "/", content().prop_u32("a", 1));
        fault(overlay([fragment]).child(NewNode::new("__local_fixups__").child(fixups)))
    };
    let inside = |content: NewNode| NewNode::new("fragment@0").child(content);
    let path = "/__local_fixups__/fragment@0/__overlay__";
    let expected = |node: &str, name: &str| (OverlayFault::BadLocalFixup, node.into(), name.into());
    assert_eq!(with(NewNode::new("f")), expected("/__local_fixups__/f", ""));
    assert_eq!(with(inside(content().prop_u32("b", 0))), expected(path, "b"));
    assert_eq!(with(inside(content().prop_u32("a", 1))), expected(path, "a"), "leaves the value");
    assert_eq!(with(inside(content().prop_u32("a", u32::MAX))), expected(path, "a"));
    assert_eq!(with(inside(content().prop("a", [0, 0]))), expected(path, "a"), "half a word");
}

#[test]
fn phandles_that_are_none_or_leave_no_room() {
    let with = |phandle: &[u8]| {
        let new = NewNode::new("new").prop("phandle", phandle);
        fault(overlay([at("fragment@0", "/", content().child(new))]))
    };
    let expected = |fault| (fault, "/fragment@0/__overlay__/new".to_string(), "phandle".to_string());
    assert_eq!(with(&[0; 4]), expected(OverlayFault::BadPhandle));
    assert_eq!(with(&[0xff; 4]), expected(OverlayFault::BadPhandle));
    assert_eq!(with(&[0, 0, 1]), expected(OverlayFault::BadPhandle));
    assert_eq!(with(&[]), expected(OverlayFault::BadPhandle));
    // The base's highest is 9: -10 + 9 is -1, which is no phandle.
    assert_eq!(with(&(-10_i32).to_be_bytes()), expected(OverlayFault::PhandleOverflow));
    assert_eq!(with(&(-2_i32).to_be_bytes()), expected(OverlayFault::PhandleOverflow));
}

#[test]
fn fragments_without_a_target_in_the_base() {
    let path = || "/fragment@0".to_string();
    let by_path = |path| fault(overlay([at("fragment@0", path, content())]));
    for target in ["/soc/i2c", "/soc/uart@3000", "serial1", "loop", ""] {
        assert_eq!(by_path(target), (OverlayFault::NoSuchTarget, path(), target.into()));
    }
    let with = |fragment: NewNode| fault(overlay([fragment.child(content())]));
    let fragment = || NewNode::new("fragment@0");
    let none = (OverlayFault::NoTarget, path(), String::new());
    assert_eq!(with(fragment()), none);
    assert_eq!(with(fragment().prop_u32("target", u32::MAX)), none, "never resolved");
    assert_eq!(with(fragment().prop("target", [0; 3])), none);
    assert_eq!(with(fragment().prop("target-path", *b"/soc")), none, "no NUL");
    assert_eq!(
        with(fragment().prop_u32("target", 77)),
        (OverlayFault::NoSuchTarget, path(), "target".into())
    );
}

#[test]
fn a_whole_tree_is_no_overlay() {
    assert_eq!(fault(base()).0, OverlayFault::NoFragment);
    assert!(fault(NewNode::new("")).1 == "/");
}

#[test]
fn symbols_that_are_no_path_into_a_fragment() {
    let with = |value: &[u8]| {
        let symbols = NewNode::new("__symbols__").prop("new", value);
        fault(overlay([at("fragment@0", "/", content())]).child(symbols))
    };
    let expected = (OverlayFault::BadSymbol, "/__symbols__".to_string(), "new".to_string());
    for value in
        [&b""[..], b"/fragment@0/__overlay__", b"a\0", b"//__overlay__\0", b"/fragment@0/__overlay__\0x\0"]
    {
        assert_eq!(with(value), expected);
    }
    assert_eq!(with(b"/fragment@1/__overlay__/a\0"), expected);
}

/// Returns a chain of nodes, each in the one before.
fn chain(len: usize) -> NewNode {
    (1..len).fold(NewNode::new("x"), |below, _| NewNode::new("x").child(below))
}

#[test]
fn nothing_is_nested_too_deep_however_many_fragments_it_takes() {
    let path = |len: usize| "/x".repeat(len);
    let deep = || overlay([at("a", "/", content().child(chain(50)))]);
    let up_to = |len| deep().child(at("b", &path(50), content().child(chain(len))));
    assert!(Tree::parse(&apply(&[up_to(9)])).is_ok());
    let (what, node, _) = fault(up_to(10));
    assert_eq!(what, OverlayFault::TooDeep);
    assert!(node.starts_with("/b/__overlay__/x/x"), "{node}");
}

#[test]
fn labels_of_a_long_path_do_not_multiply_it() {
    let long = |n: usize| alloc::format!("{}{n}", "n".repeat(240));
    let mut symbols = NewNode::new("__symbols__");
    for n in 0..1000 {
        symbols = symbols.prop_str(&alloc::format!("l{n}"), "/f/__overlay__/x");
    }
    let mut path = String::new();
    let mut nodes = NewNode::new(&long(0));
    for n in 0..50 {
        path = alloc::format!("{path}/{}", long(n));
    }
    for n in (0..50).rev() {
        nodes = if n == 49 { NewNode::new(&long(n)) } else { NewNode::new(&long(n)).child(nodes) };
    }
    let overlay = overlay([at("e", "/", content().child(nodes)), at("f", &path, content())]).child(symbols);
    assert_eq!(fault(overlay).0, OverlayFault::TooManyLabels);
}

#[test]
fn a_result_that_no_boot_takes_is_refused() {
    let big = || vec![0; 1200 << 10];
    let base = base().prop("big", big());
    let overlay = overlay([at("fragment@0", "/", content().prop("huge", big()))]);
    let error = apply_to(&base, &[overlay]).unwrap_err();
    assert!(matches!(error, OverlayError::Tree(crate::fdt::FdtError::TooLarge { .. })), "{error}");
}
