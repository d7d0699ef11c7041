//! The initial ramdisk, offered as Linux' EFI stub asks for it: LoadFile2 on a device path of its own
//! (`efi_load_initrd_dev_path` in drivers/firmware/efi/libstub/efi-stub-helper.c).

use super::pages::Pages;
use crate::refusal::{Result, refusal};
use alloc::boxed::Box;
use core::ffi::c_void;
use core::ptr;
use uefi::proto::device_path::DevicePath;
use uefi::proto::media::load_file::LoadFile2;
use uefi::{Guid, Handle, Identify, Status, boot, guid};
use uefi_raw::Boolean;
use uefi_raw::protocol::device_path::DevicePathProtocol;
use uefi_raw::protocol::media::LoadFile2Protocol;

/// `LINUX_EFI_INITRD_MEDIA_GUID`
const MEDIA: Guid = guid!("5568e427-68fc-4f3d-ac74-ca555231cc68");

/// A vendor's media path with that GUID, and the node that ends a path.
#[repr(C, align(8))]
struct Path([u8; 24]);

static PATH: Path = path();

const fn path() -> Path {
    let mut bytes = [0; 24];
    [bytes[0], bytes[1], bytes[2]] = [4, 3, 20];
    let guid = MEDIA.to_bytes();
    let mut at = 0;
    while at < 16 {
        bytes[4 + at] = guid[at];
        at += 1;
    }
    [bytes[20], bytes[21], bytes[22]] = [0x7f, 0xff, 4];
    Path(bytes)
}

/// Returns where an initial ramdisk is offered, and what of the path is left to ask for there: its end.
fn offered() -> Option<(Handle, &'static DevicePath)> {
    // SAFETY: `PATH` is a whole device path, aligned, and never changes.
    let mut path: &DevicePath = unsafe { DevicePath::from_ffi_ptr(PATH.0.as_ptr().cast()) };
    let handle = boot::locate_device_path::<LoadFile2>(&mut path).ok()?;
    Some((handle, path))
}

/// Returns the interface on `handle`. It is not kept open: to close an interface that is gone is an error,
/// of which the
/// `uefi` crate makes a panic.
fn interface(handle: Handle) -> Option<*mut LoadFile2Protocol> {
    let params = boot::OpenProtocolParams { handle, agent: boot::image_handle(), controller: None };
    // SAFETY: only the address is taken, and the protocol is closed before anything is changed.
    let open = unsafe { boot::open_protocol::<LoadFile2>(params, boot::OpenProtocolAttributes::GetProtocol) }
        .ok()?;
    open.get().map(|interface| ptr::from_ref(interface).cast_mut().cast())
}

/// Tells whether a boot loader offers an initial ramdisk.
pub(crate) fn is_offered() -> bool {
    offered().is_some()
}

/// Reads what a boot loader offers, if it offers any.
pub(crate) fn read() -> Result<Option<Pages>> {
    let Some((handle, rest)) = offered() else { return Ok(None) };
    let Some(this) = interface(handle) else { return Ok(None) };
    let mut size = 0;
    // SAFETY: the interface is installed, and boot services run one thread.
    let call = unsafe { (*this).load_file };
    // SAFETY: asks for the size: there is no buffer to write to.
    let status = unsafe { call(this, rest.as_ffi_ptr().cast(), Boolean::FALSE, &mut size, ptr::null_mut()) };
    if status != Status::BUFFER_TOO_SMALL || size == 0 {
        return Ok(None);
    }
    let mut pages = Pages::new(size, "the initrd that the boot loader offers")?;
    let buffer = pages.bytes_mut().as_mut_ptr().cast::<c_void>();
    // SAFETY: as above, with a buffer of `size` bytes.
    match unsafe { call(this, rest.as_ffi_ptr().cast(), Boolean::FALSE, &mut size, buffer) } {
        Status::SUCCESS => {
            pages.truncate(size);
            Ok(Some(pages))
        }
        why => Err(refusal!("the boot loader does not give the initrd that it offers ({why})")),
    }
}

