//! The PL011 of QEMU's `virt` board. Formatting is by hand: `core::fmt` needs relocated tables.

use super::machine::{read_device, write_device};

const DATA: u64 = 0x0900_0000;
const FLAGS: u64 = DATA + 0x18;
const FULL: u32 = 1 << 5;

pub(super) fn text(text: &str) {
    for byte in text.bytes() {
        while read_device(FLAGS) & FULL != 0 {}
        write_device(DATA, byte.into());
    }
}

pub(super) fn hex(value: u64) {
    text("0x");
    let digits = (67 - (value | 1).leading_zeros()) / 4;
    for place in (0..digits).rev() {
        let nibble = (value >> (4 * place) & 0xf) as u8;
        write_device(DATA, (if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble }).into());
    }
}
