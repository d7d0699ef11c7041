//! The keys of a board with Secure Boot, made anew for each run, and what is signed with them.

use super::variables;
use crate::setup;
use crate::shell::capture;
use crate::test_bed::TestBed;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Who signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signer {
    /// Whom the firmware trusts: the key in `db`.
    Board,
    /// Whom shim trusts, and the firmware does not: the key in `MokList`.
    Owner,
}

impl Signer {
    const fn name(self) -> &'static str {
        match self {
            Self::Board => "board",
            Self::Owner => "owner",
        }
    }
}

/// Signs an EFI image, once for all boots that ask for the same.
///
/// # Errors
/// When the key cannot be made, or `sbsign` fails.
pub(super) fn signed(bed: &TestBed, image: &Path, signer: Signer) -> Result<PathBuf> {
    let (key, certificate) = pair(bed, signer)?;
    bed.made(&format!("signed-{}", signer.name()), &[image], |name| {
        let signed = bed.ws.scratch_file("efi", name, "efi")?;
        let mut sbsign = Command::new(setup::sbsign(&bed.ws));
        sbsign.arg("--key").arg(&key).arg("--cert").arg(&certificate).arg("--output").arg(&signed);
        capture(sbsign.arg(image)).context("signing")?;
        Ok(signed)
    })
}

/// Returns a flash with variables of a board that trusts its own key, and whose shim trusts the owner's, if
/// it has one. Each boot gets its own, which it may write to.
///
/// # Errors
/// When a key cannot be made or the file cannot be written.
pub(super) fn flash(bed: &TestBed, name: &str, has_shim: bool) -> Result<PathBuf> {
    let board = certificate(bed, Signer::Board)?;
    let owners = has_shim.then(|| certificate(bed, Signer::Owner)).transpose()?;
    let flash = bed.ws.scratch_file("efi", &format!("{name}-variables"), "fd")?;
    variables::trust(&flash, &board, owners.as_deref())?;
    Ok(flash)
}

/// Returns a signer's certificate (X.509, DER).
fn certificate(bed: &TestBed, signer: Signer) -> Result<Vec<u8>> {
    let (_, certificate) = pair(bed, signer)?;
    let der = bed.made("certificate", &[&certificate], |name| {
        let der = bed.ws.scratch_file("efi", name, "der")?;
        openssl(&["x509", "-outform", "DER"], &[("-in", &certificate), ("-out", &der)])?;
        Ok(der)
    })?;
    Ok(fs::read(der)?)
}

/// Makes a signer's key and its certificate.
fn pair(bed: &TestBed, signer: Signer) -> Result<(PathBuf, PathBuf)> {
    let certificate = |key: &Path| key.with_extension("crt");
    let key = bed.made(&format!("key-{}", signer.name()), &[], |name| {
        let key = bed.ws.scratch_file("efi", name, "key")?;
        let subject = format!("/CN=ringfence proving ground, {}", signer.name());
        let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", &subject];
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
