//! What the result holds.

use super::*;

#[test]
fn properties_are_set_and_nodes_added_in_front() {
    let new = NewNode::new("uart@3000").prop_u32("reg", 3).child(NewNode::new("port"));
    let content = content().prop_str("status", "okay").prop_empty("dma").child(new);
    let blob = apply(&[overlay([at("fragment@0", "/soc", content)])]);
    let tree = Tree::parse(&blob).unwrap();
    let paths: Vec<_> = tree.nodes().map(|node| node.path()).collect();
    assert_eq!(
        paths,
        [
            "/",
            "/aliases",
            "/soc",
            "/soc/uart@3000",
            "/soc/uart@3000/port",
            "/soc/uart@1000",
            "/soc/uart@2000",
            "/user",
            "/__symbols__"
        ]
    );
    assert_eq!(text(&blob, "/soc", "status"), "okay");
    assert!(tree.find("/soc").unwrap().has_prop("dma"));
    assert_eq!(text(&blob, "/soc/uart@1000", "status"), "disabled");
    assert_eq!(tree.blob().memreserve().collect::<Vec<_>>(), [(0x1000, 0x1000)]);
}

#[test]
fn labels_of_the_base_become_its_phandles_wherever_they_stand() {
    let user = NewNode::new("new").prop_cells("uses", &[7, u32::MAX]).prop("odd", *b"a\xff\xff\xff\xffz");
    let overlay = overlay([by_label("fragment@0", content().child(user))]).child(
        NewNode::new("__fixups__")
            .prop_str("soc", "/fragment@0:target:0")
            .prop_strs("uart", &["/fragment@0/__overlay__/new:uses:4", "/fragment@0/__overlay__/new:odd:1"]),
    );
    let blob = apply(&[overlay]);
    assert_eq!(cells(&blob, "/soc/new", "uses"), [7, 4]);
    let tree = Tree::parse(&blob).unwrap();
    assert_eq!(tree.find("/soc/new").unwrap().prop("odd").unwrap().value, b"a\0\0\0\x04z");
}

/// Returns an overlay that brings a node with phandle 1 and another one that refers to it.
fn with_local() -> NewNode {
    let pool = NewNode::new("pool").prop_u32("phandle", 1);
    let user = NewNode::new("pool-user").prop_cells("memory-region", &[0, 1]).prop_u32("other", 1);
    let fixups = NewNode::new("fragment@0")
        .child(content().child(NewNode::new("pool-user").prop_cells("memory-region", &[4])));
    overlay([at("fragment@0", "/", content().child(pool).child(user))])
        .child(NewNode { name: "__local_fixups__".into(), ..NewNode::new("").child(fixups) })
        .child(NewNode::new("__symbols__").prop_str("pool", "/fragment@0/__overlay__/pool"))
}

#[test]
fn local_phandles_move_above_those_of_the_base_with_their_references() {
    let blob = apply(&[with_local()]);
    assert_eq!(cells(&blob, "/pool", "phandle"), [10], "behind the base's highest, 9");
    assert_eq!(cells(&blob, "/pool-user", "memory-region"), [0, 10]);
    assert_eq!(cells(&blob, "/pool-user", "other"), [1], "no reference, though it looks like one");
}

#[test]
fn the_next_overlay_finds_the_labels_of_the_one_before() {
    let next = overlay([by_label("fragment@0", content().prop_empty("reusable"))])
        .child(NewNode::new("__fixups__").prop_str("pool", "/fragment@0:target:0"));
    let blob = apply(&[with_local(), next]);
    assert_eq!(text(&blob, "/__symbols__", "pool"), "/pool");
    assert!(Tree::parse(&blob).unwrap().find("/pool").unwrap().has_prop("reusable"));
}

#[test]
fn symbols_are_translated_and_the_table_is_made_when_it_is_missing() {
    let symbols = NewNode::new("__symbols__")
        .prop_str("deep", "/frag/__overlay__/a/b")
        .prop_str("itself", "/frag/__overlay__")
        .prop_str("outside", "/frag/other")
        .prop_str("fragment", "/frag");
    let inside = content().child(NewNode::new("a").child(NewNode::new("b")));
    let bare = NewNode::new("").child(NewNode::new("soc"));
    let blob = apply_to(&bare, &[overlay([at("frag", "/soc", inside)]).child(symbols)]).unwrap();
    assert_eq!(text(&blob, "/__symbols__", "deep"), "/soc/a/b");
    assert_eq!(text(&blob, "/__symbols__", "itself"), "/soc");
    let tree = Tree::parse(&blob).unwrap();
    assert_eq!(tree.find("/__symbols__").unwrap().props().count(), 2, "the others are not merged");
}

#[test]
fn a_later_fragment_wins_and_may_go_into_what_an_earlier_one_added() {
    let blob = apply(&[overlay([
        at("fragment@0", "/", content().prop_str("model", "one").child(NewNode::new("new@1"))),
        at("fragment@1", "/new@1", content().prop_u32("depth", 1).child(NewNode::new("below"))),
        at("fragment@2", "/", content().prop_str("model", "two")),
        at("fragment@3", "/new/below", content().prop_str("model", "three")),
    ])]);
    assert_eq!(text(&blob, "/", "model"), "two");
    assert_eq!(cells(&blob, "/new@1", "depth"), [1]);
    assert_eq!(text(&blob, "/new@1/below", "model"), "three");
    let tree = Tree::parse(&blob).unwrap();
    assert_eq!(tree.root().props().filter(|prop| prop.name == "model").count(), 1);
}

