//! Files on the file system that this image was loaded from.

use super::pages::Pages;
use crate::refusal::{Result, refusal};
use alloc::string::String;
use alloc::vec::Vec;
use uefi::proto::media::file::{File, FileAttribute, FileMode, RegularFile};
use uefi::{CStr16, boot};

/// Reads a whole file. Both kinds of slashes separate directories.
pub(crate) fn read(path: &str) -> Result<Pages> {
    let fail = |why: uefi::Status| refusal!("{path}: {}", words(why));
    let name: Vec<u16> = path.replace('/', "\\").encode_utf16().chain([0]).collect();
    let name = CStr16::from_u16_with_nul(&name).map_err(|_| refusal!("`{path}` is not a path"))?;
    let mut system = boot::get_image_file_system(boot::image_handle())
        .map_err(|why| refusal!("{path}: no file system where this image came from ({})", why.status()))?;
    let mut root = system.open_volume().map_err(|why| fail(why.status()))?;
    let file = root.open(name, FileMode::Read, FileAttribute::empty()).map_err(|why| fail(why.status()))?;
    let mut file = file.into_regular_file().ok_or_else(|| refusal!("{path}: is a directory"))?;
    file.set_position(RegularFile::END_OF_FILE).map_err(|why| fail(why.status()))?;
    let len = file.get_position().map_err(|why| fail(why.status()))?;
    file.set_position(0).map_err(|why| fail(why.status()))?;
    let len = usize::try_from(len).map_err(|_| refusal!("{path}: too large"))?;
    let mut pages = Pages::new(len, path)?;
    let got = file.read(pages.bytes_mut()).map_err(|why| fail(why.status()))?;
    if got == len { Ok(pages) } else { Err(refusal!("{path}: the file ends after {got} of {len} bytes")) }
}

fn words(status: uefi::Status) -> String {
    match status {
        uefi::Status::NOT_FOUND => "no such file where this image came from".into(),
        other => alloc::format!("cannot be read ({other})"),
    }
}
