//! The flash with a firmware's variables as EDK2 keeps them (`MdePkg/Include/Pi/PiFirmwareVolume.h`,
//! `MdeModulePkg/Include/Guid/VariableFormat.h`): the keys of Secure Boot (UEFI 2.10, 32.4.1), and a driver
//! that the firmware loads (3.1.3).

use anyhow::Result;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Bytes of a flash of QEMU's `virt` board.
const FLASH: u64 = 64 << 20;
/// Bytes of its part for variables: three blocks, of which one holds them and two serve to rewrite it.
const VOLUME: usize = 3 * BLOCK;
const BLOCK: usize = 0x4_0000;
/// Bytes of the header of the volume.
const VOLUME_HEADER: usize = 0x48;
/// Variables start at multiples of this.
const ALIGN: usize = 4;

type Guid = [u8; 16];

const NV_DATA: Guid = guid(0xfff1_2b8d, 0x7696, 0x4c8b, [0xa9, 0x85, 0x27, 0x47, 0x07, 0x5b, 0x4f, 0x50]);
const AUTHENTICATED: Guid =
    guid(0xaaf3_2c78, 0x947b, 0x439a, [0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92]);
const GLOBAL: Guid = guid(0x8be4_df61, 0x93ca, 0x11d2, [0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c]);
const DATABASE: Guid = guid(0xd719_b2cb, 0x3d3a, 0x4596, [0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f]);
const ENABLE: Guid = guid(0xf0a3_0bc7, 0xaf08, 0x4556, [0x99, 0xc4, 0x00, 0x10, 0x09, 0xc9, 0x3a, 0x44]);
/// shim's, for the keys of the machine's owner (`SHIM_LOCK_GUID` in its lib/guid.c).
const SHIM: Guid = guid(0x605d_ab50, 0xe046, 0x4300, [0xab, 0xb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b, 0x23]);
const X509: Guid = guid(0xa5c0_59a1, 0x94e4, 0x4aa7, [0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72]);
/// Whose keys these are: the proving ground's.
const OWNER: Guid = guid(0x5246_4e43, 0x5465, 0x7374, *b"ringfenc");

/// Non-volatile, for boot services.
const BOOT: u32 = 3;
/// The same for runtime services, too.
const RUNTIME: u32 = 7;
/// The same for runtime services, too, and to be changed by who can sign for it.
const SIGNED: u32 = 0x27;

/// Writes a flash of a board that trusts this certificate (X.509, DER), and nothing else; shim on it also
/// trusts the one of the machine's owner.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn trust(path: &Path, certificate: &[u8], owners: Option<&[u8]>) -> Result<()> {
    write(path, |volume| {
        let list = signature_list(certificate);
        for (name, vendor) in [("db", DATABASE), ("KEK", GLOBAL), ("PK", GLOBAL)] {
            variable(volume, name, vendor, SIGNED, &list);
        }
        variable(volume, "SecureBootEnable", ENABLE, BOOT, &[1]);
        if let Some(owners) = owners {
            variable(volume, "MokList", SHIM, BOOT, &signature_list(owners));
        }
    })
}

/// Writes a flash of a board that loads a driver, the file `file` of any of its disks, before it boots.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn load_driver(path: &Path, file: &str) -> Result<()> {
    write(path, |volume| {
        variable(volume, "Driver0000", GLOBAL, RUNTIME, &load_option(file));
        variable(volume, "DriverOrder", GLOBAL, RUNTIME, &0_u16.to_le_bytes());
    })
}

fn write(path: &Path, add: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
    let mut volume = Vec::with_capacity(VOLUME);
    volume_header(&mut volume);
    add(&mut volume);
    volume.resize(VOLUME, 0xff);
    let mut flash = File::create(path)?;
    flash.write_all(&volume)?;
    // What follows is not used, and takes no room on the disk.
    flash.set_len(FLASH)?;
    Ok(())
}

