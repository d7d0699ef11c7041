//! The device tree in the configuration table (`EFI_DTB_TABLE_GUID`, EBBR 2.3).

use crate::refusal::{Result, refusal};
use alloc::vec::Vec;
use core::ffi::c_void;
use core::ptr::NonNull;
use ringfence::efi::{EfiMap, EfiUse, KeptTable};
use ringfence::fdt::{MAGIC, MAX_BOOT_SIZE};
use ringfence::span::Span;
use uefi::boot::{self, AllocateType, EventType, MemoryType, Tpl};
use uefi::{Event, Guid, guid};

/// Most bytes of a table that Linux keeps: many times what any of them has.
const MAX_KEPT: u64 = 1 << 20;
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

/// Returns where the tables are that Linux keeps, as far as they are in memory which is otherwise free once
/// Linux runs: the others are the firmware's as long as the board runs.
pub(crate) fn kept_by_linux(map: &EfiMap) -> Vec<Span> {
    uefi::system::with_config_table(|tables| {
        let kept = tables.iter().filter_map(|table| {
            let kind = KeptTable::from_guid(table.guid.to_bytes())?;
            let at = table.address as u64;
            let range = map.ranges().iter().find(|range| range.span.contains(at))?;
            if range.kind.usage() != EfiUse::UntilLinux {
                return None;
            }
            let len = usize::try_from((range.span.end() - at).min(MAX_KEPT)).ok()?;
            // SAFETY: the firmware states that the table starts here, and its map that so many bytes after it
            // are memory which it uses, and has mapped.
            let bytes = unsafe { core::slice::from_raw_parts(table.address.cast::<u8>(), len) };
            Span::new(at, kind.len(bytes) as u64)
        });
        kept.collect()
    })
}

/// Returns the address in the table.
pub(crate) fn address() -> Option<u64> {
    uefi::system::with_config_table(|tables| {
        tables.iter().find(|table| table.guid == GUID).map(|table| table.address as u64)
    })
    .filter(|&at| at != 0)
}

#[cfg(test)]
mod tests {
    use super::super::fake::Firmware;
    use super::*;
    use ringfence::efi::{Descriptor, EfiKind, PAGE};
    use ringfence::fdt::{NewNode, build};
    use uefi::table::cfg::ConfigTableEntry;

    /// Bytes of two pages, which are never freed, at the start of a page.
    #[repr(C, align(4096))]
    struct Pages([u8; 2 * PAGE as usize]);

    fn pages(head: &[u8]) -> &'static [u8] {
        let mut pages = alloc::boxed::Box::new(Pages([0xff; 2 * PAGE as usize]));
        pages.0[..head.len()].copy_from_slice(head);
        &alloc::boxed::Box::leak(pages).0
    }

    fn installed_at(at: u64) -> Result<Option<&'static [u8]>> {
        let _running = Firmware { tables: Vec::from([(GUID, at)]), ..Firmware::default() }.start();
        installed()
    }

    #[test]
    fn a_device_tree_is_as_long_as_it_says() {
        let tree = build(&NewNode::new("").prop_str("model", "board"), 0, &[]).unwrap();
        let place = pages(&tree);
        assert_eq!(installed_at(place.as_ptr() as u64), Ok(Some(&*tree)));
        assert_eq!(installed_at(0), Ok(None));
    }

    #[test]
    fn what_is_no_device_tree_is_an_error() {
        let head = |len: u32| [MAGIC.to_be_bytes(), len.to_be_bytes()].concat();
        for (head, expected) in [
            (Vec::from(*b"ACPI"), "is not one"),
            (head(u32::MAX), "2 MiB at most"),
            (head(MAX_BOOT_SIZE as u32 + 1), "2 MiB at most"),
        ] {
            let why = installed_at(pages(&head).as_ptr() as u64).unwrap_err();
            assert!(why.0.contains(expected), "{why}");
        }
        let why = installed_at(pages(&head(64)).as_ptr() as u64 + 4).unwrap_err();
        assert!(why.0.contains("multiple of 8"), "{why}");
        assert_eq!(installed_at(pages(&head(0)).as_ptr() as u64), Ok(Some(&[][..])));
    }

    #[test]
    fn tables_of_boot_services_that_linux_keeps_are_in_the_map() {
        // 90 attributes of 48 bytes reach into the second page.
        let table = pages(&[2, 0, 0, 0, 90, 0, 0, 0, 48, 0, 0, 0]);
        let at = table.as_ptr() as u64;
        let kept = |ty, guid, at| {
            let map = Vec::from([Descriptor { ty, base: table.as_ptr() as u64, pages: 2, attributes: 0xf }]);
            let tables = Vec::from([(guid, at), (GUID, 0x5000)]);
            let _running = Firmware { map, tables, ..Firmware::default() }.start();
            let map = super::super::map::read().unwrap();
            map.ranges().iter().filter(|r| r.kind == EfiKind::KeptTable).map(|r| r.span.len()).sum::<u64>()
        };
        assert_eq!(kept(4, ConfigTableEntry::MEMORY_ATTRIBUTES_GUID, at), 2 * PAGE);
        assert_eq!(kept(4, ConfigTableEntry::MEMORY_ATTRIBUTES_GUID, at + 2 * PAGE - 1), PAGE);
        assert_eq!(kept(4, ConfigTableEntry::ESRT_GUID, at), PAGE);
        assert_eq!(kept(4, ConfigTableEntry::SMBIOS3_GUID, at), 0);
        assert_eq!(kept(6, ConfigTableEntry::MEMORY_ATTRIBUTES_GUID, at), 0);
    }
}
