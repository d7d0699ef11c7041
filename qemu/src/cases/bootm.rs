//! Bundles without the stage: U-Boot's own `bootm` boots them, for they are FIT images like any other.

use super::{Case, TestBed};
use crate::boards::virt;
use crate::job::Parts;
use crate::machine::{Board, Entry, Level, Loaded};
use crate::setup::Series;
use crate::{assertions, uboot};
use anyhow::{Result, ensure};
use std::time::Duration;

/// Where the bundle is: a multiple of 2 MiB, so that the kernel runs where it is.
const BUNDLE_AT: u64 = 0x4800_0000;

/// With the board's tree in the bundle, and with that of the loader.
pub(super) fn cases() -> Vec<Case> {
    [("bootm-tree-in-bundle", true), ("bootm-tree-of-loader", false)]
        .into_iter()
        .map(|(name, own)| Case::new(name, move |bed, name| boot(bed, name, own)))
        .collect()
}

fn boot(bed: &TestBed, name: &str, own: bool) -> Result<String> {
    let (ws, config) = (&bed.ws, &virt::ONE_GIB);
    let dtb = bed.tree(config, Level::El2)?;
    let bundle = bed.pack(&Parts {
        kernel: Series::V6_12.image(ws),
        initrd: Some(bed.initrd()?),
        policy: Some(ws.proving_ground().join("src/boards/virt/carveouts.toml")),
        // Debian's U-Boot is built without overlays, so the tree comes with its carveouts. It names the
        // board, which is how U-Boot finds the configuration.
        dtb: own.then(|| dtb.clone()),
        ..Parts::default()
    })?;
    let command = if own {
        format!("bootm {BUNDLE_AT:#x}")
    } else {
        let at = uboot::DTB_AT;
        let bundle = format!("{BUNDLE_AT:#x}#conf-1");
        format!("{}; bootm {bundle} {bundle} {at:#x}", uboot::COPY_TREE)
    };
    let variables = [("bootcmd", command.as_str()), ("bootargs", virt::APPEND)];
    let loaded = vec![Loaded { file: bundle, at: BUNDLE_AT }];
    let entry: Entry = uboot::firmware(loaded, Some(dtb), &variables, &ws.scratch("uboot")?)?;
    let board = Board {
        machine: &virt::MACHINE,
        level: Level::El2,
        ram: config.ram,
        entry,
        plugin: None,
        emulator: None,
        more: config.arguments(),
    };
    let transcript = bed.boot(name, &board, Duration::from_secs(90))?;
    assertions::came_up(&transcript)?;
    let verified = transcript.lines.iter().filter(|line| line.contains("sha256+ OK")).count();
    let images = if own { 4 } else { 3 };
    ensure!(verified == images, "U-Boot verified {verified} of {images} images");
    let (carveouts, bytes) = assertions::carveouts(&transcript)?;
    ensure!(carveouts == config.overlay.1, "{carveouts} of {} carveouts", config.overlay.1);
    Ok(format!("{images} images verified, {carveouts} carveouts of {} MiB hold", bytes >> 20))
}
