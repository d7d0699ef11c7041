//! How far devices reach bounds the default CMA pool: `--dma-limit`, and the `dma-ranges` of the tree.

mod tools;
mod workdir;

use tools::have_dtc;
use workdir::WorkDir;

/// 3 GiB from 1 GiB on, and a bus whose devices reach the first 2 GiB of the address space.
fn board(bootargs: &str, bus: &str) -> String {
    format!(
        "/dts-v1/;\n/ {{ #address-cells = <2>; #size-cells = <2>;\n\
         memory@40000000 {{ device_type = \"memory\"; reg = <0 0x40000000 0 0xc0000000>; }};\n\
         chosen {{ bootargs = \"{bootargs}\"; }};\n{bus}}};\n"
    )
}

const BUS: &str = "soc { #address-cells = <1>; #size-cells = <1>; ranges = <0 0 0 0x40000000>;\n\
                   dma-ranges = <0 0 0 0x80000000>; dev@1000 { reg = <0x1000 0x100>; }; };\n";

fn dir(bootargs: &str, bus: &str) -> WorkDir {
    let dir = WorkDir::new();
    dir.put("board.dts", board(bootargs, bus));
    dir
}

#[test]
fn the_pool_is_below_the_limit_of_the_command_line() {
    if !have_dtc() {
        return;
    }
    let dir = dir("quiet", "");
    let predict = |args: &[&str], place: &str| {
        dir.assert_output(&[&["predict", "--no-config"], args, &["board.dts"]].concat(), 0, &[place]);
    };
    let below = |end: u64| format!("cma       {:#x}..{end:#x} (64 MiB)  default pool", end - (64 << 20));
    predict(&["--dma-limit", "0x60000000"], &below(0x6000_0000));
    predict(&["--dma-limit", "0x70000000", "--kernel", "6.1"], &below(0x7000_0000));
    // What the tree says is the lower one.
    dir.put("board.dts", board("quiet", BUS));
    predict(&[], &below(0x8000_0000));
    predict(&["--dma-limit", "0xc0000000"], &below(0x8000_0000));
    predict(&["--dma-limit", "0x78000000", "--kernel", "7"], &below(0x7800_0000));
    // No RAM is below it.
    let check = ["check", "--no-config", "--cmdline", "cma=64M", "--dma-limit", "0x42000000", "board.dts"];
    dir.assert_output(&check, 1, &["RF510", "below 0x42000000 it has no place"]);
    dir.assert_output(&["check", "--dma-limit", "64Mi", "board.dts"], 2, &["--dma-limit", "not a number"]);
}

#[test]
fn the_planner_moves_a_pool_below_the_limit() {
    if !have_dtc() {
        return;
    }
    let dir = dir("cma=32M@0xa0000000", BUS);
    let fix = ["fix", "--no-config", "--unsafe", "--kernel", "6.1", "board.dts", "-o", "fixed.dts"];
    dir.assert_output(&fix, 0, &["bootargs say `cma=32M@0x7e000000`"]);
    let limited = [&fix[..], &["--dma-limit", "0x60000000"]].concat();
    dir.assert_output(&limited, 0, &["bootargs say `cma=32M@0x5e000000`"]);
}

#[test]
fn a_window_is_compared_with_the_reach_of_devices_and_not_with_4_gib() {
    if !have_dtc() {
        return;
    }
    let window = "cma=64M@0x60000000-0x90000000";
    let check = |dir: &WorkDir, args: &[&str], code: i32, words: &[&str]| {
        dir.assert_output(&[&["check", "--no-config"], args, &["board.dts"]].concat(), code, words)
    };
    // Devices reach all of it.
    check(&dir(window, ""), &[], 0, &["clean"]);
    let reached = dir(window, BUS);
    check(&reached, &["--kernel", "6.1"], 0, &["warning[RF506]", "reaches above 0x80000000"]);
    check(&dir("cma=64M@0x60000000-0x80000000", BUS), &[], 0, &["clean"]);
    check(&dir(window, ""), &["--dma-limit", "0x70000000"], 0, &["reaches above 0x70000000"]);
    // Older kernels cut it off there, and too little is left.
    let high = dir("cma=64M@0x7e000000-0x90000000", BUS);
    check(&high, &["--kernel", "6.1"], 1, &["error[RF506]", "32 MiB too small below 0x80000000"]);
    let beyond = dir("cma=64M@0x84000000-0x90000000", BUS);
    check(&beyond, &["--kernel", "6.1"], 1, &["error[RF506]", "64 MiB too small below 0x80000000"]);
    check(&beyond, &["--kernel", "7"], 0, &["warning[RF506]"]);
    // What is beyond RAM changes nothing.
    check(&dir("cma=64M@0x60000000-0x200000000", ""), &[], 0, &["clean"]);
}
