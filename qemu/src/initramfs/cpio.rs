//! Writes the "newc" cpio format, the one that Linux unpacks (Documentation/driver-api/early-userspace).

/// An archive under construction. Times are zero, so equal content gives equal bytes.
#[derive(Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

/// Device numbers of a device node.
#[derive(Clone, Copy)]
struct Device {
    major: u32,
    minor: u32,
}

impl Archive {
    /// Adds a directory that everyone may enter.
    pub(crate) fn directory(&mut self, name: &str) {
        self.entry(name, 0o040_755, &[], None);
    }

    /// Adds a program.
    pub(crate) fn program(&mut self, name: &str, content: &[u8]) {
        self.entry(name, 0o100_755, content, None);
    }

    /// Adds a character device node.
    pub(crate) fn character_device(&mut self, name: &str, major: u32, minor: u32) {
        self.entry(name, 0o020_600, &[], Some(Device { major, minor }));
    }

    /// Closes the archive and returns its bytes.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entries = 0;
        self.entry("TRAILER!!!", 0, &[], None);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        self.bytes
    }

    /// Adds an entry. No file of an initramfs has 4 GiB, which is more than the format can say.
    fn entry(&mut self, name: &str, mode: u32, content: &[u8], device: Option<Device>) {
        let device = device.unwrap_or(Device { major: 0, minor: 0 });
        let (size, name_size) = (content.len() as u32, name.len() as u32 + 1);
        let links = 1 + u32::from(mode & 0o040_000 != 0);
        // ino, mode, uid, gid, nlink, mtime, filesize, device, node's device, namesize, check
        let fields =
            [self.entries, mode, 0, 0, links, 0, size, 0, 0, device.major, device.minor, name_size, 0];
        self.entries += 1;
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").into_bytes());
        }
        self.bytes.extend(name.as_bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend(content);
        self.align();
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_header_of_hex_fields_then_name_then_content_each_aligned() {
        let mut archive = Archive::default();
        archive.program("init", b"hello");
        let bytes = archive.finish();
        assert_eq!(&bytes[..6], b"070701");
        assert_eq!(&bytes[14..22], b"000081ed", "mode of a program");
        assert_eq!(&bytes[54..62], b"00000005", "size of the content");
        assert_eq!(&bytes[94..102], b"00000005", "size of the name with its NUL");
        assert_eq!(&bytes[110..115], b"init\0");
        assert_eq!(&bytes[116..121], b"hello");
        assert_eq!(&bytes[124..130], b"070701", "the next header is aligned");
        assert_eq!(bytes.len() % 512, 0);
    }
}
