//! The partition and the configuration of each boot loader.

use super::disk::{self, Esp};
use super::keys::{self, Signer};
use super::{EfiBoot, EfiLoader, Firmware, Form};
use crate::machine::Entry;
use crate::setup::{EfiFile, Release};
use crate::test_bed::TestBed;
use crate::uboot;
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;

/// systemd-boot with one entry, taken at once.
pub(super) fn systemd_boot(boot: &EfiBoot, bed: &TestBed, name: &str) -> Result<PathBuf> {
    let esp = Esp::new(&bed.ws, name)?;
    esp.file("EFI/BOOT/BOOTAA64.EFI", &boot.release.file(&bed.ws, EfiFile::SystemdBoot))?;
    esp.text("loader/loader.conf", "timeout 0\ndefault linux*\n")?;
    let devicetree = match &boot.devicetree {
        Some(tree) => {
            esp.file("board.dtb", tree)?;
            "devicetree /board.dtb\n"
        }
        None => "",
    };
    let entry = |image: &str, initrd: &str| {
        format!("title Linux\nlinux {image}\ninitrd {initrd}\n{devicetree}options {}\n", boot.line)
    };
    match boot.form {
        Form::Application => {
            esp.file("ringfence.img", &bed.stage()?.image)?;
            esp.file("bundle.itb", &boot.bundle(bed)?)?;
            esp.text("loader/entries/linux.conf", &entry("/ringfence.img", "/bundle.itb"))?;
        }
        Form::Alone => {
            esp.file("Image", &boot.kernel)?;
            esp.file("initrd", &boot.initrd)?;
            esp.text("loader/entries/linux.conf", &entry("/Image", "/initrd"))?;
        }
        Form::Unified => esp.file("EFI/Linux/linux.efi", &boot.unified(bed)?)?,
        Form::Driver => {
            esp.file("EFI/systemd/drivers/ringfenceaa64.efi", &boot.driver(bed)?)?;
            if boot.devicetree.is_some() {
                esp.file("Image", &boot.kernel)?;
                esp.file("initrd", &boot.initrd)?;
                esp.text("loader/entries/linux.conf", &entry("/Image", "/initrd"))?;
            } else {
                esp.file("EFI/Linux/linux.efi", &boot.unmodified(bed)?)?;
            }
        }
    }
    Ok(esp.dir())
}

/// The driver alone, for firmware that is given the kernel by QEMU.
pub(super) fn driver_alone(boot: &EfiBoot, bed: &TestBed, name: &str) -> Result<PathBuf> {
    let esp = Esp::new(&bed.ws, name)?;
    esp.file("driver.efi", &boot.driver(bed)?)?;
    Ok(esp.dir())
}

/// GRUB with one entry, taken at once.
pub(super) fn grub(boot: &EfiBoot, bed: &TestBed, name: &str) -> Result<PathBuf> {
    let esp = Esp::new(&bed.ws, name)?;
    esp.file("EFI/BOOT/BOOTAA64.EFI", &boot.release.file(&bed.ws, EfiFile::Grub))?;
    let commands = match boot.form {
        Form::Application => {
            esp.file("ringfence.img", &bed.stage()?.image)?;
            esp.file("bundle.itb", &boot.bundle(bed)?)?;
            format!("linux /ringfence.img {}\ninitrd /bundle.itb\n", boot.line)
        }
        Form::Alone => {
            esp.file("Image", &boot.kernel)?;
            esp.file("initrd", &boot.initrd)?;
            format!("linux /Image {}\ninitrd /initrd\n", boot.line)
        }
        Form::Unified => {
            esp.file("linux.efi", &boot.unified(bed)?)?;
            "chainloader /linux.efi\n".into()
        }
        Form::Driver => {
            esp.file("driver.efi", &boot.driver(bed)?)?;
            esp.file("Image", &boot.kernel)?;
            esp.file("initrd", &boot.initrd)?;
            // GRUB 2.12 loads no driver: the firmware has done so before.
            let first = match boot.release {
                Release::Bookworm if boot.firmware != Firmware::UBoot => "chainloader /driver.efi\nboot\n",
                _ => "",
            };
            format!("{first}linux /Image {}\ninitrd /initrd\n", boot.line)
        }
    };
    let head = "set timeout=0\nsearch --no-floppy --file /EFI/debian/grub.cfg --set=root\n";
    esp.text("EFI/debian/grub.cfg", &format!("{head}{commands}boot\n"))?;
    Ok(esp.dir())
}

