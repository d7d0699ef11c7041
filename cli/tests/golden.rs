//! Compares the tool's output with golden files. `TRYCMD=overwrite cargo test -p ringfence-cli --test golden`
//! takes a change over; read the diff before committing it.

use std::process::Command;

#[test]
fn the_tool_prints_what_is_written_down() {
    if Command::new("dtc").arg("-v").output().is_err() {
        println!("SKIPPED: dtc is missing (Debian: device-tree-compiler)");
        return;
    }
    trycmd::TestCases::new().case("tests/golden/*.trycmd");
}
