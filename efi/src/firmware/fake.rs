//! Firmware for tests on the host: boot services that are as honest as a test wants.

use ringfence::efi::{Descriptor, EfiKind, EfiUse, PAGE};
use ringfence::span::Span;
use std::alloc::{Layout, alloc_zeroed};
use std::boxed::Box;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec::Vec;
use uefi::proto::loaded_image::LoadedImage;
use uefi::proto::media::load_file::LoadFile2;
use uefi::{Guid, Identify, Status};
use uefi_raw::protocol::device_path::DevicePathProtocol;
use uefi_raw::protocol::loaded_image::LoadedImageProtocol;
use uefi_raw::protocol::media::LoadFile2Protocol;
use uefi_raw::table::Header;
use uefi_raw::table::boot::{AllocateType, BootServices, MemoryDescriptor, MemoryType};
use uefi_raw::table::configuration::ConfigurationTable;
use uefi_raw::table::system::SystemTable;
use uefi_raw::{Boolean, Handle};

/// Most pages that are given away at any address.
const MAX_PAGES: usize = 1 << 12;
/// Attributes of ordinary memory.
const CACHED: u64 = 0xf;

/// What the firmware does.
#[derive(Debug)]
pub(crate) struct Firmware {
    /// Its memory map, in the order in which it tells it.
    pub(crate) map: Vec<Descriptor>,
    /// Bytes from one descriptor to the next, as it says.
    pub(crate) step: usize,
    /// By how many descriptors the map grows each time that it is asked for.
    pub(crate) grows: usize,
    /// Bytes that it says it has written beyond those that it has.
    pub(crate) boast: usize,
    /// What it does not give away, though its map may call it free.
    pub(crate) denied: Vec<Span>,
    /// The initial ramdisk: its size when asked for it, its size when it is read, and the answer then.
    pub(crate) initrd: Option<(usize, usize, Status)>,
    /// The load options.
    pub(crate) options: Vec<u8>,
    /// The configuration table.
    pub(crate) tables: Vec<(Guid, u64)>,
}

impl Default for Firmware {
    fn default() -> Self {
        Self {
            map: Vec::new(),
            step: 48,
            grows: 0,
            boast: 0,
            denied: Vec::new(),
            initrd: None,
            options: Vec::new(),
            tables: Vec::new(),
        }
    }
}

/// Firmware that runs: the only one until this is dropped.
pub(crate) struct Running {
    _only: MutexGuard<'static, ()>,
}

static ONLY: Mutex<()> = Mutex::new(());
static FIRMWARE: Mutex<Option<Firmware>> = Mutex::new(None);

impl Firmware {
    /// Starts it.
    pub(crate) fn start(self) -> Running {
        let running = Running { _only: ONLY.lock().unwrap_or_else(PoisonError::into_inner) };
        let tables = self
            .tables
            .iter()
            .map(|&(vendor_guid, at)| ConfigurationTable { vendor_guid, vendor_table: at as *mut c_void });
        let tables: &mut [ConfigurationTable] = tables.collect::<Vec<_>>().leak();
        let system = SystemTable {
            boot_services: services(),
            number_of_configuration_table_entries: tables.len(),
            configuration_table: tables.as_mut_ptr(),
            ..SystemTable::default()
        };
        *state() = Some(self);
        // SAFETY: a whole table that is never freed.
        unsafe { uefi::table::set_system_table(ptr::from_ref(Box::leak(Box::new(system))).cast()) };
        // SAFETY: the services of this file take any handle.
        let image = unsafe { uefi::Handle::from_ptr(HANDLE) };
        // SAFETY: as above.
        image.into_iter().for_each(|image| unsafe { uefi::boot::set_image_handle(image) });
        running
    }
}

impl Running {
    /// Frees pages, as boot services do with their own.
    pub(crate) fn free(&self, span: Span) {
        with(|firmware| firmware.retype(span, 7));
    }

    /// Returns the spans that are of a type now, in the order of the map.
    pub(crate) fn of(&self, kind: EfiKind) -> Vec<Span> {
        let state = state();
        let map = state.iter().flat_map(|firmware| &firmware.map);
        map.filter(|d| kind_of(d) == kind).filter_map(span_of).collect()
    }
}

const HANDLE: Handle = 0x1000 as Handle;

fn state() -> MutexGuard<'static, Option<Firmware>> {
    FIRMWARE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with<T>(run: impl FnOnce(&mut Firmware) -> T) -> T {
    run(state().as_mut().expect("firmware has been started"))
}

