//! The firmware's console.

use uefi::proto::console::text::Output;
use uefi::table::system_table_raw;

/// Writes to it, if there is one: the system table may have none on a board without a screen and a serial
/// port (UEFI 2.10, 4.3), of which the `uefi` crate makes a panic.
pub(crate) fn with(write: impl FnMut(&mut Output)) {
    let is_there = system_table_raw().is_some_and(|table| {
        // SAFETY: the firmware's own table, set by the entry of this image.
        let table = unsafe { table.as_ref() };
        !table.boot_services.is_null() && !table.stdout.is_null()
    });
    if is_there {
        uefi::system::with_stdout(write);
    }
}