/// An interface of our own, with the bytes it gives.
#[repr(C)]
struct Offer {
    protocol: LoadFile2Protocol,
    bytes: &'static [u8],
}

/// LoadFile (UEFI 2.10, 13.2), for the kernel that asks for the initial ramdisk.
unsafe extern "efiapi" fn load(
    this: *mut LoadFile2Protocol,
    _path: *const DevicePathProtocol,
    boot_policy: Boolean,
    size: *mut usize,
    buffer: *mut c_void,
) -> Status {
    if this.is_null() || size.is_null() {
        return Status::INVALID_PARAMETER;
    }
    if boot_policy != Boolean::FALSE {
        return Status::UNSUPPORTED;
    }
    // SAFETY: `this` is what `offer` has installed: the first field of an `Offer` that is never freed.
    let bytes = unsafe { (*this.cast::<Offer>()).bytes };
    // SAFETY: not null, and the caller's to write.
    let room = unsafe { size.replace(bytes.len()) };
    if buffer.is_null() || room < bytes.len() {
        return Status::BUFFER_TOO_SMALL;
    }
    // SAFETY: the caller guarantees `room` bytes, which are enough.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.cast(), bytes.len()) };
    Status::SUCCESS
}

/// Offers these bytes, in the place of what a boot loader offers.
pub(crate) fn offer(bytes: &'static [u8]) -> Result<()> {
    let offer = Box::leak(Box::new(Offer { protocol: LoadFile2Protocol { load_file: load }, bytes }));
    let ours = ptr::from_mut(offer).cast::<c_void>();
    let fail = |why: uefi::Error| refusal!("the firmware does not take the initrd ({})", why.status());
    if let Some((handle, _)) = offered() {
        let old = interface(handle).map_or(ptr::null(), |old| old.cast_const().cast::<c_void>());
        // SAFETY: both are interfaces of this protocol; the new one lives as long as boot services.
        return unsafe { boot::reinstall_protocol_interface(handle, &LoadFile2::GUID, old, ours) }
            .map_err(fail);
    }
    // SAFETY: a whole device path that never changes.
    let handle = unsafe { boot::install_protocol_interface(None, &DevicePath::GUID, PATH.0.as_ptr().cast()) };
    let handle = handle.map_err(fail)?;
    // SAFETY: an interface of this protocol that lives as long as boot services.
    unsafe { boot::install_protocol_interface(Some(handle), &LoadFile2::GUID, ours) }.map_err(fail)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fake::Firmware;
    use super::*;

    fn read_of(asked: usize, then: usize, answer: Status) -> Result<Option<usize>> {
        let _running = Firmware { initrd: Some((asked, then, answer)), ..Firmware::default() }.start();
        let pages = read()?;
        Ok(pages.map(|mut pages| {
            assert!(pages.bytes_mut().iter().all(|&byte| byte == 0x5a));
            pages.bytes_mut().len()
        }))
    }

    #[test]
    fn an_offer_that_changes_its_size_is_read_as_far_as_it_is_there() {
        assert_eq!(read_of(5000, 5000, Status::SUCCESS), Ok(Some(5000)));
        assert_eq!(read_of(5000, 10, Status::SUCCESS), Ok(Some(10)));
        assert_eq!(read_of(5000, usize::MAX, Status::SUCCESS), Ok(Some(5000)));
        assert!(read_of(5000, 6000, Status::BUFFER_TOO_SMALL).is_err());
    }

    #[test]
    fn an_offer_of_nothing_is_none_and_one_of_everything_is_refused() {
        assert_eq!(read_of(0, 0, Status::SUCCESS), Ok(None));
        for size in [usize::MAX, usize::MAX - 4095, isize::MAX as usize] {
            let why = read_of(size, size, Status::SUCCESS).unwrap_err();
            assert!(why.0.contains("no memory"), "{why}");
        }
        let _running = Firmware::default().start();
        assert!(!is_offered());
    }
}
