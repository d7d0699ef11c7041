//! Policy files: what is accepted, and how mistakes are reported.

use super::super::{parse, to_toml};
use ringfence::policy::{
    Allow, BootargsFrom, Key, Merge, Mode, OnAccess, OnError, Policy, ProtectedRange, Requirement, Sentinel,
    SentinelConsole, TreePolicy, Via, Watch,
};
use ringfence::span::{MIB, Span};

const BOARD: &str = r#"
mode = "strict"
on-error = "reset"
board = "vendor,board"

[[carveout]]
node = "/reserved-memory/camera@84300000"
base = "0x84300000"
size = "5 MiB"

[[carveout]]
label = "&rmtfs"
size = 0x20_0000
no-map = false

[[protected]]
name = "secmon"
base = "0x84300000"
size = "6 MiB"

[cma]
size = "64 MiB"
alignment = "4M"
range = ["0x40000000", 0x1_0000_0000]
via = "node"

[sentinel]
on-access = "log"
carveouts = ["/reserved-memory/camera@84300000", "&wpss_mem"]
console = "uart"
base = "0xd1000000"

[tree]
bootargs = "append"
take = "/firmware"

[allow]
shift = true
restore = false
"#;

/// Returns what is printed for a wrong policy, without colours.
fn complaint(text: &str) -> String {
    parse("board.toml", text).expect_err(text).to_string()
}

#[track_caller]
fn complains(text: &str, wanted: &[&str]) {
    let found = complaint(text);
    for wanted in wanted {
        assert!(found.contains(wanted), "no `{wanted}` in:\n{found}");
    }
}

#[test]
fn a_whole_policy_is_read() {
    let policy = parse("board.toml", BOARD).unwrap();
    assert_eq!((policy.mode, policy.on_error), (Mode::Strict, OnError::Reset));
    assert_eq!(policy.board.as_deref(), Some("vendor,board"));
    let [Requirement::Carveout(camera), Requirement::Carveout(rmtfs), secmon] =
        policy.requirements.as_slice()
    else {
        panic!("{policy:?}")
    };
    assert_eq!(*secmon, ProtectedRange::new("secmon".into(), 0x8430_0000, 6 * MIB).unwrap().into());
    assert_eq!(camera.span(), Span::new(0x8430_0000, 5 * MIB));
    assert!(camera.no_map, "a carveout is unmapped unless said otherwise");
    assert_eq!((&rmtfs.key, rmtfs.base), (&Key::Label("rmtfs".to_string()), None));
    assert_eq!((rmtfs.size, rmtfs.no_map), (2 * MIB, false));
    let cma = policy.cma.unwrap();
    assert_eq!((cma.size, cma.align, cma.via), (64 * MIB, Some(4 * MIB), Via::Node));
    assert_eq!(cma.range, Span::from_ends(0x4000_0000, 0x1_0000_0000));
    let sentinel = policy.sentinel.unwrap();
    let camera = Key::Path("/reserved-memory/camera@84300000".to_string());
    assert_eq!(sentinel.carveouts, Watch::Named(vec![camera, Key::Label("wpss_mem".to_string())]));
    assert_eq!((sentinel.on_access, sentinel.console), (OnAccess::Log, SentinelConsole::Uart));
    let tree =
        TreePolicy { merge: Merge::All, bootargs: BootargsFrom::Append, take: vec!["/firmware".to_string()] };
    assert_eq!(policy.tree, tree);
    assert_eq!(policy.allow, Allow { shift: true, ..Allow::default() });
}

#[test]
fn an_empty_policy_is_the_default_one() {
    assert_eq!(parse("board.toml", ""), Ok(Policy::default()));
}

#[test]
fn a_sentinel_watches_what_is_unclaimed_unless_the_policy_names_carveouts() {
    let sentinel = parse("board.toml", "[sentinel]\n").unwrap().sentinel;
    assert_eq!(sentinel, Some(Sentinel::default()));
    assert_eq!(parse("board.toml", "[sentinel]\ncarveouts = \"unclaimed\"\n").unwrap().sentinel, sentinel);
    complains("[sentinel]\ncarveouts = \"all\"\n", &["unknown `carveouts`", "board.toml:2:13"]);
    complains("[sentinel]\ncarveouts = []\n", &["`carveouts` has a value of the wrong form"]);
    complains("[sentinel]\ncarveouts = [\"a b\"]\n", &["a label is letters", "board.toml:2:13"]);
    complains("[sentinel]\nbase = 0x1000\n", &["`base` has a value of the wrong form"]);
    complains("[sentinel]\non-access = \"kill\"\n", &["abort, log, halt, reset"]);
}

#[test]
fn what_is_written_is_read_back() {
    for policy in [parse("board.toml", BOARD).unwrap(), Policy::default()] {
        let text = to_toml(&policy);
        assert_eq!(parse("again.toml", &text), Ok(policy), "{text}");
    }
}

#[test]
fn an_unknown_key_names_its_line_and_what_was_meant() {
    complains(
        "mode = \"fix\"\n\n[cma]\nsize = \"1M\"\naligment = 4096\n",
        &["unknown key `aligment` in [cma]", "board.toml:5:1", "did you mean `alignment`?"],
    );
    complains("[tree]\nmerge = \"al\"\n", &["board.toml:2:9", "did you mean `all`?"]);
    complains("[tree]\ntake = [\"firmware\"]\n", &["board.toml:2:8", "/path:property"]);
    complains("[allow]\nshfit = true\n", &["board.toml:2:1", "did you mean `shift`?"]);
    complains("modus = 1\n", &["board.toml:1:1", "did you mean `mode`?"]);
}

