//! The initrd's slot in `/chosen`, for loaders without LoadFile2.

use crate::firmware::pages;
use crate::loader::Loader;
use ringfence::efi::EfiUse;
use ringfence::span::Span;

/// Where loaders without LoadFile2 (GRUB before 2.12) say that the initrd is.
pub(crate) const INITRD: [&str; 2] = ["linux,initrd-start", "linux,initrd-end"];

/// Returns the addresses in it.
pub(crate) fn span(loader: &Loader) -> Option<Span> {
    let chosen = loader.tree.as_ref()?.find("/chosen")?;
    let [start, end] = INITRD.map(|name| chosen.prop(name).and_then(|prop| prop.as_u64()));
    Span::from_ends(start?, end?)
}

/// Returns the bytes that `/chosen` calls the initrd, if there are any.
pub(crate) fn bytes(loader: &Loader) -> Option<&'static [u8]> {
    let span = span(loader)?;
    // A stale entry is an address without anything there: what no loader has allocated is not read.
    let used = loader.map.within(span).filter(|range| range.kind.usage() == EfiUse::UntilLinux);
    if used.map(|range| range.span.len()).sum::<u64>() == span.len() {
        pages::loaded_by_loader(span)
    } else {
        None
    }
}
