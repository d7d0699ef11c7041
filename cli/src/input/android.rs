//! Trees in the files of Android boards: boot images, vendor boot images and tables of trees
//! (system/tools/mkbootimg, system/libufdt).

use std::iter;
use std::ops::Range;
use std::path::Path;

use ringfence::fdt;
use ringfence::kernel_image::Header;
use ringfence::packing::{Packing, Stream};

use super::{Loaded, concatenated, unpacked};
use crate::failure::Failure;

const BOOT: &[u8] = b"ANDROID!";
const VENDOR: &[u8] = b"VNDRBOOT";
const TABLE: [u8; 4] = 0xd7b7_ab1e_u32.to_be_bytes();

/// Most entries of a table.
const MAX_ENTRIES: usize = 4096;

/// Flags of an entry from version 1 of tables on: how its tree is packed
/// (system/libufdt/utils/src/mkdtboimg.py, `CompressionFormat`).
const PACKED: usize = 0xf;
const ZLIB: usize = 1;
const GZIP: usize = 2;

/// A tree in the file.
pub(super) struct Part {
    range: Range<usize>,
    /// The flags of its entry in a table.
    packed: usize,
}

impl From<Range<usize>> for Part {
    fn from(range: Range<usize>) -> Self {
        Self { range, packed: 0 }
    }
}

/// Tells whether a file begins as one of them.
pub(super) fn may_be_one(bytes: &[u8]) -> bool {
    [BOOT, VENDOR, &TABLE].iter().any(|magic| bytes.starts_with(magic))
}

/// Returns every tree in the file, in their order, each with its number.
///
/// # Errors
/// A sentence, when the file has none, or is not what its header says.
pub(super) fn trees(name: &Path, bytes: &[u8]) -> Result<Vec<Loaded>, String> {
    let found = if bytes.starts_with(&TABLE) {
        table(bytes, 0..bytes.len())
    } else if bytes.starts_with(VENDOR) {
        vendor(bytes)
    } else {
        boot(bytes)
    };
    let parts = found.ok_or("the header says more than the file has")?;
    if parts.is_empty() {
        return Err("no device tree in it".to_owned());
    }
    let (mut all, mut trees) = (0, Vec::new());
    for (number, part) in (1..).zip(parts) {
        let shown = format!("{}#{number}", name.display());
        let packed = bytes.get(part.range).unwrap_or_default();
        let tree = match part.packed {
            ZLIB => unpacked::zlib(packed),
            GZIP => unpacked::gzip(packed),
            _ => Ok(packed.to_vec()),
        };
        all += tree.as_ref().map_or(0, |tree| tree.len() as u64);
        // A few bytes could ask for much, by naming one packed tree in thousands of entries.
        if all > bytes.len() as u64 + unpacked::MAX {
            return Err(format!("its trees unpack to more than {}", unpacked::limit()));
        }
        trees.push(match tree {
            Ok(dtb) => Loaded::new(&shown, name, dtb, None),
            Err(why) => Loaded { tree: Err(Failure::new(format!("{shown}: {why}"))), name: shown },
        });
    }
    Ok(trees)
}

fn le(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize)
}

fn be(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?) as usize)
}

/// Parts one after the other, each on a page of its own.
struct Pages {
    page: usize,
    at: usize,
}

impl Pages {
    fn new(page: usize, header: usize) -> Option<Self> {
        if !(512..=1 << 20).contains(&page) || !page.is_power_of_two() {
            return None;
        }
        Some(Self { page, at: header.checked_next_multiple_of(page)? })
    }

    /// Returns the next part, of so many bytes.
    fn next(&mut self, len: usize) -> Option<Range<usize>> {
        let part = self.at..self.at.checked_add(len)?;
        self.at = part.end.checked_next_multiple_of(self.page)?;
        Some(part)
    }
}

