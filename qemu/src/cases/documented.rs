//! The commands for boot loaders that the documents print, typed as they are printed.
//!
//! Lines that load files are left out: the files are in memory already, at the addresses that the variables
//! name, and `filesize` is that of the file which the block loads last.

use super::{Case, TestBed};
use crate::boards::virt;
use crate::job::Parts;
use crate::machine::{Board, Level, Loaded};
use crate::setup::Series;
use crate::shell::capture;
use crate::{assertions, uboot};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::process::Command;
use std::time::Duration;

/// Where the variables point. U-Boot's `bootm` puts the kernel at the start of RAM.
const KERNEL_AT: u64 = 0x4040_0000;
const DTB_AT: u64 = uboot::DTB_AT;
const RAMDISK_AT: u64 = 0x4800_0000;
const SCRIPT_AT: u64 = 0x4020_0000;
const LIMIT: Duration = Duration::from_secs(180);

/// One documented block: its document, and how many there are before it.
#[derive(Clone, Copy)]
struct Block {
    name: &'static str,
    document: &'static str,
    number: usize,
    /// Whether it boots the stage, and the bundle is in the slot.
    stage: bool,
    /// Whether the bundle brings the board's tree.
    tree: bool,
    /// Whether it is put into a boot script, as the document says it can be.
    script: bool,
}

const BOOTI: Block = Block {
    name: "documented-booti",
    document: "docs/boot-flow.md",
    number: 0,
    stage: true,
    tree: false,
    script: false,
};

/// Returns one case for each block.
pub(super) fn cases() -> Vec<Case> {
    let blocks = [
        BOOTI,
        Block { name: "documented-boot-script", script: true, ..BOOTI },
        Block { name: "documented-bootm", document: "docs/bundle.md", stage: false, tree: true, ..BOOTI },
        Block {
            name: "documented-bootm-without-tree",
            document: "docs/bundle.md",
            number: 1,
            stage: false,
            ..BOOTI
        },
    ];
    blocks.into_iter().map(|block| Case::new(block.name, move |bed, name| boot(bed, name, block))).collect()
}

fn boot(bed: &TestBed, name: &str, block: Block) -> Result<String> {
    let (ws, config) = (&bed.ws, &virt::ONE_GIB);
    let text = fs::read_to_string(ws.root.join(block.document))?;
    let typed = typed(&text, block.number).with_context(|| format!("no commands in {}", block.document))?;
    let dtb = bed.tree(config, Level::El2)?;
    let bundle = bed.pack(&Parts {
        kernel: Series::V6_12.image(ws),
        initrd: Some(bed.initrd()?),
        policy: Some(ws.proving_ground().join("src/boards/virt/carveouts.toml")),
        dtb: block.tree.then(|| dtb.clone()),
        ..Parts::default()
    })?;
    let filesize = format!("{:x}", fs::metadata(&bundle)?.len());
    let mut loaded = vec![Loaded { file: bundle, at: RAMDISK_AT }];
    if block.stage {
        loaded.push(Loaded { file: bed.stage()?.image, at: KERNEL_AT });
    }
    // QEMU completes the tree that U-Boot itself uses; what a board loads from a disk is a copy of it.
    let copy = format!("fdt addr ${{fdtcontroladdr}}; fdt move ${{fdtcontroladdr}} {DTB_AT:#x} 0x100000");
    let commands = if block.script {
        let source = ws.scratch_file("documented", name, "cmd")?;
        let script = source.with_extension("scr");
        fs::write(&source, typed.join("\n"))?;
        let mkimage = ["-A", "arm64", "-T", "script", "-C", "none", "-d"];
        capture(Command::new("mkimage").args(mkimage).arg(&source).arg(&script))?;
        loaded.push(Loaded { file: script, at: SCRIPT_AT });
        format!("source {SCRIPT_AT:#x}")
    } else {
        typed.join("; ")
    };
    let address = |at: u64| format!("{at:#x}");
    let (kernel_at, ramdisk_at, dtb_at) = (address(KERNEL_AT), address(RAMDISK_AT), address(DTB_AT));
    let command = format!("{copy}; {commands}");
    let variables = [
        ("kernel_addr_r", kernel_at.as_str()),
        ("ramdisk_addr_r", &ramdisk_at),
        ("fdt_addr_r", &dtb_at),
        ("filesize", &filesize),
        ("bootargs", virt::APPEND),
        ("bootcmd", &command),
    ];
    let board = Board {
        machine: config.machine,
        level: Level::El2,
        ram: config.ram,
        entry: uboot::firmware(loaded, Some(dtb), &variables, &ws.scratch("uboot")?)?,
        plugin: None,
        emulator: None,
        more: config.arguments(),
    };
    let transcript = bed.boot(name, &board, LIMIT)?;
    if block.stage {
        assertions::held(&transcript)?;
    } else {
        assertions::came_up(&transcript)?;
    }
    let (carveouts, _) = assertions::carveouts(&transcript)?;
    ensure!(carveouts == config.overlay.1, "{carveouts} of {} carveouts", config.overlay.1);
    Ok(format!("{} commands, {carveouts} carveouts hold", typed.len()))
}

/// Returns the commands of a document's block for U-Boot, without those that load files.
fn typed(text: &str, number: usize) -> Option<Vec<String>> {
    let lines = uboot::block(text, number)?.into_iter().filter(|line| !line.starts_with("load "));
    let lines: Vec<String> = lines.map(str::to_owned).collect();
    (!lines.is_empty()).then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn commands_are_taken_as_they_are_printed() {
        let text =
            "Run:\n\n```uboot\nload mmc 0:1 ${a} b\nbooti ${a} - ${c}\n```\n\n```uboot\nbootm ${a}\n```\n";
        assert_eq!(typed(text, 0), Some(vec!["booti ${a} - ${c}".to_owned()]));
        assert_eq!(typed(text, 1), Some(vec!["bootm ${a}".to_owned()]));
        assert_eq!(typed(text, 2), None);
    }

    /// What a document prints and no boot types is not known to work.
    #[test]
    fn every_block_of_every_document_is_typed_by_a_boot() {
        let root = Workspace::locate().root;
        let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
        let mut blocks: Vec<(String, usize)> = docs
            .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
            .map(|path| {
                let text = fs::read_to_string(&path).unwrap();
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                (name, text.matches("```uboot\n").count())
            })
            .filter(|(_, count)| *count > 0)
            .collect();
        blocks.sort();
        // Those of docs/uefi.md are typed by `efi-u-boot-bootefi` and `efi-u-boot-driver`.
        let known = [("docs/boot-flow.md", 1), ("docs/bundle.md", 2), ("docs/uefi.md", 2)];
        assert_eq!(blocks, known.map(|(name, count)| (name.to_owned(), count)));
        let readme = fs::read_to_string(root.join("README.md")).unwrap();
        let flow = fs::read_to_string(root.join(BOOTI.document)).unwrap();
        assert_eq!(typed(&readme, 0), typed(&flow, BOOTI.number), "the README has the same lines");
        assert_eq!(readme.matches("```uboot\n").count(), 1);
    }
}
