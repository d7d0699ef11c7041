//! The state of Secure Boot, by the firmware's own variable (UEFI 2.10, 3.3).

use uefi::cstr16;
use uefi::runtime::{self, VariableVendor};

/// Says whether Secure Boot is on, and returns it.
pub(crate) fn report() -> bool {
    let is_on = is_on();
    console!("secure boot: {}", if is_on { "on" } else { "off" });
    is_on
}

/// Tells whether the firmware loads only images whose signature it accepts.
fn is_on() -> bool {
    let mut byte = [0];
    // A variable that is longer than it should be, or cannot be read, says nothing.
    runtime::get_variable(cstr16!("SecureBoot"), &VariableVendor::GLOBAL_VARIABLE, &mut byte)
        .is_ok_and(|(read, _)| *read == [1])
}