/// A boot image: from header 2 on with trees of its own before header 3, else with trees after the kernel.
fn boot(bytes: &[u8]) -> Option<Vec<Part>> {
    let version = le(bytes, 40)?;
    let kernel = le(bytes, 8)?;
    if version >= 3 {
        let part = Pages::new(4096, 4096)?.next(kernel)?;
        return appended(bytes, part).map(parts);
    }
    let mut pages = Pages::new(le(bytes, 36)?, 1)?;
    let kernel = pages.next(kernel)?;
    pages.next(le(bytes, 16)?)?;
    let second = pages.next(le(bytes, 24)?)?;
    let mut found = parts(appended(bytes, kernel)?);
    found.extend(area(bytes, second)?);
    if version >= 1 {
        found.extend(area(bytes, pages.next(le(bytes, 1632)?)?)?);
    }
    if version >= 2 {
        found.extend(area(bytes, pages.next(le(bytes, 1648)?)?)?);
    }
    Some(found)
}

fn vendor(bytes: &[u8]) -> Option<Vec<Part>> {
    let mut pages = Pages::new(le(bytes, 12)?, le(bytes, 2096)?)?;
    pages.next(le(bytes, 24)?)?;
    area(bytes, pages.next(le(bytes, 2100)?)?)
}

/// The trees of a part: a table of them, or one after the other.
fn area(bytes: &[u8], part: Range<usize>) -> Option<Vec<Part>> {
    let inside = bytes.get(part.clone())?;
    if inside.starts_with(&TABLE) {
        return table(bytes, part);
    }
    let trees = chain(inside).unwrap_or_default().into_iter();
    Some(trees.map(|tree| shifted(tree, part.start).into()).collect())
}

fn parts(trees: Vec<Range<usize>>) -> Vec<Part> {
    trees.into_iter().map(Part::from).collect()
}

fn shifted(range: Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}

/// Trees that fill a part, one or several.
fn chain(bytes: &[u8]) -> Option<Vec<Range<usize>>> {
    concatenated::split(bytes).or_else(|| {
        let len = fdt::stated_len(bytes).filter(|&len| len <= bytes.len())?;
        bytes.get(len..)?.iter().all(|&byte| byte == 0).then(|| iter::once(0..len).collect())
    })
}

/// The trees after a kernel, `Image-dtb` or `Image.gz-dtb`.
fn appended(bytes: &[u8], part: Range<usize>) -> Option<Vec<Range<usize>>> {
    let kernel = bytes.get(part.clone())?;
    let end = if kernel.starts_with(unpacked::GZIP) {
        match ringfence_unpack::end(Stream { packing: Packing::Gzip, bytes: kernel }) {
            Ok(end) => end,
            Err(_) => return Some(Vec::new()),
        }
    } else if Header::parse(kernel).is_ok() {
        0
    } else {
        return Some(Vec::new());
    };
    // A kernel may hold trees for its own tests: only those that reach to the end are appended.
    let rest = kernel.get(end..)?;
    let starts = memchr::memmem::find_iter(rest, &fdt::MAGIC.to_be_bytes()).collect::<Vec<_>>();
    let trees = starts.into_iter().find_map(|at| Some((at, chain(rest.get(at..)?)?)));
    let (at, trees) = trees.unwrap_or_default();
    Some(trees.into_iter().map(|tree| shifted(tree, part.start + end + at)).collect())
}

/// The trees of a table.
fn table(bytes: &[u8], part: Range<usize>) -> Option<Vec<Part>> {
    let table = bytes.get(part.clone())?;
    let (size, count, first) = (be(table, 12)?, be(table, 16)?, be(table, 20)?);
    let version = be(table, 28)?;
    if size < 8 || count > MAX_ENTRIES {
        return None;
    }
    let entry = |index: usize| {
        let at = first.checked_add(index.checked_mul(size)?)?;
        let (len, offset) = (be(table, at)?, be(table, at.checked_add(4)?)?);
        let tree = offset..offset.checked_add(len)?;
        table.get(tree.clone())?;
        let flags = if version >= 1 && size >= 20 { be(table, at.checked_add(16)?)? } else { 0 };
        Some(Part { range: shifted(tree, part.start), packed: flags & PACKED })
    };
    (0..count).map(entry).collect()
}
