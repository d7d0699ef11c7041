//! The entry: which of its forms this image has.

use crate::firmware::image::Image;
use crate::machine::Machine;
use crate::{application, driver};
use core::ffi::c_void;
use uefi::table::set_system_table;
use uefi::{Handle, Status, boot};

/// Runs the image, and returns its status to the firmware.
///
/// # Safety
/// `image` and `system` are what the firmware passed to the entry of this image; there is a heap; called
/// once.
pub unsafe fn run(image: *mut c_void, system: *const c_void, machine: &impl Machine) -> usize {
    // SAFETY: by this function's contract.
    let Some(handle) = (unsafe { Handle::from_ptr(image) }) else { return Status::INVALID_PARAMETER.0 };
    // SAFETY: by this function's contract.
    unsafe { boot::set_image_handle(handle) };
    // SAFETY: by this function's contract.
    unsafe { set_system_table(system.cast()) };
    match Image::running() {
        Some(image) if image.is_driver() => driver::load(image, machine).0,
        _ => application::run(machine).0,
    }
}
