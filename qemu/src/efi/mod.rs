//! Boots by UEFI: which firmware and which loader start ringfence, in which form, for which Linux.

mod disk;
mod keys;
mod loaders;
mod unified;
mod variables;

pub(crate) use unified::{Sections, unified};

use crate::boards::virt;
use crate::job::Parts;
use crate::machine::{Board, Entry, Level, Ram};
use crate::setup::{EfiFile, Release, Series};
use crate::shell::capture;
use crate::test_bed::TestBed;
use anyhow::Result;
use clap::ValueEnum;
use keys::Signer;
use std::path::{Path, PathBuf};

/// Which firmware a board has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Firmware {
    /// EDK2 of a release of Debian.
    Edk2,
    /// EDK2 that maps no memory writable and executable at once.
    StrictNx,
    /// EDK2 with Secure Boot on, which trusts the key of this run.
    Secure,
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
    /// shim, which starts a unified image in the place of GRUB.
    Shim,
}

/// In which form ringfence is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// An application in the kernel's place, with a bundle in the initrd's.
    Application,
    /// The stub of a unified image.
    Unified,
    /// A driver that is loaded before an unmodified unified image, or before an unmodified kernel: by a
    /// boot loader that can, by a script of U-Boot's, or by a variable of EDK2's.
    Driver,
    /// Not at all: Linux alone.
    Alone,
}

