//! Boots by UEFI: which firmware and which loader start ringfence, in which form, for which Linux.

mod disk;
mod loaders;
mod unified;

pub(crate) use unified::{Sections, unified};

use crate::boards::virt;
use crate::job::Parts;
use crate::machine::{Board, Entry, Level, Ram};
use crate::setup::{EfiFile, Release, Series};
use crate::test_bed::TestBed;
use anyhow::Result;
use clap::ValueEnum;
use std::path::PathBuf;

/// Which firmware a board has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Firmware {
    /// EDK2 of a release of Debian.
    Edk2,
    /// EDK2 that maps no memory writable and executable at once.
    StrictNx,
    /// U-Boot.
    UBoot,
}

/// What the firmware starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EfiLoader {
    /// The image itself.
    Direct,
    /// systemd-boot.
    SystemdBoot,
    /// GRUB.
    Grub,
}

/// In which form ringfence is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// An application in the kernel's place, with a bundle in the initrd's.
    Application,
    /// The stub of a unified image.
    Unified,
    /// Not at all: Linux alone.
    Alone,
}

/// One way to boot by UEFI.
#[derive(Clone, Debug)]
pub(crate) struct EfiBoot {
    pub(crate) firmware: Firmware,
    pub(crate) release: Release,
    pub(crate) loader: EfiLoader,
    pub(crate) form: Form,
    pub(crate) level: Level,
    pub(crate) ram: Ram,
    /// The kernel, and QEMU's arguments to run it.
    pub(crate) kernel: PathBuf,
    pub(crate) series: Option<Series>,
    pub(crate) initrd: PathBuf,
    /// The tree that the firmware is given.
    pub(crate) dtb: PathBuf,
    pub(crate) policy: Option<PathBuf>,
    pub(crate) line: String,
    /// Whether the firmware has random numbers, of which Linux makes the kernel's place.
    pub(crate) random: bool,
}

impl EfiBoot {
    /// Returns the board with everything loaded; `name` names its files.
    ///
    /// # Errors
    /// When something cannot be built, packed or written.
    pub(crate) fn ready(&self, bed: &TestBed, name: &str) -> Result<Board> {
        let mut more: Vec<String> = self.series.map(Series::processor).unwrap_or_default();
        if self.random {
            more.extend(["-device", "virtio-rng-device"].map(String::from));
        }
        let entry = match (self.firmware, self.loader) {
            (Firmware::UBoot, _) => loaders::uboot(self, bed, name, &mut more)?,
            (_, EfiLoader::Direct) => self.direct(bed)?,
            (_, EfiLoader::SystemdBoot) => {
                disk::attach(&mut more, &loaders::systemd_boot(self, bed, name)?);
                self.edk2(bed, None)
            }
            (_, EfiLoader::Grub) => {
                disk::attach(&mut more, &loaders::grub(self, bed, name)?);
                self.edk2(bed, None)
            }
        };
        Ok(Board { machine: &virt::MACHINE, level: self.level, ram: self.ram, entry, plugin: None, more })
    }

    /// Returns what QEMU passes to the firmware, which starts it by itself.
    fn direct(&self, bed: &TestBed) -> Result<Entry> {
        let (kernel, initrd) = match self.form {
            Form::Alone => (self.kernel.clone(), Some(self.initrd.clone())),
            Form::Unified => (self.unified(bed)?, None),
            Form::Application => (bed.stage()?.image, Some(self.bundle(bed)?)),
        };
        Ok(self.edk2(bed, Some((kernel, initrd))))
    }

    fn edk2(&self, bed: &TestBed, direct: Option<(PathBuf, Option<PathBuf>)>) -> Entry {
        let code = if self.firmware == Firmware::StrictNx { EfiFile::Edk2StrictNx } else { EfiFile::Edk2 };
        let append = direct.is_some().then(|| self.line.clone());
        Entry::Edk2 {
            code: self.release.file(&bed.ws, code),
            variables: None,
            direct,
            append,
            dtb: Some(self.dtb.clone()),
        }
    }

    /// Returns a bundle of kernel, initrd and policy.
    fn bundle(&self, bed: &TestBed) -> Result<PathBuf> {
        bed.pack(&Parts {
            kernel: self.kernel.clone(),
            initrd: Some(self.initrd.clone()),
            policy: self.policy.clone(),
            ..Parts::default()
        })
    }

    /// Returns a unified image with our stub.
    fn unified(&self, bed: &TestBed) -> Result<PathBuf> {
        let stub = bed.stage()?.image;
        unified(bed, &Sections { stub, policy: self.policy.clone(), ..self.sections() })
    }

    fn sections(&self) -> Sections {
        Sections {
            stub: PathBuf::new(),
            kernel: self.kernel.clone(),
            initrd: self.initrd.clone(),
            line: self.line.clone(),
            policy: None,
        }
    }
}
