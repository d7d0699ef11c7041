//! Where a boot loader puts things, as the command line and the configuration say it: `0x40200000:40MiB`, or
//! `0x40200000:@Image` for as much as that file takes in memory.

use std::path::{Path, PathBuf};

use ringfence::facts::{BootFacts, Kernel, Position};
use ringfence::kernel_image::{Header, PLACEMENT_ALIGN};
use ringfence::span::Span;

use crate::failure::Failure;
use crate::{bundle, input, number, suggest};

/// What a boot loader places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// The kernel image with its BSS.
    Kernel,
    /// The initial ramdisk.
    Initrd,
    /// The device tree.
    Dtb,
    /// The stage.
    Stage,
    /// The bundle.
    Bundle,
}

/// Every item by the name that people write.
pub const ITEMS: &[(&str, Item)] = &[
    ("kernel", Item::Kernel),
    ("initrd", Item::Initrd),
    ("dtb", Item::Dtb),
    ("stage", Item::Stage),
    ("bundle", Item::Bundle),
];

/// Where something is put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    base: u64,
    size: Size,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Size {
    Bytes(u64),
    /// What this file takes: a kernel what its header states, everything else its length.
    Of(PathBuf),
}

impl Place {
    /// Reads `BASE:SIZE` or `BASE:@FILE`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (base, size) =
            text.split_once(':').ok_or("write BASE:SIZE or BASE:@FILE, such as 0x40200000:@Image")?;
        let base = number::address(base)?;
        if let Some(file) = size.trim_start().strip_prefix('@') {
            return match file.is_empty() {
                true => Err("which file? Write BASE:@FILE, such as 0x40200000:@Image".to_string()),
                false => Ok(Self { base, size: Size::Of(file.into()) }),
            };
        }
        let size = number::size(size)?;
        match Span::new(base, size) {
            Some(_) => Ok(Self { base, size: Size::Bytes(size) }),
            None => Err(format!("`{text}` is empty or exceeds the address space")),
        }
    }

    /// Returns the base, and the file whose size counts, when one is named.
    #[must_use]
    pub fn file(&self) -> Option<(u64, &Path)> {
        match &self.size {
            Size::Bytes(_) => None,
            Size::Of(file) => Some((self.base, file)),
        }
    }

    /// Enters it into what is known of the boot; a file is looked for from `home` on. Nothing of it is
    /// movable: what a loader places, a tree cannot move.
    ///
    /// # Errors
    /// When the file cannot be read, is not a kernel although it must be one, or does not fit above the base.
    pub fn enter(&self, item: Item, home: &Path, facts: &mut BootFacts) -> Result<(), Failure> {
        let (text_offset, size) = match &self.size {
            Size::Bytes(size) => (self.base % PLACEMENT_ALIGN, *size),
            Size::Of(file) => taken(item, &home.join(file))?,
        };
        let span = Span::new(self.base, size);
        let at = span.ok_or_else(|| {
            Failure::new(format!("{size} bytes at {:#x} are nothing, or exceed the address space", self.base))
        })?;
        let position = Position::Fixed(at);
        match item {
            Item::Kernel => {
                facts.kernel = Some(Kernel { position, text_offset, image_size: at.len() });
            }
            Item::Initrd => facts.initrd = Some(position),
            Item::Dtb => facts.dtb = Some(position),
            Item::Stage => facts.stage = Some(at),
            Item::Bundle => facts.bundle = Some(at),
        }
        Ok(())
    }
}

/// `text_offset` and size in memory of a file.
fn taken(item: Item, file: &Path) -> Result<(u64, u64), Failure> {
    match item {
        Item::Kernel | Item::Stage => {
            let bytes = bundle::read_kernel(file)?;
            let header = Header::parse(&bytes).map_err(|error| Failure::of(file, error))?;
            Ok((header.text_offset(), header.footprint(bytes.len() as u64)))
        }
        Item::Initrd | Item::Dtb | Item::Bundle => Ok((0, input::length(file)?)),
    }
}

/// Reads `NAME=BASE:SIZE` or `NAME=BASE:@FILE`.
///
/// # Errors
/// What is wrong with it.
pub fn entry(text: &str) -> Result<(Item, Place), String> {
    let (name, place) = text
        .split_once('=')
        .ok_or("write NAME=BASE:SIZE or NAME=BASE:@FILE, such as kernel=0x40200000:@Image")?;
    let known: Vec<&str> = ITEMS.iter().map(|(known, _)| *known).collect();
    let item = ITEMS.iter().find(|(known, _)| *known == name).map(|(_, item)| *item);
    let item = item.ok_or_else(|| format!("`{name}` is not placed; {}", suggest::question(name, &known)))?;
    Ok((item, Place::parse(place)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::span::MIB;

    #[test]
    fn a_place_is_a_base_and_a_size_or_a_file() {
        let kernel = entry("kernel=0x40200000:40M").unwrap();
        assert_eq!(kernel, (Item::Kernel, Place { base: 0x4020_0000, size: Size::Bytes(40 * MIB) }));
        let initrd = entry("initrd=0x48000000:@out/initrd.img").unwrap();
        assert_eq!(initrd.1.size, Size::Of("out/initrd.img".into()));
        for wrong in ["kernel", "kernel=0", "kernel=0:0", "kernel=0xffffffffffffffff:2", "kernel=0:@", "=0:1"]
        {
            assert!(entry(wrong).is_err(), "{wrong}");
        }
        assert_eq!(entry("kernal=0:1").unwrap_err(), "`kernal` is not placed; did you mean `kernel`?");
        assert!(entry("uboot=0:1").unwrap_err().contains("kernel, initrd"));
    }

    #[test]
    fn a_file_is_as_large_as_it_will_be_in_memory() {
        let home = tempfile::tempdir().unwrap();
        let mut image = vec![0; 0x1000];
        image[0x08..0x10].copy_from_slice(&0x8_0000_u64.to_le_bytes());
        image[0x10..0x18].copy_from_slice(&0x30_0000_u64.to_le_bytes());
        image[0x18..0x20].copy_from_slice(&0xa_u64.to_le_bytes());
        image[0x38..0x3c].copy_from_slice(b"ARM\x64");
        std::fs::write(home.path().join("Image"), image).unwrap();
        std::fs::write(home.path().join("initrd"), [1; 77]).unwrap();
        let facts = |text| {
            let (item, place) = entry(text).unwrap();
            let mut facts = BootFacts::default();
            place.enter(item, home.path(), &mut facts).map(|()| facts)
        };
        let kernel = facts("kernel=0x40080000:@Image").unwrap().kernel.unwrap();
        assert_eq!((kernel.text_offset, kernel.image_size), (0x8_0000, 0x30_0000));
        let initrd = facts("initrd=0x48000000:@initrd").unwrap().initrd.unwrap();
        assert_eq!(initrd, Position::Fixed(Span::new(0x4800_0000, 77).unwrap()));
        assert!(facts("kernel=0:@initrd").unwrap_err().to_string().contains("initrd"));
        assert!(facts("initrd=0xfffffffffffffff0:@initrd").is_err());
        assert!(facts("initrd=0:@missing").unwrap_err().to_string().contains("no such file"));
    }
}
