//! Set-up: what the proving ground needs, why, how it is found, and how it is brought in.
//!
//! Everything fetched is kept under the target directory, so a second run needs no network. Toolchains are
//! never touched: a missing bare-metal target is hinted at or built from a compiler's own sources.

mod apt;
mod archive;
mod bare_target;
mod build;
mod cross;
mod debian;
mod debs;
mod efi;
mod emulator;
mod need;
mod series;
mod tools;

pub(crate) use bare_target::{SOFT_TARGET, TARGET, Toolchain, WORKAROUNDS};
pub(crate) use build::{module, remove_sources};
pub(crate) use cross::{Cross, LINKER as CROSS_CC, TARGET as CROSS_TARGET};
pub(crate) use debian::root as debian_root;
pub(crate) use efi::{EfiFile, Release, sbsign};
pub(crate) use emulator::new_qemu;
pub(crate) use need::{Need, board_kernel, busybox, corpus, qemu_user, uboot_image};
pub(crate) use series::Series;
pub(crate) use tools::Tool;

use crate::workspace::Workspace;
use anyhow::{Result, bail};

/// Whether set-up may install packages and fetch files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    /// It may, after saying what and why.
    Install,
    /// It may not: what is missing is an error that lists the commands.
    Forbidden,
}

/// Makes sure that all needs are met, in the given order; does nothing when they are.
///
/// # Errors
/// When something is missing and may not be installed, or when installing it failed.
pub(crate) fn ensure(ws: &Workspace, needs: &[Need], consent: Consent) -> Result<()> {
    let missing: Vec<Need> = needs.iter().copied().filter(|need| !need.is_met(ws)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if consent == Consent::Forbidden {
        let mut text = String::from("these are missing, and --no-install forbids to bring them in:\n");
        for need in &missing {
            text.push_str(&format!("  {}: {}\n", need.what(), need.why()));
            for command in need.commands(ws) {
                text.push_str(&format!("      {command}\n"));
            }
        }
        bail!("{}", text.trim_end());
    }
    eprintln!("set-up: {} missing", missing.len());
    for need in &missing {
        eprintln!("set-up:   {}: {} ({})", need.what(), need.why(), need.how());
    }
    let packages =
        |needs: &[Need]| needs.iter().flat_map(|need| need.packages()).copied().collect::<Vec<&str>>();
    apt::install(&packages(&missing))?;
    // Old package lists bring old packages, a compiler that is too old for one.
    let is_outdated = |need: &Need| need.is_of_packages() && !need.is_met(ws);
    let outdated: Vec<Need> = missing.iter().copied().filter(is_outdated).collect();
    if !outdated.is_empty() {
        apt::install_newest(&packages(&outdated))?;
    }
    for need in &missing {
        need.bring_in(ws)?;
        if !need.is_met(ws) {
            bail!("set-up brought in {} and still cannot find it", need.what());
        }
    }
    Ok(())
}

/// Returns how to build for the bare-metal target: an installed one, or one built once from sources.
///
/// # Errors
/// When there is neither and consent is missing, naming both ways to get one.
pub(crate) fn toolchain(ws: &Workspace, consent: Consent) -> Result<Toolchain> {
    ensure(ws, &[Need::BareTarget], consent)?;
    bare_target::toolchain(ws, TARGET)
}

/// Returns the same for the target without vector registers, whose libraries come from the same places.
///
/// # Errors
/// As [`toolchain`].
pub(crate) fn soft_toolchain(ws: &Workspace, consent: Consent) -> Result<Toolchain> {
    ensure(ws, &[Need::BareTarget], consent)?;
    bare_target::toolchain(ws, SOFT_TARGET)
}

/// Returns how to compile for arm64 Linux.
///
/// # Errors
/// When something for it is missing and may not be installed, or cannot be.
pub(crate) fn cross(ws: &Workspace, consent: Consent) -> Result<Cross> {
    ensure(ws, &[Need::CrossCc, Need::CrossStd], consent)?;
    cross::toolchain(ws)
}
