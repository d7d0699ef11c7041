//! Each loader, and each form in which it starts ringfence.

use super::{Case, EfiBoot, EfiLoader, Firmware, Form, faults, keeps, line, map, on_board, usual};
use crate::machine::{Level, Ram};
use crate::setup::{Release, Series};
use crate::test_bed::TestBed;
use anyhow::{Context, Result, ensure};
use ringfence::efi::EfiUse;
use ringfence::efi::pe::Headers;
use ringfence::span::Span;
use std::fs;

/// Returns one boot for each.
pub(super) fn cases() -> Vec<Case> {
    vec![
        case("efi-edk2-el1", |boot| EfiBoot { release: Release::Bookworm, ..boot }),
        case("efi-edk2-el2-kaslr", |boot| EfiBoot { level: Level::El2, random: true, ..boot }),
        Case::new("efi-unified-image", unified_image),
        case("efi-systemd-boot", |boot| EfiBoot { loader: EfiLoader::SystemdBoot, ..boot }),
        driver("efi-systemd-boot-driver", |boot| EfiBoot { loader: EfiLoader::SystemdBoot, ..boot }),
        driver("efi-grub-driver", |boot| EfiBoot {
            loader: EfiLoader::Grub,
            release: Release::Bookworm,
            ..boot
        })
        .long(),
        driver("efi-u-boot-driver", |boot| EfiBoot { firmware: Firmware::UBoot, level: Level::El2, ..boot })
            .long(),
        driver("efi-u-boot-manager-driver", |boot| EfiBoot {
            firmware: Firmware::UBoot,
            loader: EfiLoader::Grub,
            level: Level::El2,
            ..boot
        }),
        driver("efi-variable-driver", |boot| boot),
        driver("efi-variable-driver-grub", |boot| EfiBoot { loader: EfiLoader::Grub, ..boot }).long(),
        Case::new("efi-driver-16k-pages", named_pages).long(),
        Case::new("efi-driver-other-tree", other_tree),
        case("efi-grub-linux", |boot| EfiBoot { loader: EfiLoader::Grub, ..boot }),
        case("efi-u-boot-bootefi", |boot| EfiBoot { firmware: Firmware::UBoot, level: Level::El2, ..boot }),
    ]
}

fn case(name: &'static str, change: fn(EfiBoot) -> EfiBoot) -> Case {
    Case::new(name, move |bed, name| boots(bed, name, &change(usual(bed)?)))
}

/// A unified image of `ukify`, with the generations of all its parts for shim.
fn unified_image(bed: &TestBed, name: &str) -> Result<String> {
    let boot = EfiBoot { form: Form::Unified, ..usual(bed)? };
    let image = fs::read(boot.unified(bed)?)?;
    let section = Headers::parse(&image).ok().and_then(|headers| headers.section(&image, b".sbat"));
    let text = section.and_then(|section| image.get(section.file)).context("no section .sbat")?;
    let text = String::from_utf8_lossy(text);
    for component in ["sbat,1,", "ringfence,1,", "uki,1,"] {
        ensure!(text.lines().any(|line| line.starts_with(component)), "no `{component}` in .sbat: {text}");
    }
    boots(bed, name, &boot)
}

/// Returns a boot with the driver before what a distribution has.
fn driver(name: &'static str, change: fn(EfiBoot) -> EfiBoot) -> Case {
    Case::new(name, move |bed, name| {
        let boot = change(EfiBoot { form: Form::Driver, ..usual(bed)? });
        let (transcript, seen) = keeps(bed, name, &boot)?;
        line(&transcript, "ringfence: device tree: ")?;
        Ok(seen)
    })
}

/// The driver sees no kernel: that it has pages of 16 KiB, to whose blocks pools are aligned, is in the
/// policy.
fn named_pages(bed: &TestBed, name: &str) -> Result<String> {
    let usual = on_board(bed, Ram::GIB, Series::V7_PAGES_16K)?;
    let policy = bed.ws.scratch_file("efi", name, "toml")?;
    let text = usual.policy.as_ref().map(fs::read_to_string).transpose()?.unwrap_or_default();
    fs::write(&policy, format!("kernel = \"7.3:16k\"\n{text}"))?;
    let (transcript, seen) =
        keeps(bed, name, &EfiBoot { form: Form::Driver, policy: Some(policy), ..usual })?;
    line(&transcript, "ringfence: kernel: Linux 7.3:16k (by the policy)")?;
    Ok(seen)
}

/// The loader installs another tree than the firmware had, through the driver's fix-up protocol: what was
/// held for the first one is given back.
fn other_tree(bed: &TestBed, name: &str) -> Result<String> {
    const MOVED: &[(&str, &str)] =
        &[("camera@64300000", "camera@52000000"), ("0x64300000 0x0 0x500000", "0x52000000 0x0 0x500000")];
    let devicetree = Some(faults::tree(bed, name, MOVED)?);
    let (form, loader) = (Form::Driver, EfiLoader::SystemdBoot);
    let boot = EfiBoot { form, loader, devicetree, policy: None, ..usual(bed)? };
    let (transcript, seen) = keeps(bed, name, &boot)?;
    line(&transcript, "camera@64300000 0x64300000..0x64800000 (5 MiB) held as [Reserved]")?;
    let old = Span::new(0x6430_0000, 0x50_0000).context("a span")?;
    let kept = map(&transcript)?.within(old).any(|range| range.kind.usage() == EfiUse::Reserved);
    ensure!(!kept, "{old} of the first tree is still held");
    Ok(seen)
}

fn boots(bed: &TestBed, name: &str, boot: &EfiBoot) -> Result<String> {
    let (transcript, seen) = keeps(bed, name, boot)?;
    let hand_off = line(&transcript, "ringfence: hand-off: ")?;
    let level = if boot.level == Level::El1 { "EL1" } else { "EL2" };
    ensure!(hand_off.ends_with(level), "entered Linux elsewhere than at {level}: {hand_off}");
    if boot.random {
        line(&transcript, "KASLR enabled")?;
    }
    Ok(seen)
}