/// Returns an active load option of one file, by a path that names no disk (UEFI 2.10, 3.1.3 and 10.3.5.4).
fn load_option(file: &str) -> Vec<u8> {
    let file = utf16(file);
    let mut path = vec![4, 4];
    path.extend((4 + file.len() as u16).to_le_bytes());
    path.extend(file);
    path.extend([0x7f, 0xff, 4, 0]);
    let mut option = Vec::from(1_u32.to_le_bytes());
    option.extend((path.len() as u16).to_le_bytes());
    option.extend(utf16("ringfence"));
    option.extend(path);
    option
}

/// Returns a text as the firmware has it, with its end.
fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

fn volume_header(out: &mut Vec<u8>) {
    out.extend([0; 16]);
    out.extend(NV_DATA);
    out.extend((VOLUME as u64).to_le_bytes());
    out.extend(*b"_FVH");
    out.extend(0x0004_feff_u32.to_le_bytes());
    let checksum_at = out.len() + 2;
    for field in [VOLUME_HEADER as u16, 0, 0, 0x0200] {
        out.extend(field.to_le_bytes());
    }
    for field in [(VOLUME / BLOCK) as u32, BLOCK as u32, 0, 0] {
        out.extend(field.to_le_bytes());
    }
    let (words, _) = out.as_chunks();
    let sum = words.iter().fold(0_u16, |sum, word| sum.wrapping_add(u16::from_le_bytes(*word)));
    out.splice(checksum_at..checksum_at + 2, sum.wrapping_neg().to_le_bytes());
    // The store: formatted, healthy.
    out.extend(AUTHENTICATED);
    out.extend(((BLOCK - VOLUME_HEADER) as u32).to_le_bytes());
    out.extend([0x5a, 0xfe, 0, 0, 0, 0, 0, 0]);
}

/// Appends one variable.
fn variable(out: &mut Vec<u8>, name: &str, vendor: Guid, attributes: u32, data: &[u8]) {
    let name = utf16(name);
    // The mark of a variable, and that it is there whole.
    out.extend([0xaa, 0x55, 0x3f, 0]);
    out.extend(attributes.to_le_bytes());
    // Neither counted nor dated, and of no key in particular.
    out.extend([0; 8 + 16 + 4]);
    out.extend((name.len() as u32).to_le_bytes());
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(vendor);
    out.extend(name);
    out.extend(data);
    out.resize(out.len().next_multiple_of(ALIGN), 0xff);
}

/// Returns a list of one certificate.
fn signature_list(certificate: &[u8]) -> Vec<u8> {
    let signature = OWNER.len() + certificate.len();
    let mut list = Vec::from(X509);
    for field in [28 + signature, 0, signature] {
        list.extend((field as u32).to_le_bytes());
    }
    list.extend(OWNER);
    list.extend(certificate);
    list
}

/// Returns a GUID as it is in memory: its numbers little-endian.
const fn guid(a: u32, b: u16, c: u16, d: [u8; 8]) -> Guid {
    let (a, b, c) = (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes());
    [a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_option_is_attributes_a_name_and_a_path() {
        let option = load_option("\\a");
        // A node of 10 bytes, and the end.
        assert_eq!(option[..6], [1, 0, 0, 0, 14, 0]);
        assert_eq!(option[6 + 20..], [4, 4, 10, 0, b'\\', 0, b'a', 0, 0, 0, 0x7f, 0xff, 4, 0]);
    }

    #[test]
    fn the_header_is_that_of_debians_own_flash() {
        let mut header = Vec::new();
        volume_header(&mut header);
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
        assert_eq!(header.len(), 0x64);
        assert_eq!((word(0x20), word(0x28), word(0x30)), (0xc_0000, 0x4856_465f, 0x0928_0048));
        assert_eq!((word(0x58), word(0x5c)), (0x3_ffb8, 0xfe5a));
        assert_eq!(&header[0x10..0x14], &[0x8d, 0x2b, 0xf1, 0xff]);
    }
}