fn kind_of(descriptor: &Descriptor) -> EfiKind {
    EfiKind::from_descriptor(descriptor.ty, descriptor.attributes)
}

fn span_of(descriptor: &Descriptor) -> Option<Span> {
    Span::new(descriptor.base, descriptor.pages.checked_mul(PAGE)?)
}

/// Returns services of which all that this file does not have answer `UNSUPPORTED`.
fn services() -> *mut BootServices {
    extern "efiapi" fn unsupported() -> Status {
        Status::UNSUPPORTED
    }
    let words = (size_of::<BootServices>() - size_of::<Header>()) / size_of::<usize>();
    let mut table: Vec<usize> = std::vec![0; size_of::<Header>() / size_of::<usize>()];
    table.extend(std::iter::repeat_n(unsupported as *const () as usize, words));
    let services: *mut BootServices = table.leak().as_mut_ptr().cast();
    // SAFETY: as large as the table and aligned for it; every field is a pointer, and now points somewhere.
    let table = unsafe { &mut *services };
    table.get_memory_map = get_memory_map;
    table.allocate_pages = allocate_pages;
    table.free_pages = free_pages;
    table.locate_device_path = locate_device_path;
    table.open_protocol = open_protocol;
    table.close_protocol = close_protocol;
    services
}

unsafe extern "efiapi" fn get_memory_map(
    size: *mut usize,
    map: *mut MemoryDescriptor,
    _key: *mut usize,
    step: *mut usize,
    _version: *mut u32,
) -> Status {
    with(|firmware| {
        let words = firmware.step / 8;
        let needed = firmware.map.len() * firmware.step;
        // SAFETY: the caller's, to read and write.
        let room = unsafe { size.replace(needed) };
        // SAFETY: the caller's, to write.
        unsafe { step.write(firmware.step) };
        let all: Vec<u64> = firmware.map.iter().flat_map(|d| described(d, words)).collect();
        for n in 0..firmware.grows as u64 {
            firmware.map.push(Descriptor { ty: 4, base: n * 2 * PAGE, pages: 1, attributes: CACHED });
        }
        if room < needed {
            return Status::BUFFER_TOO_SMALL;
        }
        // SAFETY: the caller's, and large enough.
        unsafe { map.cast::<u64>().copy_from_nonoverlapping(all.as_ptr(), all.len()) };
        // SAFETY: as above.
        unsafe { size.write(needed + firmware.boast) };
        Status::SUCCESS
    })
}

fn described(d: &Descriptor, words: usize) -> impl Iterator<Item = u64> + use<> {
    [u64::from(d.ty), d.base, 0, d.pages, d.attributes, 0x5a].into_iter().cycle().take(words)
}

unsafe extern "efiapi" fn allocate_pages(
    how: AllocateType,
    ty: MemoryType,
    count: usize,
    at: *mut u64,
) -> Status {
    if how == AllocateType::ADDRESS {
        // SAFETY: the caller's, to read.
        let base = unsafe { at.read() };
        let span = Span::new(base, count as u64 * PAGE);
        return with(|firmware| span.map_or(Status::NOT_FOUND, |span| firmware.take(span, ty)));
    }
    let layout = Layout::from_size_align(count.saturating_mul(PAGE as usize), PAGE as usize);
    let Some(layout) = layout.ok().filter(|layout| layout.size() > 0 && count <= MAX_PAGES) else {
        return Status::OUT_OF_RESOURCES;
    };
    // SAFETY: the size is not 0.
    let memory = unsafe { alloc_zeroed(layout) };
    // SAFETY: the caller's, to write.
    unsafe { at.write(memory as u64) };
    Status::SUCCESS
}

/// Frees what the map lists; pages at any address are never used again.
unsafe extern "efiapi" fn free_pages(at: u64, count: usize) -> Status {
    let span = Span::new(at, count as u64 * PAGE);
    with(|firmware| {
        let listed =
            firmware.map.iter().filter_map(span_of).any(|listed| span.is_some_and(|s| listed.overlaps(s)));
        if let Some(span) = span.filter(|_| listed) {
            firmware.retype(span, 7);
        }
        Status::SUCCESS
    })
}

