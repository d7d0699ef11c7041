//! RF504: what leaves a region out of Linux's memory, and what to do about it.

mod workdir;

use workdir::WorkDir;

/// Returns a board with this in `/chosen`, and a mapped region at 0x44000000.
fn board(chosen: &str) -> String {
    format!(
        "/dts-v1/;\n/ {{ #address-cells = <2>; #size-cells = <2>;\n\
        memory@40000000 {{ device_type = \"memory\"; reg = <0 0x40000000 0 0x40000000>; }};\n\
        chosen {{ {chosen} }};\n\
        reserved-memory {{ #address-cells = <2>; #size-cells = <2>; ranges;\n\
        log@44000000 {{ reg = <0 0x44000000 0 0x100000>; }}; }}; }};\n"
    )
}

#[test]
fn each_limit_is_named_with_what_to_do_about_it() {
    let bench = WorkDir::new();
    let check = |kernel: &str, chosen: &str, words: &[&str]| {
        bench.put("board.dts", board(chosen));
        bench.assert_output(&["check", "--kernel", kernel, "board.dts"], 0, words)
    };
    let limit = "bootargs = \"mem=64M\";";
    check("6.12", limit, &["beyond the RAM that the command line leaves", "raise `mem=`"]);
    // The region is in the second of two windows, of which 5.10 reads one.
    let two = "linux,usable-memory-range = <0 0x40000000 0 0x4000000>, <0 0x44000000 0 0x4000000>;";
    let text = check("5.10", two, &["RF504", "outside the windows of `linux,usable-memory-range`"]);
    assert!(!text.contains("raise `mem=`") && !text.contains("one window"), "{text}");
    let text = check("6.12", two, &[]);
    assert!(!text.contains("RF504"), "{text}");
    // Both windows leave it, and `mem=` does not.
    check("6.12", &format!("{limit} {two}"), &["RF504", "raise `mem=`"]);
}
