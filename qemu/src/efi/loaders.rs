//! The partition and the configuration of each boot loader.

use super::disk::{self, Esp};
use super::{EfiBoot, Form};
use crate::machine::Entry;
use crate::setup::{EfiFile, Release};
use crate::test_bed::TestBed;
use crate::uboot;
use anyhow::{Result, ensure};
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
            ensure!(boot.release == Release::Bookworm, "GRUB 2.12 loads no driver; take --debian 12");
            esp.file("driver.efi", &boot.driver(bed)?)?;
            esp.file("Image", &boot.kernel)?;
            esp.file("initrd", &boot.initrd)?;
            format!("chainloader /driver.efi\nboot\nlinux /Image {}\ninitrd /initrd\n", boot.line)
        }
    };
    let head = "set timeout=0\nsearch --no-floppy --file /EFI/debian/grub.cfg --set=root\n";
    esp.text("EFI/debian/grub.cfg", &format!("{head}{commands}boot\n"))?;
    Ok(esp.dir())
}

/// U-Boot's `bootefi`, with the image and the bundle on the partition.
pub(super) fn uboot(boot: &EfiBoot, bed: &TestBed, name: &str, more: &mut Vec<String>) -> Result<Entry> {
    let esp = Esp::new(&bed.ws, name)?;
    let at = uboot::KERNEL_AT;
    let load = |file: &str| format!("virtio scan; load virtio 0:1 {at:#x} {file}");
    // The tree that QEMU has completed, which U-Boot itself uses.
    let start = format!("bootefi {at:#x} ${{fdtcontroladdr}}");
    let mut line = boot.line.clone();
    let command = match boot.form {
        Form::Application => {
            esp.file("ringfence.img", &bed.stage()?.image)?;
            esp.file("bundle.itb", &boot.bundle(bed)?)?;
            line += " ringfence.bundle=/bundle.itb";
            format!("{}; {start}", load("ringfence.img"))
        }
        Form::Unified => {
            esp.file("linux.efi", &boot.unified(bed)?)?;
            format!("{}; {start}", load("linux.efi"))
        }
        Form::Driver => {
            esp.file("driver.efi", &boot.driver(bed)?)?;
            esp.file("linux.efi", &boot.unmodified(bed)?)?;
            format!("{}; {start}; {}; {start}", load("driver.efi"), load("linux.efi"))
        }
        Form::Alone => {
            esp.file("Image", &boot.kernel)?;
            esp.file("initrd", &boot.initrd)?;
            line += " initrd=/initrd";
            format!("{}; {start}", load("Image"))
        }
    };
    disk::attach(more, &esp.dir());
    let variables = [("bootcmd", command.as_str()), ("bootargs", line.as_str())];
    let entry = uboot::firmware(Vec::new(), Some(boot.dtb.clone()), &variables, &bed.ws.scratch("uboot")?)?;
    Ok(match entry {
        Entry::Firmware { flash, dtb, loaded, .. } if boot.release == Release::Trixie => {
            Entry::Firmware { bios: boot.release.file(&bed.ws, EfiFile::UBoot), flash, dtb, loaded }
        }
        entry => entry,
    })
}