#[test]
fn a_target_is_a_path_an_alias_or_a_phandle_that_an_earlier_fragment_brought() {
    let pool = NewNode::new("pool").prop_u32("phandle", 1);
    let local = NewNode::new("__local_fixups__").child(NewNode::new("last").prop_cells("target", &[0]));
    let blob = apply(&[overlay([
        at("first", "serial0", content().prop_str("status", "okay")),
        at("second", "/", content().child(pool)),
        NewNode::new("last").prop_u32("target", 1).child(content().prop_empty("reusable")),
        NewNode::new("metadata").prop_str("exclusive", "serial0"),
    ])
    .child(local)]);
    assert_eq!(text(&blob, "/soc/uart@1000", "status"), "okay");
    let tree = Tree::parse(&blob).unwrap();
    assert!(tree.find("/pool").unwrap().has_prop("reusable"));
    assert!(tree.find("/metadata").is_none(), "no fragment");
}

#[test]
fn names_without_an_address_match_as_in_libfdt() {
    let inside = content().child(NewNode::new("uart").prop_str("status", "okay"));
    let blob = apply(&[overlay([at("fragment@0", "/soc", inside)])]);
    assert_eq!(text(&blob, "/soc/uart@1000", "status"), "okay", "the first one of that base name");
    assert_eq!(Tree::parse(&blob).unwrap().find("/soc").unwrap().children().count(), 2);
}

#[test]
fn a_node_of_the_base_keeps_its_phandle_and_the_overlays_references_follow() {
    let content = content()
        .child(NewNode::new("uart@1000").prop_u32("phandle", 1))
        .child(NewNode::new("uart@2000").prop_u32("phandle", 2))
        .child(NewNode::new("user").prop_cells("uses", &[1, 2]));
    let local = NewNode::new("fragment@0")
        .child(super::content().child(NewNode::new("user").prop_cells("uses", &[0, 4])));
    let blob = apply(&[overlay([at("fragment@0", "/soc", content)])
        .child(NewNode { name: "__local_fixups__".into(), ..NewNode::new("").child(local) })]);
    assert_eq!(cells(&blob, "/soc/uart@1000", "phandle"), [4], "/user still refers to it");
    assert_eq!(cells(&blob, "/soc/uart@2000", "phandle"), [11]);
    assert_eq!(cells(&blob, "/soc/user", "uses"), [4, 11]);
}

#[test]
fn thousands_of_fragments_labels_and_siblings_cost_no_more_than_their_bytes() {
    let name = |prefix: &str, n: usize| alloc::format!("{prefix}{n:05}@1");
    let mut soc = NewNode::new("soc").prop_u32("phandle", 1);
    let (mut symbols, mut fixups) = (NewNode::new("__symbols__"), NewNode::new("__fixups__"));
    for n in 0..20_000 {
        soc.children.push(NewNode::new(&name("old", n)).prop_u32("phandle", n as u32 + 2));
        symbols = symbols.prop_str(&alloc::format!("l{n:05}"), &alloc::format!("/soc/{}", name("old", n)));
    }
    let base = NewNode::new("").child(soc).child(symbols);
    let mut fragments = NewNode::new("");
    for n in 0..10_000 {
        let inside = content().child(NewNode::new(&name("new", n)).prop_u32("reg", 1));
        let target = NewNode::new(&name("f", n)).prop_u32("target", u32::MAX).child(inside);
        let place = alloc::format!("/{}:target:0", name("f", n));
        fixups = fixups.prop_str(&alloc::format!("l{:05}", n * 2), &place);
        fragments.children.push(target);
    }
    let blob = apply_to(&base, &[fragments.child(fixups)]).unwrap();
    assert_eq!(cells(&blob, "/soc/old10000@1/new05000@1", "reg"), [1]);
}

#[test]
fn an_overlay_given_twice_changes_nothing_the_second_time() {
    let new =
        NewNode::new("dma").prop_u32("phandle", 1).child(NewNode::new("channel").prop_u32("phandle", 2));
    let user = NewNode::new("user").prop_cells("dmas", &[1, 2]);
    let first =
        overlay([at("fragment@0", "/soc", content().child(new).child(user))])
            .child(NewNode::new("__symbols__").prop_str("dma", "/fragment@0/__overlay__/dma"))
            .child(NewNode::new("__local_fixups__").child(
                NewNode::new("fragment@0").child(
                    NewNode::new("__overlay__").child(NewNode::new("user").prop_cells("dmas", &[0, 4])),
                ),
            ));
    let between = overlay([at(
        "fragment@0",
        "/",
        content().child(NewNode::new("late").prop_cells("dmas", &[u32::MAX])),
    )])
    .child(NewNode::new("__fixups__").prop_str("dma", "/fragment@0/__overlay__/late:dmas:0"));
    let once = apply(&[first.clone(), between.clone()]);
    let twice = apply(&[first.clone(), between, first]);
    assert_eq!(cells(&once, "/late", "dmas"), cells(&once, "/soc/dma", "phandle"));
    assert_eq!(cells(&once, "/soc/user", "dmas").len(), 2);
    assert!(once == twice);
}
