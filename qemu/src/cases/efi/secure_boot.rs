//! Boots with Secure Boot on: what is signed boots, and nothing else decides about memory.

use super::{Case, EfiBoot, EfiLoader, Firmware, Form, LIMIT, Signed, keeps, line, refuses, usual};
use crate::test_bed::TestBed;
use anyhow::{Result, ensure};

/// Returns what boots, and what is refused.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("efi-secure-boot", |bed, name| {
            let (transcript, seen) = keeps(bed, name, &unified(bed, Signed::All)?)?;
            line(&transcript, "ringfence: secure boot: on")?;
            let report = transcript.section("report");
            let state = report.iter().find(|line| line.starts_with("secure-boot = "));
            ensure!(state.is_some_and(|line| line.ends_with('1')), "the report does not say so: {report:?}");
            Ok(seen)
        }),
        Case::new("efi-secure-boot-shim", |bed, name| {
            let (transcript, seen) = keeps(bed, name, &below_shim(bed, Signed::All)?)?;
            line(&transcript, "ringfence: secure boot: on")?;
            line(&transcript, "MOKvar=0x")?;
            Ok(seen)
        }),
        Case::new("efi-secure-boot-shim-unsigned-image", |bed, name| {
            let ready = below_shim(bed, Signed::Nothing)?.ready(bed, name)?;
            let is_refused = |text: &str| text.contains("Security Violation");
            let transcript = bed.boot_until(name, &ready, LIMIT, Some(&is_refused))?;
            ensure!(line(&transcript, "ringfence: ").is_err(), "shim has started the image");
            line(&transcript, "Security Violation").map(|_| "shim does not start it".into())
        })
        .long(),
        Case::new("efi-secure-boot-unsigned-kernel", |bed, name| {
            refuses(bed, name, &unified(bed, Signed::Image)?, "sign it: Secure Boot is on")
        }),
        Case::new("efi-secure-boot-named-kernel", |bed, name| {
            let boot = application(bed, "ringfence.kernel=Image")?;
            refuses(bed, name, &boot, "what `ringfence.kernel=` names is not signed")
        }),
        Case::new("efi-secure-boot-unsigned-bundle", |bed, name| {
            refuses(bed, name, &application(bed, "")?, "no payload: Secure Boot is on")
        }),
    ]
}

/// Returns a boot of a signed unified image.
fn unified(bed: &TestBed, signed: Signed) -> Result<EfiBoot> {
    Ok(EfiBoot { firmware: Firmware::Secure, form: Form::Unified, signed, ..usual(bed)? })
}

/// Returns a boot of a unified image that shim starts: the firmware trusts shim, and shim the image's key.
fn below_shim(bed: &TestBed, signed: Signed) -> Result<EfiBoot> {
    Ok(EfiBoot { loader: EfiLoader::Shim, ..unified(bed, signed)? })
}

/// Returns a boot of the signed application, with a bundle in the initrd's place and a word of its own.
fn application(bed: &TestBed, word: &str) -> Result<EfiBoot> {
    let usual = usual(bed)?;
    let line = format!("{} {word}", usual.line);
    Ok(EfiBoot { firmware: Firmware::Secure, signed: Signed::Image, line, ..usual })
}
