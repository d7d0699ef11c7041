//! The same job done by U-Boot: a script that writes the reserved-memory nodes and the bootargs, and `booti`.

use super::{Level, Measured, Ram, Window};
use crate::boards::virt;
use crate::machine::{Board, Loaded};
use crate::{dtc, uboot};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fs;

/// Where the script's first command writes, which marks that it has begun.
const MARK_AT: u64 = 0x47f0_0000;

/// The carveouts of the measured board, as U-Boot's script writes them: node, base, size.
const CARVEOUTS: [(&str, u32, u32); 5] = [
    ("cdsp-secure-heap@81800000", 0x8180_0000, 0x1e0_0000),
    ("camera@84300000", 0x8430_0000, 0x50_0000),
    ("wpss@84800000", 0x8480_0000, 0x190_0000),
    ("adsp@86100000", 0x8610_0000, 0x280_0000),
    ("my_carveout_mem@d0800000", 0xd080_0000, 0x10_0000),
];

/// Counts from reset, and from the script's first command, to the payload's first instruction.
pub(super) fn measure(bench: &Measured<'_>) -> Result<Value> {
    let payload = bench.bed.payload()?.image;
    let scratch = bench.bed.ws.scratch("uboot")?;
    // U-Boot starts from the board without carveouts: writing them is the job.
    let source = scratch.join("plain.dts");
    let base = bench.bed.ws.proving_ground().join("boards/virt.dtsi");
    let base = fs::read_to_string(&base).with_context(|| base.display().to_string())?;
    fs::write(&source, format!("/dts-v1/;\n{base}"))?;
    let tree = dtc::compile(&bench.bed.ws, &source)?;
    let loaded = vec![Loaded { file: payload, at: uboot::KERNEL_AT }];
    let script = script();
    let variables = [("bootcmd", script.as_str()), ("bootargs", virt::APPEND)];
    let entry = uboot::firmware(loaded, Some(tree), &variables, &scratch)?;
    let mut board = Board {
        machine: &virt::MACHINE,
        level: Level::El2,
        ram: Ram::GIB_4,
        entry,
        plugin: None,
        emulator: None,
        more: Vec::new(),
    };
    let window = Window { from: None, mark: Some(MARK_AT), to: uboot::KERNEL_AT, image: None };
    let count = bench.count("bench-uboot", &mut board, window)?;
    let before = count.mark.context("U-Boot did not reach the script")?;
    Ok(json!({
        "instructions_to_kernel": count.total,
        "instructions_script_to_kernel": count.total - before,
    }))
}

fn script() -> String {
    let mut commands = vec![format!("mw {MARK_AT:#x} 1"), uboot::COPY_TREE.to_owned()];
    commands.push("fdt mknode / reserved-memory".into());
    let parent = "/reserved-memory";
    for cells in ["#address-cells", "#size-cells"] {
        // Unquoted, the `#` would make a comment of the rest.
        commands.push(format!("fdt set {parent} '{cells}' <2>"));
    }
    commands.push(format!("fdt set {parent} ranges"));
    for (node, base, size) in CARVEOUTS {
        commands.push(format!("fdt mknode {parent} {node}"));
        commands.push(format!("fdt set {parent}/{node} reg <0 {base:#x} 0 {size:#x}>"));
        commands.push(format!("fdt set {parent}/{node} no-map"));
    }
    for (node, size) in [("adsp-heap", 0xc0_0000), ("my_cma", 0x140_0000)] {
        commands.push(format!("fdt mknode {parent} {node}"));
        commands.push(format!("fdt set {parent}/{node} compatible shared-dma-pool"));
        commands.push(format!("fdt set {parent}/{node} reusable"));
        commands.push(format!("fdt set {parent}/{node} alignment <0 0x400000>"));
        commands.push(format!("fdt set {parent}/{node} alloc-ranges <0 0 0 0xffffffff>"));
        commands.push(format!("fdt set {parent}/{node} size <0 {size:#x}>"));
    }
    commands.push(format!("setenv bootargs {} cma=64M@0x90000000", virt::APPEND));
    commands.push(format!("booti {:#x} - {:#x}", uboot::KERNEL_AT, uboot::DTB_AT));
    commands.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_begins_with_the_mark_and_ends_with_the_boot() {
        let script = script();
        assert!(script.starts_with("mw 0x47f00000 1; fdt addr"));
        assert!(script.ends_with("booti 0x40400000 - 0x47200000"));
        assert!(script.contains("fdt set /reserved-memory/camera@84300000 reg <0 0x84300000 0 0x500000>"));
    }
}