impl Firmware {
    fn take(&mut self, span: Span, ty: MemoryType) -> Status {
        let is_free = |d: &&Descriptor| kind_of(d).usage() == EfiUse::Free;
        let free = self.map.iter().filter(is_free).filter_map(|d| span_of(d)?.intersection(span));
        let bytes: u64 = free.map(|span| span.len()).sum();
        let used = self.map.iter().filter(|d| !is_free(d)).filter_map(span_of).any(|s| s.overlaps(span));
        if used || bytes != span.len() || self.denied.iter().any(|denied| denied.overlaps(span)) {
            return Status::NOT_FOUND;
        }
        self.retype(span, ty.0);
        Status::SUCCESS
    }

    /// Gives pages of the map another type.
    fn retype(&mut self, span: Span, ty: u32) {
        let mut map = Vec::new();
        for d in self.map.drain(..) {
            let Some(inner) = span_of(&d).and_then(|own| own.intersection(span)) else {
                map.push(d);
                continue;
            };
            let end = d.base + d.pages * PAGE;
            for (base, to, ty) in
                [(d.base, inner.base(), d.ty), (inner.base(), inner.end(), ty), (inner.end(), end, d.ty)]
            {
                if base < to {
                    map.push(Descriptor { ty, base, pages: (to - base) / PAGE, ..d });
                }
            }
        }
        self.map = map;
    }
}

unsafe extern "efiapi" fn locate_device_path(
    guid: *const Guid,
    path: *mut *const DevicePathProtocol,
    handle: *mut Handle,
) -> Status {
    // SAFETY: the caller's, to read.
    let is_asked = unsafe { guid.read() } == LoadFile2::GUID;
    if !is_asked || with(|firmware| firmware.initrd.is_none()) {
        return Status::NOT_FOUND;
    }
    // SAFETY: the caller's, to read.
    let asked = unsafe { path.read() };
    // SAFETY: a vendor's path: one node of 20 bytes, and the end.
    let end = unsafe { asked.byte_add(20) };
    // SAFETY: the caller's, to write.
    unsafe { path.write(end) };
    // SAFETY: the caller's, to write.
    unsafe { handle.write(HANDLE) };
    Status::SUCCESS
}

unsafe extern "efiapi" fn open_protocol(
    _handle: Handle,
    guid: *const Guid,
    interface: *mut *mut c_void,
    _agent: Handle,
    _controller: Handle,
    _attributes: u32,
) -> Status {
    // SAFETY: the caller's, to read.
    let guid = unsafe { guid.read() };
    let found: *mut c_void = if guid == LoadFile2::GUID {
        ptr::from_mut(Box::leak(Box::new(LoadFile2Protocol { load_file }))).cast()
    } else if guid == LoadedImage::GUID {
        ptr::from_mut(Box::leak(Box::new(loaded_image()))).cast()
    } else {
        return Status::NOT_FOUND;
    };
    // SAFETY: the caller's, to write.
    unsafe { interface.write(found) };
    Status::SUCCESS
}

fn loaded_image() -> LoadedImageProtocol {
    let options: &[u8] = with(|firmware| firmware.options.clone()).leak();
    LoadedImageProtocol {
        revision: 0x1000,
        parent_handle: HANDLE,
        system_table: ptr::null(),
        device_handle: HANDLE,
        file_path: ptr::null(),
        reserved: ptr::null(),
        load_options_size: options.len() as u32,
        load_options: options.as_ptr().cast(),
        image_base: ptr::null(),
        image_size: 0,
        image_code_type: MemoryType::LOADER_CODE,
        image_data_type: MemoryType::LOADER_DATA,
        unload: None,
    }
}

unsafe extern "efiapi" fn close_protocol(_: Handle, _: *const Guid, _: Handle, _: Handle) -> Status {
    Status::SUCCESS
}

unsafe extern "efiapi" fn load_file(
    _this: *mut LoadFile2Protocol,
    _path: *const DevicePathProtocol,
    _policy: Boolean,
    size: *mut usize,
    buffer: *mut c_void,
) -> Status {
    let (asked, read, answer) = with(|firmware| firmware.initrd).unwrap_or((0, 0, Status::NOT_FOUND));
    let now = if buffer.is_null() { asked } else { read };
    // SAFETY: the caller's, to read and write.
    let room = unsafe { size.replace(now) };
    if buffer.is_null() {
        return Status::BUFFER_TOO_SMALL;
    }
    // SAFETY: the caller's, with `room` bytes.
    unsafe { buffer.cast::<u8>().write_bytes(0x5a, room.min(now)) };
    answer
}
