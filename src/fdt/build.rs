//! Writes a whole new blob: a policy, a bundle, a test tree.

use alloc::vec::Vec;

use super::emit::{Count, Emitter, Layout};
use super::strings::Strings;
use super::{FdtError, NewNode};

/// Writes a blob with `root` (whose name is empty), version 17, and these `(base, size)` memory reserve
/// entries in bytes. The value of every property is copied once.
///
/// # Errors
/// [`FdtError::Edit`] for a name that cannot be written, a duplicate or too deep a node;
/// [`FdtError::TooLarge`] beyond 4 GiB; [`FdtError::OutOfMemory`].
pub fn build(root: &NewNode, boot_cpu: u32, memreserve: &[(u64, u64)]) -> Result<Vec<u8>, FdtError> {
    write(root, boot_cpu, memreserve, None)
}

/// Writes a blob as [`build`] does, so that the value of the property `prop` of the node `path` starts at a
/// multiple of `align` bytes (a power of two) from the blob's start. A loader that places the blob at such a
/// multiple can then use a kernel in it in place.
///
/// The padding is before the structure block, where readers do not look. An empty or absent value is not
/// aligned.
///
/// # Errors
/// As [`build`].
pub fn build_aligned(
    root: &NewNode,
    boot_cpu: u32,
    memreserve: &[(u64, u64)],
    path: &str,
    prop: &str,
    align: u32,
) -> Result<Vec<u8>, FdtError> {
    let value = root.value_at(path, prop).filter(|value| !value.is_empty());
    write(root, boot_cpu, memreserve, value.map(|value| (value, align)))
}

fn write(
    root: &NewNode,
    boot_cpu: u32,
    memreserve: &[(u64, u64)],
    aligned: Option<(&[u8], u32)>,
) -> Result<Vec<u8>, FdtError> {
    root.check("", 0)?;
    if memreserve.iter().any(|&(_, size)| size == 0) {
        let node = alloc::string::String::from("/memreserve/");
        return Err(FdtError::Edit { node, fault: super::EditFault::EmptyReserve });
    }
    let mut names = Vec::new();
    root.each_prop_name(&mut |name| names.push(name));
    let strings = Strings::new(&[], names)?;
    let mut count = Watch { count: Count::default(), value: aligned.map(|(value, _)| value), found: None };
    let mut out = Emitter { sink: &mut count, strings: &strings };
    out.new_node(root);
    out.end();
    let mut layout = Layout { gap: 0, struct_len: count.count.0, reserve_count: memreserve.len() };
    if let Some(((_, align), offset)) = aligned.zip(count.found) {
        let at = layout.struct_offset() + offset;
        layout.gap = at.next_multiple_of(u64::from(align).max(4)) - at;
    }
    let mut blob = layout.start(&strings, boot_cpu, memreserve.iter().copied(), usize::MAX)?;
    let mut out = Emitter { sink: &mut blob, strings: &strings };
    out.new_node(root);
    out.end();
    strings.write(&mut blob);
    Ok(blob)
}

/// Counts bytes, and records where one value starts.
struct Watch<'v> {
    count: Count,
    value: Option<&'v [u8]>,
    found: Option<u64>,
}

impl super::emit::Sink for Watch<'_> {
    fn put(&mut self, bytes: &[u8]) {
        if self.value.is_some_and(|value| core::ptr::eq(value, bytes)) {
            self.found = Some(self.count.0);
        }
        self.count.put(bytes);
    }
}
