//! `EFI_DT_FIXUP_PROTOCOL`, revision 1.0 (<https://github.com/U-Boot-EFI/EFI_DT_FIXUP_PROTOCOL>), by which a
//! boot loader has a device tree changed before it installs it.

use crate::refusal::{Result, refusal};
use alloc::boxed::Box;
use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};
use uefi::boot::{self, OpenProtocolAttributes, OpenProtocolParams, Tpl};
use uefi::proto::unsafe_protocol;
use uefi::{Handle, Identify, Status};

/// The protocol.
#[repr(C)]
#[unsafe_protocol("e617d64c-fe08-46da-f4dc-bbd5870c7300")]
struct DtFixup {
    revision: u64,
    fixup: FixUp,
}

type FixUp = unsafe extern "efiapi" fn(*mut DtFixup, *mut c_void, *mut usize, u32) -> Status;

const REVISION: u64 = 0x0001_0000;

/// `EFI_DT_APPLY_FIXUPS`
const APPLY: u32 = 1;
/// `EFI_DT_RESERVE_MEMORY`
const RESERVE: u32 = 2;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags {
    /// Change the tree.
    pub(crate) apply: bool,
    /// Reserve the memory that it names.
    pub(crate) reserve: bool,
}

impl Flags {
    /// Change the tree, and reserve nothing.
    pub(crate) const APPLY: Self = Self { apply: true, reserve: false };

    fn read(bits: u32) -> Option<Self> {
        let is = |flag| bits & flag != 0;
        (bits & !(APPLY | RESERVE) == 0).then(|| Self { apply: is(APPLY), reserve: is(RESERVE) })
    }

    fn bits(self) -> u32 {
        u32::from(self.apply) * APPLY + u32::from(self.reserve) * RESERVE
    }
}

/// Answers a request: changes the tree in `buffer`, which is as large as the caller says.
///
/// # Errors
/// How many bytes the buffer needs, or another status.
pub(crate) type Answer = fn(buffer: &mut [u8], flags: Flags) -> core::result::Result<(), Unchanged>;

/// Why a tree was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unchanged {
    /// It needs so many bytes.
    TooSmall(usize),
    /// Something else.
    Status(Status),
}

/// Ours, which never goes.
#[repr(C)]
struct Ours {
    protocol: DtFixup,
    answer: Answer,
}

/// The firmware's own, once ours has taken its place.
static FIRMWARE: AtomicPtr<DtFixup> = AtomicPtr::new(ptr::null_mut());

/// Returns where the protocol is installed, and its interface.
fn installed() -> Option<(Handle, NonNull<DtFixup>)> {
    let handle = boot::get_handle_for_protocol::<DtFixup>().ok()?;
    let params = OpenProtocolParams { handle, agent: boot::image_handle(), controller: None };
    // SAFETY: only the address is taken.
    let open = unsafe { boot::open_protocol::<DtFixup>(params, OpenProtocolAttributes::GetProtocol) }.ok()?;
    Some((handle, NonNull::from(open.get()?)))
}

/// Answers requests from now on, after the firmware's own fix-ups, where it has any.
pub(crate) fn serve(answer: Answer) -> Result<()> {
    let ours = Box::new(Ours { protocol: DtFixup { revision: REVISION, fixup: asked }, answer });
    let ours = ptr::from_mut(Box::leak(ours)).cast::<c_void>();
    let done = match installed() {
        Some((handle, old)) => {
            FIRMWARE.store(old.as_ptr(), Ordering::Relaxed);
            let old = old.as_ptr().cast_const().cast();
            // SAFETY: both are interfaces of this protocol, and ours stays as long as boot services.
            unsafe { boot::reinstall_protocol_interface(handle, &DtFixup::GUID, old, ours) }
        }
        // SAFETY: an interface of this protocol, which stays as long as boot services.
        None => unsafe { boot::install_protocol_interface(None, &DtFixup::GUID, ours) }.map(drop),
    };
    done.map_err(|why| refusal!("the firmware does not take the fix-up protocol ({})", why.status()))
}

/// Has the firmware change the tree in `buffer`. Returns `false` where it has no fix-ups.
///
/// # Errors
/// How many bytes the buffer needs, or the firmware's status.
pub(crate) fn ask(buffer: &mut [u8], flags: Flags) -> core::result::Result<bool, Unchanged> {
    let Some((_, this)) = installed() else { return Ok(false) };
    call(this.as_ptr(), buffer, flags).map(|()| true)
}

fn call(this: *mut DtFixup, buffer: &mut [u8], flags: Flags) -> core::result::Result<(), Unchanged> {
    let mut size = buffer.len();
    // SAFETY: an interface that is installed; boot services run one thread.
    let fixup = unsafe { (*this).fixup };
    // SAFETY: the buffer has `size` bytes.
    match unsafe { fixup(this, buffer.as_mut_ptr().cast(), &mut size, flags.bits()) } {
        Status::SUCCESS => Ok(()),
        Status::BUFFER_TOO_SMALL => Err(Unchanged::TooSmall(size)),
        why => Err(Unchanged::Status(why)),
    }
}

/// The protocol's one function.
unsafe extern "efiapi" fn asked(
    this: *mut DtFixup,
    fdt: *mut c_void,
    size: *mut usize,
    flags: u32,
) -> Status {
    let Some(flags) = Flags::read(flags) else { return Status::INVALID_PARAMETER };
    if this.is_null() || fdt.is_null() || size.is_null() {
        return Status::INVALID_PARAMETER;
    }
    // SAFETY: not null, and the caller's to read.
    let room = unsafe { size.read() };
    if isize::try_from(room).is_err() {
        return Status::INVALID_PARAMETER;
    }
    // SAFETY: the caller guarantees `room` bytes, which nothing else uses meanwhile.
    let buffer = unsafe { core::slice::from_raw_parts_mut(fdt.cast::<u8>(), room) };
    // SAFETY: `serve` has installed it: the first field of an `Ours` that is never freed.
    let answer = unsafe { (*this.cast::<Ours>()).answer };
    let firmware = FIRMWARE.load(Ordering::Relaxed);
    let own = if firmware.is_null() { Ok(()) } else { call(firmware, buffer, flags) };
    let answered = own.and_then(|()| {
        // SAFETY: loaders call it at the level of applications; no event is to come in between.
        let _level = unsafe { boot::raise_tpl(Tpl::CALLBACK) };
        answer(buffer, flags)
    });
    match answered {
        Ok(()) => Status::SUCCESS,
        Err(Unchanged::Status(why)) => why,
        Err(Unchanged::TooSmall(needed)) => {
            // SAFETY: not null, and the caller's to write.
            unsafe { size.write(needed) };
            Status::BUFFER_TOO_SMALL
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_are_not_known_are_refused() {
        assert_eq!(Flags::read(3), Some(Flags { apply: true, reserve: true }));
        assert_eq!(Flags::read(1), Some(Flags::APPLY));
        assert_eq!(Flags::read(4), None);
        assert_eq!(Flags::read(2).map(Flags::bits), Some(2));
    }
}