/// What of a boot is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    /// Nothing.
    Nothing,
    /// What the firmware starts.
    Image,
    /// That, and before it the kernel in it.
    All,
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
    /// The tree that the boot loader installs in its place.
    pub(crate) devicetree: Option<PathBuf>,
    /// The tree that the payload brings.
    pub(crate) bundled: Option<PathBuf>,
    pub(crate) policy: Option<PathBuf>,
    pub(crate) line: String,
    pub(crate) signed: Signed,
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
            (_, EfiLoader::Direct) => self.direct(bed, name, &mut more)?,
            (_, EfiLoader::SystemdBoot) => {
                disk::attach(&mut more, &loaders::systemd_boot(self, bed, name)?);
                self.edk2(bed, name, None)?
            }
            (_, EfiLoader::Grub) => {
                disk::attach(&mut more, &loaders::grub(self, bed, name)?);
                self.edk2(bed, name, None)?
            }
            (_, EfiLoader::Shim) => {
                disk::attach(&mut more, &loaders::shim(self, bed, name)?);
                self.edk2(bed, name, None)?
            }
        };
        Ok(Board {
            machine: &virt::MACHINE,
            level: self.level,
            ram: self.ram,
            entry,
            plugin: None,
            emulator: None,
            more,
        })
    }

    /// Returns what QEMU passes to the firmware, which starts it by itself.
    fn direct(&self, bed: &TestBed, name: &str, more: &mut Vec<String>) -> Result<Entry> {
        let (kernel, initrd) = match self.form {
            Form::Driver => {
                disk::attach(more, &loaders::driver_alone(self, bed, name)?);
                (self.kernel.clone(), Some(self.initrd.clone()))
            }
            Form::Alone => (self.kernel.clone(), Some(self.initrd.clone())),
            Form::Unified => (self.unified(bed)?, None),
            Form::Application => (bed.stage()?.image, Some(self.bundle(bed)?)),
        };
        let kernel = self.signed_image(bed, kernel)?;
        self.edk2(bed, name, Some((kernel, initrd)))
    }

    fn edk2(&self, bed: &TestBed, name: &str, direct: Option<(PathBuf, Option<PathBuf>)>) -> Result<Entry> {
        let by_variable = self.has_driver_variable();
        let (code, release) = match self.firmware {
            Firmware::StrictNx => (EfiFile::Edk2StrictNx, self.release),
            Firmware::Secure => (EfiFile::Edk2Secure, self.release),
            // The one that fits a flash; without keys it is the same.
            Firmware::Edk2 if by_variable => (EfiFile::Edk2Secure, Release::Trixie),
            Firmware::Edk2 | Firmware::UBoot => (EfiFile::Edk2, self.release),
        };
        let variables = match self.firmware {
            Firmware::Secure => Some(keys::flash(bed, name, self.loader == EfiLoader::Shim)?),
            _ if by_variable => {
                let flash = bed.ws.scratch_file("efi", &format!("{name}-variables"), "fd")?;
                variables::load_driver(&flash, "\\driver.efi")?;
                Some(flash)
            }
            _ => None,
        };
        let append = direct.is_some().then(|| self.line.clone());
        Ok(Entry::Edk2 {
            code: release.file(&bed.ws, code),
            variables,
            direct,
            append,
            dtb: Some(self.dtb.clone()),
        })
    }

    /// Tells whether it is the firmware that loads the driver, because no boot loader does.
    fn has_driver_variable(&self) -> bool {
        let loads = match self.loader {
            EfiLoader::Direct | EfiLoader::Shim => false,
            EfiLoader::SystemdBoot => true,
            EfiLoader::Grub => self.release == Release::Bookworm,
        };
        self.form == Form::Driver && self.firmware != Firmware::UBoot && !loads
    }

    /// Returns a bundle of kernel, initrd and policy.
    fn bundle(&self, bed: &TestBed) -> Result<PathBuf> {
        bed.pack(&Parts {
            kernel: self.kernel.clone(),
            initrd: Some(self.initrd.clone()),
            policy: self.policy.clone(),
            dtb: self.bundled.clone(),
            ..Parts::default()
        })
    }

    /// Returns the driver with the policy.
    fn driver(&self, bed: &TestBed) -> Result<PathBuf> {
        let stage = bed.stage()?.image;
        let of: Vec<&Path> = [&stage].into_iter().chain(&self.policy).map(PathBuf::as_path).collect();
        bed.made("driver", &of, |name| {
            let driver = bed.ws.scratch_file("efi", name, "efi")?;
            let mut command = bed.tool()?.command();
            command.args(["pack", "--efi-driver", "--append-to"]).arg(&stage).arg("-o").arg(&driver);
            if let Some(policy) = &self.policy {
                command.arg("--policy").arg(policy);
            }
            capture(&mut command)?;
            Ok(driver)
        })
    }

    /// Returns a unified image as a distribution has it, with systemd's stub.
    fn unmodified(&self, bed: &TestBed) -> Result<PathBuf> {
        let stub = Release::Trixie.file(&bed.ws, EfiFile::SystemdStub);
        unified(bed, &Sections { stub, ..self.sections() })
    }

    /// Returns a unified image with our stub.
    ///
    /// # Errors
    /// When `ukify` or our tool fails.
    pub(crate) fn unified(&self, bed: &TestBed) -> Result<PathBuf> {
        let stub = bed.stage()?.image;
        let kernel = match self.signed {
            Signed::All => keys::signed(bed, &self.kernel, self.signer())?,
            Signed::Nothing | Signed::Image => self.kernel.clone(),
        };
        unified(bed, &Sections { stub, kernel, policy: self.policy.clone(), ..self.sections() })
    }

    /// Returns what the firmware, or shim, starts: signed, where something is.
    fn signed_image(&self, bed: &TestBed, image: PathBuf) -> Result<PathBuf> {
        if self.signed == Signed::Nothing { Ok(image) } else { keys::signed(bed, &image, self.signer()) }
    }

    /// Returns who signs: below shim, whose own signature is the board's, the machine's owner.
    fn signer(&self) -> Signer {
        if self.loader == EfiLoader::Shim { Signer::Owner } else { Signer::Board }
    }

    fn sections(&self) -> Sections {
        Sections {
            stub: PathBuf::new(),
            kernel: self.kernel.clone(),
            initrd: self.initrd.clone(),
            line: self.line.clone(),
            dtb: self.bundled.clone(),
            policy: None,
        }
    }
}
