//! The key of a board with Secure Boot, made anew for each run, and what is signed with it.

use super::variables;
use crate::setup;
use crate::shell::capture;
use crate::test_bed::TestBed;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Signs an EFI image, once for all boots that ask for the same.
///
/// # Errors
/// When the key cannot be made, or `sbsign` fails.
pub(super) fn signed(bed: &TestBed, image: &Path) -> Result<PathBuf> {
    let (key, certificate) = pair(bed)?;
    bed.made("signed", &[image], |name| {
        let signed = bed.ws.scratch_file("efi", name, "efi")?;
        let mut sbsign = Command::new(setup::sbsign(&bed.ws));
        sbsign.arg("--key").arg(&key).arg("--cert").arg(&certificate).arg("--output").arg(&signed);
        capture(sbsign.arg(image)).context("signing")?;
        Ok(signed)
    })
}

/// Returns a flash with variables of a board that trusts the key. Each boot gets its own, which it may
/// write to.
///
/// # Errors
/// When the key cannot be made or the file cannot be written.
pub(super) fn flash(bed: &TestBed, name: &str) -> Result<PathBuf> {
    let (_, certificate) = pair(bed)?;
    let der = bed.made("certificate", &[&certificate], |name| {
        let der = bed.ws.scratch_file("efi", name, "der")?;
        openssl(&["x509", "-outform", "DER"], &[("-in", &certificate), ("-out", &der)])?;
        Ok(der)
    })?;
    let flash = bed.ws.scratch_file("efi", &format!("{name}-variables"), "fd")?;
    variables::trust(&flash, &fs::read(der)?)?;
    Ok(flash)
}

/// Makes the key and its certificate.
fn pair(bed: &TestBed) -> Result<(PathBuf, PathBuf)> {
    let certificate = |key: &Path| key.with_extension("crt");
    let key = bed.made("key", &[], |name| {
        let key = bed.ws.scratch_file("efi", name, "key")?;
        let request =
            ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ringfence proving ground"];
        openssl(&request, &[("-keyout", &key), ("-out", &certificate(&key))])?;
        Ok(key)
    })?;
    let certificate = certificate(&key);
    Ok((key, certificate))
}

fn openssl(arguments: &[&str], files: &[(&str, &Path)]) -> Result<()> {
    let mut openssl = Command::new("openssl");
    openssl.args(arguments);
    for (option, file) in files {
        openssl.arg(option).arg(file);
    }
    capture(&mut openssl).map(drop).context("running openssl")
}