#[test]
fn a_wrong_word_lists_the_right_ones() {
    complains("mode = \"repair\"\n", &["board.toml:1:8", "known here: audit, fix, strict"]);
    complains("on-error = \"stop\"\n", &["board.toml:1:12", "halt, reset, boot-manager, continue"]);
}

#[test]
fn a_wrong_type_says_which_is_right() {
    complains("mode = 1\n", &["`mode` must be a string", "board.toml:1:8"]);
    complains("[[carveout]]\nnode = \"/a\"\nsize = 1.5\n", &["`size` must be a number", "board.toml:3:8"]);
    complains("[carveout]\nnode = \"/a\"\n", &["list of tables", "[[carveout]], in double brackets"]);
    complains("[cma]\nsize = 1\nrange = [1, 2, 3]\n", &["[base, end]", "board.toml:3:9"]);
}

#[test]
fn a_number_that_cannot_be_is_pointed_at() {
    complains("[cma]\nsize = \"64 MB\"\n", &["board.toml:2:8", "decimal unit"]);
    complains("[cma]\nsize = -1\n", &["board.toml:2:8", "not between 0 and 2^64"]);
    complains("[cma]\nsize = 1\nrange = [2, 2]\n", &["`range` is empty", "board.toml:3:9"]);
}

#[test]
fn a_carveout_has_one_name_and_a_size() {
    complains("[[carveout]]\nsize = 1\n", &["names no node", "board.toml:1:1"]);
    complains("[[carveout]]\nnode = \"/a\"\nlabel = \"a\"\nsize = 1\n", &["names its node twice", ":3:9"]);
    complains("[[carveout]]\nnode = \"/a\"\n", &["lacks `size`", "board.toml:1:1"]);
    complains(
        "[[protected]]\nname = \"a/b\"\nbase = 0\nsize = 1\n",
        &["at most 31 letters", "board.toml:2:8"],
    );
    complains("[[protected]]\nname = \"a\"\nsize = 1\n", &["lacks `base`", "board.toml:1:1"]);
    complains("[[carveout]]\nnode = \"a\"\nsize = 1\n", &["not an absolute node path", "board.toml:2:8"]);
}

#[test]
fn a_contradiction_points_at_the_later_entry() {
    let two = |second: &str| {
        format!("[[carveout]]\nnode = \"/a\"\nbase = 0x1000\nsize = 0x2000\n\n[[carveout]]\n{second}\n")
    };
    complains(
        &two("node = \"/b\"\nbase = 0x2000\nsize = 1"),
        &["no tree can satisfy both", "board.toml:8:8"],
    );
    complains(&two("node = \"/a\"\nsize = 1"), &["required twice", "board.toml:7:8"]);
    complains(&two("node = \"/b\"\nsize = 0"), &["the size is zero", "board.toml:8:8"]);
    complains(
        "[cma]\nsize = 9\nrange = [0, 8]\n",
        &["`cma.range` is 0x0..0x8 (8 bytes): `cma.size`, 9 bytes, does not fit", "board.toml:3:9"],
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    complains("mode = \"fix\"\n=\n", &["not valid TOML", "board.toml:2:1"]);
}

#[test]
fn all_mistakes_are_reported_at_once_in_the_order_of_the_file() {
    let text = "mode = \"repair\"\nboundary = \"3 MiB\"\nguard = \"2 KiB\"\n\n\
                [[carveout]]\nnode = \"a\"\nsiez = 1\n\n\
                [[protected]]\nname = \"x\"\nbase = 0xfffffffffffff000\nsize = \"1 MB\"\n\n\
                [cma]\nsize = 1\nalignment = 3\n\n\
                [log]\nsize = \"96 KiB\"\nbase = 0x1000\n[allow]\nshfit = true\n";
    let found = complaint(text);
    let places: Vec<&str> =
        found.lines().filter_map(|line| line.split_once("--> ")).map(|(_, at)| at).collect();
    let wanted = ["1:8", "2:12", "3:9", "5:1", "7:1", "12:8", "16:13", "19:8", "20:8", "22:1"];
    let wanted: Vec<String> = wanted.iter().map(|at| format!("board.toml:{at}")).collect();
    assert_eq!(places, wanted, "{found}");
    for words in [
        "`boundary` is 3 MiB: it must be a power of two from 4 KiB to 1024 GiB",
        "`guard` is 2 KiB",
        "`cma.alignment` is 3 bytes: it must be a power of two",
        "`log.size` is 96 KiB: it must be a power of two from 64 KiB to 64 MiB",
        "`log.base` is 0x1000: it must be a multiple of 64 KiB",
    ] {
        assert!(found.contains(words), "no `{words}` in:\n{found}");
    }
    let many = "x = 1\ny = = 2\nz = = 3\n";
    complains(many, &["board.toml:2:5", "board.toml:3:5"]);
    let unknown: String = (0..100).map(|n| format!("x{n} = 1\n")).collect();
    complains(&unknown, &["80 further errors"]);
}
