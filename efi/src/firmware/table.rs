//! The device tree in the configuration table (`EFI_DTB_TABLE_GUID`, EBBR 2.3).

use crate::refusal::{Result, refusal};
use core::ffi::c_void;
use core::ptr::NonNull;
use ringfence::fdt::{MAGIC, MAX_BOOT_SIZE};
use ringfence::span::Span;
use uefi::boot::{self, AllocateType, EventType, MemoryType, Tpl};
use uefi::{Event, Guid, guid};

/// The table's name.
pub(crate) static GUID: Guid = guid!("b1b621d5-f19c-41a5-830b-d9152c69aae0");

/// Returns the device tree that the firmware, or a boot loader after it, has installed; `None` when there
/// is none.
pub(crate) fn installed() -> Result<Option<&'static [u8]>> {
    let Some(at) = address() else { return Ok(None) };
    if !at.is_multiple_of(8) {
        return Err(refusal!(
            "the device tree of the configuration table, at {at:#x}, is not at a multiple of 8 bytes"
        ));
    }
    // SAFETY: by its GUID a device tree starts at the table's address, and its installer keeps it in memory.
    let head = unsafe { core::slice::from_raw_parts(at as *const u8, 8) };
    let word =
        |at: usize| head.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |&b| u32::from_be_bytes(b));
    if word(0) != MAGIC {
        return Err(refusal!("what the configuration table calls a device tree, at {at:#x}, is not one"));
    }
    let len = word(4) as usize;
    if len > MAX_BOOT_SIZE {
        return Err(refusal!("the device tree at {at:#x} is {len} bytes long; Linux maps 2 MiB at most"));
    }
    // SAFETY: as above, with the length from its own header.
    Ok(Some(unsafe { core::slice::from_raw_parts(at as *const u8, len) }))
}

/// Installs a device tree in memory of the type that EBBR asks for, and returns where it is. `placed` learns
/// the address before the table changes.
pub(crate) fn install(dtb: &[u8], placed: impl FnOnce(u64)) -> Result<Span> {
    let count = dtb.len().div_ceil(ringfence::efi::PAGE as usize);
    let at = boot::allocate_pages(AllocateType::AnyPages, MemoryType::ACPI_RECLAIM, count)
        .map_err(|why| refusal!("no memory for the device tree ({})", why.status()))?;
    // SAFETY: `count` fresh pages, which nothing else uses, hold `dtb.len()` bytes.
    unsafe { at.copy_from_nonoverlapping(NonNull::from(dtb).cast(), dtb.len()) };
    placed(at.as_ptr() as u64);
    // SAFETY: the pages stay as they are from now on, longer than boot services.
    unsafe { boot::install_configuration_table(&GUID, at.as_ptr().cast::<c_void>()) }
        .map_err(|why| refusal!("the firmware does not take the device tree ({})", why.status()))?;
    Span::new(at.as_ptr() as u64, dtb.len() as u64).ok_or_else(|| refusal!("the device tree is empty"))
}

/// Has `changed` called whenever a device tree is installed (UEFI 2.10, 7.1.2: the event group of the table's
/// name, which `InstallConfigurationTable` signals).
pub(crate) fn watch(changed: fn()) -> Result<()> {
    let context = NonNull::new(changed as *mut c_void);
    let group = Some(NonNull::from(&GUID));
    // SAFETY: the function and its context are code of this image, which stays as long as boot services.
    unsafe { boot::create_event_ex(EventType::NOTIFY_SIGNAL, Tpl::CALLBACK, Some(signalled), context, group) }
        .map(drop)
        .map_err(|why| refusal!("the firmware does not report new device trees ({})", why.status()))
}

unsafe extern "efiapi" fn signalled(_event: Event, context: Option<NonNull<c_void>>) {
    let Some(context) = context else { return };
    // SAFETY: `watch` has passed a function of this type.
    let changed = unsafe { core::mem::transmute::<*mut c_void, fn()>(context.as_ptr()) };
    changed();
}

/// Returns the address in the table.
pub(crate) fn address() -> Option<u64> {
    uefi::system::with_config_table(|tables| {
        tables.iter().find(|table| table.guid == GUID).map(|table| table.address as u64)
    })
    .filter(|&at| at != 0)
}
