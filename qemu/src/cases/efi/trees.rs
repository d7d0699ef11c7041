//! Boots with a tree of the payload's own: the firmware completes it, and the loader's is merged into it.

use super::{Case, EfiBoot, EfiLoader, Firmware, Form, faults, keeps, line, usual};
use crate::initramfs;
use crate::machine::Level;
use crate::test_bed::TestBed;
use crate::transcript::Transcript;
use anyhow::{Context, Result, ensure};

/// The payload's tree does not know how to power the board off, and has lost a carveout.
const LESS: &[(&str, &str)] = &[
    ("reserved-memory {", "/delete-node/ psci;\n\treserved-memory {"),
    ("camera_mem: camera@64300000 {\n\t\t\treg = <0x0 0x64300000 0x0 0x500000>;\n\t\t\tno-map;\n\t\t};", ""),
];

/// Prints the version that U-Boot's fix-ups write, and no tree has before.
const VERSION: &[u8] = b"#!/bin/busybox sh\n\
    /bin/busybox cat /sys/firmware/devicetree/base/chosen/u-boot,version\necho\n";

/// Returns the boots.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("efi-two-trees", |bed, name| two(bed, name, |boot| boot)).long(),
        Case::new("efi-two-trees-unified", |bed, name| {
            two(bed, name, |boot| EfiBoot { form: Form::Unified, loader: EfiLoader::SystemdBoot, ..boot })
        })
        .long(),
        Case::new("efi-two-trees-less-ram", less_ram),
        Case::new("efi-u-boot-two-trees", |bed, name| {
            let boot = EfiBoot { bundled: Some(faults::tree(bed, name, LESS)?), ..on_uboot(bed, name)? };
            let (transcript, seen) = keeps(bed, name, &boot)?;
            line(&transcript, "ringfence: tree: the firmware's fix-ups are applied")?;
            merged(&transcript)?;
            fixed_up(&transcript).map(|version| format!("{seen}; completed by {version}"))
        }),
        // systemd-stub asks the driver, which asks the firmware first.
        Case::new("efi-u-boot-driver-fixups", |bed, name| {
            let bundled = Some(usual(bed)?.dtb);
            let boot = EfiBoot { form: Form::Driver, bundled, ..on_uboot(bed, name)? };
            let (transcript, seen) = keeps(bed, name, &boot)?;
            line(&transcript, "are about to be installed")?;
            fixed_up(&transcript).map(|version| format!("{seen}; completed by {version}"))
        })
        .long(),
    ]
}

/// Returns the usual boot by U-Boot, whose EFI has fix-ups, of a Linux that prints what they wrote.
fn on_uboot(bed: &TestBed, name: &str) -> Result<EfiBoot> {
    let initrd = initramfs::with_files(&bed.ws, name, &[(initramfs::MORE, VERSION.to_vec())])?;
    Ok(EfiBoot { firmware: Firmware::UBoot, level: Level::El2, policy: None, initrd, ..usual(bed)? })
}

/// Boots with both trees, by firmware without fix-ups.
fn two(bed: &TestBed, name: &str, change: fn(EfiBoot) -> EfiBoot) -> Result<String> {
    let bundled = Some(faults::tree(bed, name, LESS)?);
    let boot = change(EfiBoot { bundled, policy: None, ..usual(bed)? });
    let (transcript, seen) = keeps(bed, name, &boot)?;
    Ok(format!("{seen}; {}", merged(&transcript)?))
}

/// The loader's tree states half of the RAM, and has the carveouts in the other half, which the EFI map has.
fn less_ram(bed: &TestBed, name: &str) -> Result<String> {
    const HALF: &[(&str, &str)] = &[(
        "reserved-memory {",
        "memory@40000000 { reg = <0x0 0x40000000 0x0 0x20000000>; }; reserved-memory {",
    )];
    let devicetree = Some(faults::tree(bed, &format!("{name}-loader"), HALF)?);
    let bundled = Some(faults::tree(bed, name, LESS)?);
    let boot = EfiBoot { loader: EfiLoader::SystemdBoot, devicetree, bundled, policy: None, ..usual(bed)? };
    let (transcript, seen) = keeps(bed, name, &boot)?;
    Ok(format!("{seen}; {}", merged(&transcript)?))
}

/// Fails unless the lost carveout and the way to power off were taken of the loader's tree. Returns the line
/// that says so.
fn merged(transcript: &Transcript) -> Result<&str> {
    let account = line(transcript, "ringfence: tree: the bundle's; of the loader's: ")?;
    for taken in ["camera@64300000", "/psci"] {
        ensure!(account.contains(taken), "{taken} is not taken: {account}");
    }
    let kept = transcript.section("reserved-memory").iter().any(|line| line.starts_with("camera@64300000 "));
    ensure!(kept, "Linux does not have camera@64300000");
    Ok(account.trim_start_matches("ringfence: "))
}

/// Returns the version of the U-Boot that has completed the tree that Linux has.
fn fixed_up(transcript: &Transcript) -> Result<String> {
    let mut lines = transcript.section("more").iter().map(|line| line.trim_matches(['\0', ' ']));
    let version = lines.find(|line| line.starts_with(|first: char| first.is_ascii_digit()));
    version.map(|version| format!("U-Boot {version}")).context("U-Boot has not completed the tree")
}
