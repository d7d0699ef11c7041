use super::*;
use alloc::string::String;
use alloc::vec;

fn names(line: &str) -> Vec<(String, Option<String>)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    args(line.as_bytes()).map(|a| (text(a.param), a.value.map(text))).collect()
}

fn pair(param: &str, value: &str) -> (String, Option<String>) {
    (param.into(), Some(value.into()))
}

#[test]
fn quotes_group_and_the_first_equals_splits() {
    assert_eq!(
        names(r#"  console=ttyAMA0,115200 dyndbg="file a.c +p" "init=/bin/a b" quiet x=y=z "#),
        vec![
            pair("console", "ttyAMA0,115200"),
            pair("dyndbg", "file a.c +p"),
            pair("init", "/bin/a b"),
            ("quiet".into(), None),
            pair("x", "y=z"),
        ]
    );
}

#[test]
fn what_follows_a_double_dash_is_for_init() {
    assert_eq!(names("quiet -- cma=64M"), vec![("quiet".into(), None)]);
    assert_eq!(cma(b"quiet -- cma=64M"), None);
}

#[test]
fn a_cma_inside_quotes_of_another_argument_is_not_one() {
    assert_eq!(cma(br#"foo="cma=64M" bar"#), None);
    assert_eq!(cma(br#"xcma=64M cma"#), None);
}

#[test]
fn the_last_cma_wins_and_any_value_counts() {
    assert_eq!(cma(b"cma=64M cma=0").map(|c| c.size), Some(0));
    assert_eq!(cma(b"cma=").map(|c| c.size), Some(0));
    assert_eq!(
        cma(b"cma=64M@0x90000000-0xa0000000"),
        Some(CmaArg { size: 64 << 20, base: Some(0x9000_0000), limit: Some(0xa000_0000) })
    );
}

#[test]
fn only_a_window_as_wide_as_the_pool_is_a_fixed_place() {
    assert!(CmaArg::parse(b"64M@0x90000000").fixed().is_some());
    assert!(CmaArg::parse(b"64M@0x90000000-0x94000000").fixed().is_some());
    assert!(CmaArg::parse(b"64M@0x90000000-0x98000000").fixed().is_none());
    assert!(CmaArg::parse(b"64M@0").fixed().is_none());
    assert!(CmaArg::parse(b"64M").fixed().is_none());
}

#[test]
fn setting_cma_keeps_every_other_byte() {
    let want = CmaArg { size: 64 << 20, base: Some(0xf800_0000), limit: None };
    let set = |line: &str| String::from_utf8(with_cma(line.as_bytes(), Some(&want))).unwrap();
    assert_eq!(set(""), "cma=64M@0xf8000000");
    assert_eq!(set("a  b=\"c d\""), "a  b=\"c d\" cma=64M@0xf8000000");
    assert_eq!(set("a cma=1M  b"), "a cma=64M@0xf8000000  b");
    assert_eq!(set("cma=1M a cma=2M"), "a cma=64M@0xf8000000");
    assert_eq!(set("a -- b"), "a cma=64M@0xf8000000 -- b");
    assert_eq!(set("-- b"), "cma=64M@0xf8000000 -- b");
}

#[test]
fn removing_cma_removes_all_of_them() {
    let clear = |line: &str| String::from_utf8(with_cma(line.as_bytes(), None)).unwrap();
    assert_eq!(clear("a cma=1M b cma=2M c"), "a b c");
    assert_eq!(clear("cma=1M a"), "a");
    assert_eq!(clear("a b"), "a b");
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_and_a_cma_that_was_set_is_read_back(
        line in proptest::collection::vec(
            proptest::sample::select(b"cma= \"-x0123@M\xa0\t".to_vec()), 0..64),
        size in 1u64..1 << 40,
        base in 1u64..1 << 40,
    ) {
        let want = CmaArg { size, base: Some(base), limit: None };
        let set = with_cma(&line, Some(&want));
        // An unclosed quote swallows what is appended; the kernel would read it so, too.
        let balanced = line.iter().filter(|&&b| b == b'"').count() % 2 == 0;
        if balanced {
            proptest::prop_assert_eq!(cma(&set), Some(want));
        }
        proptest::prop_assert_eq!(cma(&with_cma(&line, None)), None);
    }
}

#[test]
fn pools_of_nodes_are_read_up_to_what_is_not_one() {
    let read = |line: &str| cma_of_nodes(line.as_bytes());
    assert_eq!(read("cma=64M"), None);
    assert_eq!(read("numa_cma="), Some(vec![]));
    assert_eq!(read("numa_cma=0:16M,1:32M"), Some(vec![(0, 16 << 20), (1, 32 << 20)]));
    assert_eq!(read("numa_cma=1:16M,x:1M,2:1M numa_cma=1:8M"), Some(vec![(1, 16 << 20), (1, 8 << 20)]));
    assert_eq!(read("numa_cma=1:16Mx,2:1M"), Some(vec![(1, 16 << 20)]));
}
