//! The checks. Formatting is by hand: `core::fmt` needs relocated tables, and a kernel stand-in relocates
//! nothing.

use core::arch::global_asm;

global_asm!(include_str!("entry.S"));

/// The PL011 of QEMU's `virt` board.
const UART: *mut u32 = 0x0900_0000 as *mut u32;
const FDT_MAGIC: [u8; 4] = [0xd0, 0x0d, 0xfe, 0xed];
const MAX_DTB: u32 = 2 << 20;
/// What `text_offset` counts from multiples of.
const ALIGNMENT: u64 = 2 << 20;

/// The state of entry, as `entry.S` pushes it.
#[repr(C)]
struct State {
    x: [u64; 4],
    el: u64,
    daif: u64,
    sctlr: u64,
    counter: u64,
    base: u64,
}

unsafe extern "C" {
    fn power_off(el: u64) -> !;
}

#[unsafe(no_mangle)]
extern "C" fn payload_main(state: &State) -> ! {
    text(b"payload: EL");
    digit(state.el);
    for (name, value) in
        [(b" x0=", state.x[0]), (b" x1=", state.x[1]), (b" x2=", state.x[2]), (b" x3=", state.x[3])]
    {
        text(name);
        number(value);
    }
    text(b" SCTLR.M=");
    digit(state.sctlr & 1);
    text(b" .C=");
    digit(state.sctlr >> 2 & 1);
    text(b" DAIF=");
    number(state.daif);
    text(b" base=");
    number(state.base);
    text(b" base%2MiB=");
    number(state.base % (2 << 20));
    text(b" counter=");
    number(state.counter);
    text(b"\r\n");
    if let Some(wrong) = fault(state) {
        text(b"payload: FAIL ");
        text(wrong);
    } else {
        text(b"payload: dtb magic ok, size ");
        number(u64::from(word(state.x[0] + 4)));
        text(b"\r\npayload: PASS");
    }
    text(b"\r\n");
    // SAFETY: asks the firmware for the end; nothing is to be kept.
    unsafe { power_off(state.el) }
}

fn fault(state: &State) -> Option<&'static [u8]> {
    let dtb = state.x[0];
    let rest = state.x[1] | state.x[2] | state.x[3];
    match () {
        () if state.el != 1 && state.el != 2 => Some(b"the exception level is neither 1 nor 2"),
        () if rest != 0 => Some(b"x1 to x3 are not all 0"),
        () if state.sctlr & 1 != 0 => Some(b"the MMU is on"),
        () if state.sctlr & 4 != 0 => Some(b"the data cache is on"),
        () if state.daif != 0x3c0 => Some(b"an exception is not masked"),
        () if state.base % ALIGNMENT != text_offset(state.base) => {
            Some(b"the image is not at its text_offset from a multiple of 2 MiB")
        }
        () if dtb == 0 || !dtb.is_multiple_of(8) => Some(b"the device tree is not at a multiple of 8"),
        () if word(dtb) != u32::from_be_bytes(FDT_MAGIC) => Some(b"the device tree has no magic number"),
        () if word(dtb + 4) > MAX_DTB => Some(b"the device tree is larger than 2 MiB"),
        () => None,
    }
}

/// Returns where the header at `base` wants the image, in bytes from a multiple of 2 MiB
/// (Documentation/arch/arm64/booting.rst).
fn text_offset(base: u64) -> u64 {
    // SAFETY: `base` is the start of this program, whose first 64 bytes are its header.
    let field = |at: u64| u64::from_le(unsafe { ((base + at) as *const u64).read_volatile() });
    match field(16) {
        0 => 0x8_0000,
        _ => field(8),
    }
}

/// Reads a big-endian word.
fn word(at: u64) -> u32 {
    // SAFETY: within the device tree's header, by the boot protocol that this program checks.
    u32::from_be(unsafe { (at as *const u32).read_volatile() })
}

fn byte(byte: u8) {
    // SAFETY: the data register of the UART of the one board that this program is for.
    unsafe { UART.write_volatile(u32::from(byte)) }
}

fn text(text: &[u8]) {
    text.iter().for_each(|&b| byte(b));
}

fn digit(value: u64) {
    byte(b'0' + (value % 10) as u8);
}

fn number(value: u64) {
    text(b"0x");
    let digits = (64 - value.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        let nibble = (value >> (4 * place)) as u8 & 0xf;
        byte(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
