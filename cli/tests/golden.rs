//! Compares the tool's output with golden files. `TRYCMD=overwrite cargo test -p ringfence-cli --test golden`
//! takes a change over; read the diff before committing it.

mod tools;

use tools::have_dtc;

#[test]
fn the_tool_prints_what_is_written_down() {
    if !have_dtc() {
        return;
    }
    trycmd::TestCases::new().case("tests/golden/*.trycmd");
}