/// shim, which the board trusts, and a unified image in the place where it looks for GRUB.
pub(super) fn shim(boot: &EfiBoot, bed: &TestBed, name: &str) -> Result<PathBuf> {
    let esp = Esp::new(&bed.ws, name)?;
    let shim = boot.release.file(&bed.ws, EfiFile::Shim);
    esp.file("EFI/BOOT/BOOTAA64.EFI", &keys::signed(bed, &shim, Signer::Board)?)?;
    esp.file("EFI/BOOT/grubaa64.efi", &boot.signed_image(bed, boot.unified(bed)?)?)?;
    Ok(esp.dir())
}

/// U-Boot: by `bootefi` what is to be booted, or by its boot manager a boot loader.
pub(super) fn uboot(boot: &EfiBoot, bed: &TestBed, name: &str, more: &mut Vec<String>) -> Result<Entry> {
    let mut line = boot.line.clone();
    let (dir, command) = match boot.loader {
        EfiLoader::Direct => bootefi(boot, bed, name, &mut line)?,
        EfiLoader::SystemdBoot => (systemd_boot(boot, bed, name)?, BOOT_MANAGER.into()),
        EfiLoader::Grub => {
            let start = if boot.form == Form::Driver { start("driver.efi") + "; " } else { String::new() };
            (grub(boot, bed, name)?, format!("virtio scan; {start}{BOOT_MANAGER}"))
        }
        EfiLoader::Shim => (shim(boot, bed, name)?, BOOT_MANAGER.into()),
    };
    disk::attach(more, &dir);
    let kernel_at = format!("{:#x}", uboot::KERNEL_AT);
    let variables =
        [("bootcmd", command.as_str()), ("bootargs", line.as_str()), ("kernel_addr_r", kernel_at.as_str())];
    let entry = uboot::firmware(Vec::new(), Some(boot.dtb.clone()), &variables, &bed.ws.scratch("uboot")?)?;
    Ok(match entry {
        Entry::Firmware { flash, dtb, loaded, .. } if boot.release == Release::Trixie => {
            Entry::Firmware { bios: boot.release.file(&bed.ws, EfiFile::UBoot), flash, dtb, loaded }
        }
        entry => entry,
    })
}

/// Has U-Boot's boot manager start what is on the partition, with the tree that QEMU has completed, which
/// U-Boot itself uses.
const BOOT_MANAGER: &str = "virtio scan; bootefi bootmgr ${fdtcontroladdr}";

/// Returns the command that starts a file of the partition with that tree.
fn start(file: &str) -> String {
    let at = uboot::KERNEL_AT;
    format!("load virtio 0:1 {at:#x} {file}; bootefi {at:#x} ${{fdtcontroladdr}}")
}

/// The document with the commands that start the application and the driver, in this order.
const DOCUMENT: &str = "docs/uefi.md";

/// Returns the commands that the document prints, as it prints them. Where they set the command line, `line`
/// is added to it.
fn documented(bed: &TestBed, number: usize, line: &str) -> Result<String> {
    let text = fs::read_to_string(bed.ws.root.join(DOCUMENT))?;
    let block = uboot::block(&text, number).with_context(|| format!("no commands in {DOCUMENT}"))?;
    let more = |command: &str| match command.starts_with("setenv bootargs ") {
        true => format!("{command}; setenv bootargs \"${{bootargs}} {line}\""),
        false => command.to_owned(),
    };
    Ok(block.into_iter().map(more).collect::<Vec<_>>().join("; "))
}

/// The image and what belongs to it on the partition, started by `bootefi`. `line` gets what U-Boot adds.
fn bootefi(boot: &EfiBoot, bed: &TestBed, name: &str, line: &mut String) -> Result<(PathBuf, String)> {
    let esp = Esp::new(&bed.ws, name)?;
    let command = match boot.form {
        Form::Application => {
            esp.file("ringfence.img", &bed.stage()?.image)?;
            esp.file("bundle.itb", &boot.bundle(bed)?)?;
            documented(bed, 0, line)?
        }
        Form::Unified => {
            esp.file("linux.efi", &boot.unified(bed)?)?;
            start("linux.efi")
        }
        Form::Driver => {
            esp.file("ringfenceaa64.efi", &boot.driver(bed)?)?;
            esp.file("linux.efi", &boot.unmodified(bed)?)?;
            documented(bed, 1, line)?
        }
        Form::Alone => {
            esp.file("Image", &boot.kernel)?;
            esp.file("initrd", &boot.initrd)?;
            line.push_str(" initrd=/initrd");
            start("Image")
        }
    };
    Ok((esp.dir(), format!("virtio scan; {command}")))
}
