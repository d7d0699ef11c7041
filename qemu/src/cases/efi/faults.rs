//! Faults that only an EFI boot has: how Linux alone handles them, and how it does after
//! ringfence.

use super::{Case, EfiBoot, Form, LIMIT, keeps, line, usual};
use crate::cases::refused;
use crate::job;
use crate::machine::Ram;
use crate::setup::Release;
use crate::test_bed::TestBed;
use crate::{assertions, dtc};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::PathBuf;

/// What is replaced in the source of the usual tree.
type Change = &'static [(&'static str, &'static str)];

/// The camera's carveout is where EDK2 of Debian 12 puts the kernel.
const KERNEL_IN_CARVEOUT: Change =
    &[("camera@64300000", "camera@76000000"), ("0x64300000 0x0 0x500000", "0x76000000 0x0 0x500000")];

/// The camera's carveout is over the firmware's runtime services.
const RUNTIME_IN_CARVEOUT: Change =
    &[("camera@64300000", "camera@7c400000"), ("0x64300000 0x0 0x500000", "0x7c400000 0x0 0x100000")];

/// Returns each fault alone, then after ringfence.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("efi-kernel-in-carveout-alone", |bed, name| {
            alone(bed, name, KERNEL_IN_CARVEOUT, "failed to reserve memory for node 'camera@76000000'")
        }),
        Case::new("efi-kernel-in-carveout", |bed, name| {
            keeps(bed, name, &faulty(bed, name, KERNEL_IN_CARVEOUT)?).map(|(_, seen)| seen)
        }),
        Case::new("efi-runtime-in-carveout-refused", |bed, name| {
            refuses(bed, name, &faulty(bed, name, RUNTIME_IN_CARVEOUT)?, "RF702")
        }),
        Case::new("efi-no-payload-refused", |bed, name| {
            let boot = EfiBoot { kernel: bed.stage()?.image, ..usual(bed)? };
            // The image starts itself as the kernel, and the second one has no payload.
            refuses(bed, name, &boot, "no payload")
        }),
    ]
}

/// Fails unless Linux alone comes up and prints the line that shows the harm.
fn alone(bed: &TestBed, name: &str, change: Change, harm: &str) -> Result<String> {
    let boot = EfiBoot { form: Form::Alone, ..faulty(bed, name, change)? };
    let transcript = bed.boot(name, &boot.ready(bed, name)?, LIMIT)?;
    assertions::came_up(&transcript)?;
    Ok(line(&transcript, harm)?.to_owned())
}

/// Fails unless the boot is refused for this reason.
fn refuses(bed: &TestBed, name: &str, boot: &EfiBoot, reason: &str) -> Result<String> {
    let transcript = bed.boot(name, &boot.ready(bed, name)?, LIMIT)?;
    let halt = refused(&transcript)?;
    ensure!(halt.contains(reason), "refused for another reason: {halt}");
    Ok(format!("refused: {halt}"))
}

/// Returns a boot of EDK2 of Debian 12 with a fault in the tree, and without a policy.
fn faulty(bed: &TestBed, name: &str, change: Change) -> Result<EfiBoot> {
    let dtb = tree(bed, name, change)?;
    Ok(EfiBoot { release: Release::Bookworm, policy: None, dtb, ..usual(bed)? })
}

/// Returns the usual tree with some of its source replaced.
fn tree(bed: &TestBed, name: &str, change: Change) -> Result<PathBuf> {
    let usual = job::default_tree(&bed.ws, Ram::GIB);
    let mut source = fs::read_to_string(&usual)?;
    for (from, to) in change {
        ensure!(source.contains(from), "the usual tree has no `{from}`");
        source = source.replace(from, to);
    }
    let parent = usual.parent().context("a tree is in a directory")?;
    source = source.replace("virt.dtsi", &parent.join("virt.dtsi").display().to_string());
    let file = bed.ws.scratch_file("efi", name, "dts")?;
    fs::write(&file, source)?;
    dtc::compile(&bed.ws, &file)
}
