//! UEFI firmware and boot loaders, as two releases of Debian have them: unpacked into the cache, never
//! installed.

use super::debs::{self, Keep};
use crate::shell::find_program;
use crate::workspace::Workspace;
use std::path::PathBuf;
use std::str::FromStr;

/// A release of Debian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// Debian 12: EDK2 2022.11, systemd-boot 252, GRUB 2.06, U-Boot 2023.01.
    Bookworm,
    /// Debian 13: EDK2 2025.02, systemd-boot 257, GRUB 2.12, U-Boot 2025.01, shim 16.1.
    Trixie,
}

/// A file that is kept of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EfiFile {
    /// EDK2 for `-bios`, with variables that do not last.
    Edk2,
    /// EDK2 with Secure Boot, to be used with variables in a flash of their own.
    Edk2Secure,
    /// The same, which maps no memory writable and executable at once.
    Edk2StrictNx,
    /// systemd-boot.
    SystemdBoot,
    /// systemd's EFI stub, of which `ukify` makes unified images.
    SystemdStub,
    /// GRUB as one EFI application.
    Grub,
    /// U-Boot for the 64-bit `virt` board.
    UBoot,
    /// shim, which no one has signed.
    Shim,
    /// systemd's tool that makes unified images, and the Python module that it needs.
    Ukify,
}

impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let release = Self::ALL.into_iter().find(|release| release.number().to_string() == text);
        release.ok_or_else(|| "the Debian release is 12 or 13".into())
    }
}

impl Release {
    /// Both, oldest first.
    pub(crate) const ALL: [Self; 2] = [Self::Bookworm, Self::Trixie];

    /// Returns its number.
    pub(crate) fn number(self) -> u32 {
        if self == Self::Bookworm { 12 } else { 13 }
    }

    pub(super) fn suite(self) -> &'static str {
        if self == Self::Bookworm { "bookworm" } else { "trixie" }
    }

    /// Returns which package holds which of its files.
    fn files(self) -> Vec<(&'static str, EfiFile, Keep)> {
        let mut files = vec![
            ("qemu-efi-aarch64", EfiFile::Edk2, ("usr/share/qemu-efi-aarch64/QEMU_EFI.fd", "edk2.fd")),
            (
                "systemd-boot-efi",
                EfiFile::SystemdBoot,
                ("usr/lib/systemd/boot/efi/systemd-bootaa64.efi", "systemd-boot.efi"),
            ),
            (
                "systemd-boot-efi",
                EfiFile::SystemdStub,
                ("usr/lib/systemd/boot/efi/linuxaa64.efi.stub", "systemd-stub.efi"),
            ),
            ("u-boot-qemu", EfiFile::UBoot, ("usr/lib/u-boot/qemu_arm64/u-boot.bin", "u-boot.bin")),
        ];
        files.extend(match self {
            Self::Bookworm => vec![(
                "grub-efi-arm64-bin",
                EfiFile::Grub,
                ("usr/lib/grub/arm64-efi/monolithic/grubaa64.efi", "grub.efi"),
            )],
            Self::Trixie => vec![
                (
                    "grub-efi-arm64-signed",
                    EfiFile::Grub,
                    ("usr/lib/grub/arm64-efi-signed/grubaa64.efi.signed", "grub.efi"),
                ),
                ("shim-unsigned", EfiFile::Shim, ("usr/lib/shim/shimaa64.efi", "shim.efi")),
                (
                    "qemu-efi-aarch64",
                    EfiFile::Edk2Secure,
                    ("usr/share/AAVMF/AAVMF_CODE.secboot.fd", "edk2-secure.fd"),
                ),
                (
                    "qemu-efi-aarch64",
                    EfiFile::Edk2StrictNx,
                    ("usr/share/AAVMF/AAVMF_CODE.secboot.strictnx.fd", "edk2-strictnx.fd"),
                ),
                ("systemd-ukify", EfiFile::Ukify, ("usr/bin/ukify", "ukify")),
                ("python3-pefile", EfiFile::Ukify, ("usr/lib/python3/dist-packages/pefile.py", "pefile.py")),
                ("python3-pefile", EfiFile::Ukify, ("usr/lib/python3/dist-packages/ordlookup", "ordlookup")),
            ],
        });
        files
    }

    /// Returns where a file of this release is kept.
    pub(crate) fn file(self, ws: &Workspace, wanted: EfiFile) -> PathBuf {
        let kept =
            self.files().into_iter().find(|(_, file, _)| *file == wanted).map_or("", |(.., keep)| keep.1);
        self.dir(ws).join(kept)
    }

    fn dir(self, ws: &Workspace) -> PathBuf {
        ws.cache().join(format!("efi-debian{}", self.number()))
    }

    /// Tells whether every file is kept.
    pub(super) fn is_kept(self, ws: &Workspace) -> bool {
        self.files().iter().all(|(.., keep)| self.dir(ws).join(keep.1).exists())
    }

    /// Fetches the packages of which a file is missing, and keeps their files.
    pub(super) fn fetch(self, ws: &Workspace) -> anyhow::Result<()> {
        let files = self.files();
        let dir = self.dir(ws);
        let missing = files.iter().filter(|(.., keep)| !dir.join(keep.1).exists());
        let mut packages: Vec<&str> = missing.map(|(package, ..)| *package).collect();
        packages.sort_unstable();
        packages.dedup();
        for package in packages {
            let keep: Vec<Keep> = files.iter().filter(|f| f.0 == package).map(|f| f.2).collect();
            debs::fetch_files(ws, self.suite(), package, &keep, &dir)?;
        }
        Ok(())
    }
}

/// Returns where `sbsign` is: on the machine, or in the cache.
pub(crate) fn sbsign(ws: &Workspace) -> PathBuf {
    find_program("sbsign").unwrap_or_else(|| ws.cache().join("sbsigntool/sbsign"))
}

/// Fetches `sbsign` for this machine, by the machine's own apt.
pub(super) fn fetch_sbsign(ws: &Workspace) -> anyhow::Result<()> {
    debs::fetch_host_files(ws, "sbsigntool", &[("usr/bin/sbsign", "sbsign")], &ws.cache().join("sbsigntool"))
}
