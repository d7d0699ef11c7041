//! Which programs of others are here.

use std::process::Command;

/// Returns whether sources can be compiled, and prints what is missing where they cannot.
pub(crate) fn have_dtc() -> bool {
    let have = Command::new("dtc").arg("--version").output().is_ok();
    if !have {
        println!("SKIPPED: dtc is missing (Debian: device-tree-compiler)");
    }
    have
}
