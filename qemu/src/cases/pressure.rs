//! Carveouts under pressure: Linux fills its memory, and the pattern in the carveouts stays. Alone, with the
//! tree that lacks `ranges`, it does not: the control that shows that this would be seen.

use super::{Case, TestBed};
use crate::boards::virt;
use crate::job::{self, Parts};
use crate::machine::Ram;
use crate::pressure::{FILL, Pressure};
use crate::setup::Series;
use crate::{assertions, dtc};
use anyhow::{Result, ensure};
use std::fs;
use std::time::Duration;

/// Returns the boots: which tree, and whether the stage is there.
pub(super) fn cases() -> Vec<Case> {
    [
        ("pressure-main", true, true),
        ("pressure-without-ranges", false, true),
        ("pressure-alone", false, false),
    ]
    .into_iter()
    .map(|(name, ranges, stage)| Case::new(name, move |bed, name| boot(bed, name, ranges, stage)))
    .collect()
}

fn boot(bed: &TestBed, name: &str, ranges: bool, stage: bool) -> Result<String> {
    let ws = &bed.ws;
    let board = job::default_tree(ws, Ram::GIB);
    let mut source = fs::read_to_string(&board)?
        .replace("virt.dtsi", &board.with_file_name("virt.dtsi").display().to_string());
    if !ranges {
        source = source.replacen("ranges;", "", 1);
    }
    let dts = ws.scratch_file("pressure", name, "dts")?;
    fs::write(&dts, source)?;
    let tree = dtc::compile(ws, &dts)?;
    let kernel = Series::V6_12.image(ws);
    let append = format!("{} {} {FILL}", virt::APPEND, job::QUICK);
    let initrd = Some(bed.initrd()?);
    let mut board = if stage {
        let policy = job::policy_of(&board);
        let bundle = bed.pack(&Parts { kernel, initrd, policy, ..Parts::default() })?;
        job::board(bed.stage()?.image, Some(bundle), Some(tree.clone()), &append)
    } else {
        job::board(kernel, initrd, Some(tree.clone()), &append)
    };
    board.ram = Ram::GIB;
    let pressure = Pressure::on(ws, name, &mut board, &tree)?;
    let is_over = |console: &str| pressure.is_over(console);
    let mut transcript = bed.boot_until(name, &board, Duration::from_secs(300), Some(&is_over))?;
    let changed = pressure.changed(&mut transcript)?;
    assertions::filled(&transcript)?;
    if stage {
        assertions::held(&transcript)?;
        ensure!(changed.pages == 0, "{changed}");
    } else {
        assertions::came_up(&transcript)?;
        ensure!(changed.pages * 10 >= changed.of * 9, "{changed}: the test would not see a lost carveout");
    }
    Ok(changed.to_string())
}
