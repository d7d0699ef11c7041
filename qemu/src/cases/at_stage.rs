//! What loaders and packers bring that the stage once took for something else: one boot a situation.

use super::{Case, TestBed, jump_to, refused};
use crate::assertions;
use crate::boards::{BoardConfig, raspi3b, tree, virt};
use crate::job::Parts;
use crate::machine::{Board, Entry, Level, Loaded, Ram};
use anyhow::{Context, Result, anyhow, ensure};
use flate2::{Compression, write::GzEncoder};
use ringfence::facts::BootFacts;
use ringfence::fdt::{Edits, NewNode, NodeId, Tree, build, rewrite};
use ringfence::fit::Pack;
use ringfence::payload::appended;
use ringfence::span::Span;
use ringfence::survey::MemoryMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const STAGE_AT: u64 = 0x4020_0000;
const JUMP_AT: u64 = 0x4700_0000;
pub(super) const DTB_AT: u64 = 0x4720_0000;
pub(super) const PAYLOAD_AT: u64 = 0x4800_0000;
const RAMDISK_AT: u64 = 0x5000_0000;
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// Where neither board has RAM, and QEMU answers with an abort.
const NO_RAM: (u64, u64) = (0x9000_0000, 0x1000_0000);

/// Returns the boots.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("at-stage-ram-that-is-not-there-virt", |bed, name| {
            halts_at(bed, name, &virt::ONE_GIB, &beside(&virt::ONE_GIB), 0x9000_0000)
        }),
        Case::new("at-stage-ram-that-is-not-there-raspi3b", |bed, name| {
            halts_at(bed, name, &raspi3b::BOARD, &beside(&raspi3b::BOARD), 0x9000_0000)
        }),
        Case::new("at-stage-ram-less-than-stated", |bed, name| {
            halts_at(bed, name, &virt::ONE_GIB, &[(virt::ONE_GIB.ram_base, 4 << 30)], 0x1_3fff_ffff)
        }),
        // What answers below and above is not RAM, but the flash and the interrupt controller.
        Case::new("at-stage-ram-missing-between-banks", |bed, name| {
            let low = [(0, 0x800_1000), (0x800_1000, 0xf000), (0x801_0000, 0x1000)];
            let ram = (virt::ONE_GIB.ram_base, virt::ONE_GIB.ram.0);
            halts_at(bed, name, &virt::ONE_GIB, &[&low[..], &[ram]].concat(), 0x800_1000)
        }),
        // Linux never looks there, and neither must the stage.
        Case::new("at-stage-ram-beyond-mem-is-left-alone", |bed, name| {
            let config = &virt::ONE_GIB;
            passes(bed, name, &with_banks(bed, name, config, &beside(config), "mem=512M")?)
        }),
        Case::new("at-stage-console-of-the-tree-is-not-enough", |bed, name| {
            strict_console(bed, name, "console=ttyAMA0", false)
        }),
        Case::new("at-stage-console-by-earlycon", |bed, name| {
            strict_console(bed, name, "earlycon=pl011,0x9000000", true)
        }),
        Case::new("at-stage-console-by-bare-earlycon", |bed, name| {
            strict_console(bed, name, "earlycon", true)
        }),
        Case::new("at-stage-modules-of-xen", |bed, name| modules_of_xen(bed, name, true)),
        Case::new("at-stage-modules-of-xen-in-chosen", |bed, name| modules_of_xen(bed, name, false)),
        Case::new("at-stage-no-console-no-payload", |bed, name| {
            let dtb = edited(bed, |tree, edits| {
                tree.root()
                    .children()
                    .filter(|node| ["chosen", "aliases"].contains(&node.name()))
                    .for_each(|node| edits.remove_node(node.id()));
            })?;
            let transcript = bed.boot(name, &raw(bed, name, &dtb, None)?, LIMIT)?;
            says(refused(&transcript)?, "linux,initrd-start in /chosen is absent; no node below /chosen")
        }),
        Case::new("at-stage-no-memory-node", |bed, name| {
            without_ram(bed, name, |memory, edits| edits.remove_node(memory))
        }),
        Case::new("at-stage-memory-disabled", |bed, name| {
            without_ram(bed, name, |memory, edits| edits.set(memory, "status", b"disabled\0".to_vec()))
        }),
        Case::new("at-stage-memory-empty", |bed, name| {
            without_ram(bed, name, |memory, edits| edits.set(memory, "reg", vec![0; 16]))
        }),
        Case::new("at-stage-bundle-of-another-board", |bed, name| {
            let other = edited(bed, |tree, edits| {
                edits.set(tree.root().id(), "compatible", b"vendor,other-board\0".to_vec());
            })?;
            let other = tree::keep(&bed.ws.scratch_file("at-stage", name, "own.dtb")?, &other)?;
            let bundle = bundle(bed, Some(other))?;
            let transcript = bed.boot(name, &in_slot(bed, bundle)?, LIMIT)?;
            says(refused(&transcript)?, "no configuration is for this board, `linux,dummy-virt`")
        }),
        Case::new("at-stage-lz4-in-the-slot", |bed, name| {
            let file = foreign(bed, name, b"\x04\x22\x4d\x18\x60\x40\x82")?;
            let transcript = bed.boot(name, &in_slot(bed, file)?, LIMIT)?;
            says(refused(&transcript)?, "in /chosen holds an lz4 file instead of a bundle")
        }),
        Case::new("at-stage-unified-image-in-the-slot", |bed, name| {
            // A PE file for arm64 that is not an Image: its header has no `ARM\x64`.
            let mut head = [0; 0x80];
            head[..2].copy_from_slice(b"MZ");
            head[0x3c] = 0x80;
            let file = foreign(bed, name, &[&head[..], b"PE\0\0\x64\xaa"].concat())?;
            let transcript = bed.boot(name, &in_slot(bed, file)?, LIMIT)?;
            says(refused(&transcript)?, "in /chosen holds an EFI application")
        }),
        Case::new("at-stage-xz-appended", |bed, name| {
            let file = foreign(bed, name, b"\xfd7zXZ\0\0\x04")?;
            let image = appended::append(&fs::read(bed.stage()?.image)?, &fs::read(file)?);
            let image = image.map_err(|why| anyhow!("{why}"))?;
            let image = tree::keep(&bed.ws.scratch_file("at-stage", name, "img")?, &image)?;
            let mut board = in_slot(bed, image.clone())?;
            board.entry = Entry::Linux { kernel: image, initrd: None, dtb: None, append: None };
            let transcript = bed.boot(name, &board, LIMIT)?;
            says(refused(&transcript)?, "an xz file, not an arm64 Image: unpack it with `xz -d`")
        }),
        Case::new("at-stage-overlay-that-does-not-apply", |bed, name| {
            let fragment = NewNode::new("fragment@0")
                .prop_str("target-path", "/not-on-this-board")
                .child(NewNode::new("__overlay__").prop_empty("late"));
            let overlay = build(&NewNode::new("").child(fragment), 0, &[]);
            let overlay = overlay.map_err(|error| anyhow!("{error}"))?;
            // `ringfence pack` would refuse it.
            let (kernel, own) = (fs::read(bed.payload()?.image)?, edited(bed, |_, _| {})?);
            let pack = Pack { kernel: &kernel, fdt: Some(&own), overlays: &[&overlay], ..Pack::default() };
            let bundle = pack.build().map_err(|error| anyhow!("{error}"))?;
            let bundle = tree::keep(&bed.ws.scratch_file("at-stage", name, "itb")?, &bundle)?;
            let mut board = in_slot(bed, bundle)?;
            if let Entry::Linux { kernel, .. } = &mut board.entry {
                *kernel = bed.full()?.image;
            }
            let transcript = bed.boot(name, &board, LIMIT)?;
            let early = transcript.stage().find(|line| line.starts_with("overlay:"));
            ensure!(early.is_none(), "reported before it was done: {early:?}");
            says(refused(&transcript)?, "the device tree stays as it was")
        }),
        Case::new("at-stage-bytes-behind-gzip", |bed, name| {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(&fs::read(bed.payload()?.image)?)?;
            let mut packed = gzip.finish()?;
            // Image.gz-dtb: a device tree follows.
            packed.extend(edited(bed, |_, _| {})?);
            let image = appended::append(&fs::read(bed.full()?.image)?, &packed);
            let image = image.map_err(|why| anyhow!("{why}"))?;
            let image = tree::keep(&bed.ws.scratch_file("at-stage", name, "img")?, &image)?;
            let mut board = in_slot(bed, image.clone())?;
            board.entry = Entry::Linux { kernel: image, initrd: None, dtb: None, append: None };
            passes(bed, name, &board)
        }),
    ]
}

/// Makes a file that begins with these bytes.
fn foreign(bed: &TestBed, name: &str, head: &[u8]) -> Result<PathBuf> {
    let mut bytes = head.to_vec();
    bytes.resize(64 << 10, 0x5a);
    tree::keep(&bed.ws.scratch_file("at-stage", name, "bin")?, &bytes)
}

pub(super) fn says(halt: &str, words: &str) -> Result<String> {
    ensure!(halt.contains(words), "refused for another reason: {halt}");
    Ok(halt.to_owned())
}

fn passes(bed: &TestBed, name: &str, board: &Board) -> Result<String> {
    let transcript = bed.boot(name, board, LIMIT)?;
    assertions::payload_entered(&transcript)?;
    Ok("the payload was entered".into())
}

/// Nothing says where RAM is: that is the reason, and not that the boot has no place.
fn without_ram(bed: &TestBed, name: &str, change: fn(NodeId, &mut Edits)) -> Result<String> {
    let bundle = bundle(bed, None)?;
    let slot = Span::new(PAYLOAD_AT, fs::metadata(&bundle)?.len()).context("the bundle is empty")?;
    let dtb = edited(bed, |tree, edits| {
        if let Some(memory) = tree.find("/memory@40000000") {
            change(memory.id(), edits);
        }
        set_slot(tree, edits, slot);
    })?;
    let transcript = bed.boot(name, &raw(bed, name, &dtb, Some(bundle))?, LIMIT)?;
    says(refused(&transcript)?, "RF106 error /memory")
}

/// Returns the RAM of a board, and a bank that it does not have.
fn beside(config: &BoardConfig) -> [(u64, u64); 2] {
    // The top of the Raspberry Pi's is the graphics processor's, and its registers are next.
    [(config.ram_base, config.ram.0 / 16 * 15), NO_RAM]
}

/// Fails unless the stage refuses these banks, because nothing answers at `address`.
fn halts_at(
    bed: &TestBed,
    name: &str,
    config: &BoardConfig,
    banks: &[(u64, u64)],
    address: u64,
) -> Result<String> {
    let board = with_banks(bed, name, config, banks, config.append)?;
    let transcript = bed.boot(name, &board, LIMIT)?;
    let halt = transcript.stage().find(|line| line.starts_with("HALT "));
    let halt = halt.with_context(|| format!("no HALT:\n{}", transcript.tail(8)))?;
    says(halt, &format!("does not answer at {address:#x} "))
}

/// Returns a board whose bundle brings a tree with these banks and `bootargs`, and a policy that takes
/// nothing from the loader's.
fn with_banks(
    bed: &TestBed,
    name: &str,
    config: &BoardConfig,
    banks: &[(u64, u64)],
    bootargs: &str,
) -> Result<Board> {
    let level = Level::El2;
    let bytes = fs::read(bed.tree(config, level)?)?;
    let tree = Tree::parse(&bytes).map_err(|error| anyhow!("{error}"))?;
    let map = MemoryMap::survey(&tree, &BootFacts::default());
    let bank = map.banks.first().context("no memory node")?;
    let reg = banks.iter().map(|&(base, size)| map.cells.encode(base, size).unwrap_or_default());
    let mut edits = Edits::new();
    edits.set(bank.node, "reg", reg.collect::<Vec<_>>().concat());
    // Registers are never RAM (RF208); what has none is.
    for node in ["/flash@0", "/intc@8000000"].iter().filter_map(|path| tree.find(path)) {
        edits.remove_prop(node.id(), "reg");
    }
    let chosen = tree.find("/chosen").context("no /chosen")?;
    edits.set(chosen.id(), "bootargs", format!("{bootargs}\0").into_bytes());
    let own = rewrite(&tree, &edits).map_err(|error| anyhow!("{error}"))?;
    let own = tree::keep(&bed.ws.scratch_file("at-stage", name, "dtb")?, &own)?;
    let policy = bed.ws.scratch_file("at-stage", name, "toml")?;
    fs::write(&policy, "[tree]\nmerge = \"none\"\n")?;
    let parts =
        Parts { kernel: bed.payload()?.image, dtb: Some(own), policy: Some(policy), ..Parts::default() };
    Ok(Board {
        machine: config.machine,
        level,
        ram: config.ram,
        entry: Entry::Linux {
            kernel: bed.stage()?.image,
            initrd: Some(bed.pack(&parts)?),
            dtb: Some(bed.tree(config, level)?),
            append: Some(config.append.to_owned()),
        },
        plugin: None,
        emulator: None,
        more: config.arguments(),
    })
}

/// The policy wants `earlycon` as evidence that the console has a clock.
fn strict_console(bed: &TestBed, name: &str, line: &str, talks: bool) -> Result<String> {
    let policy = bed.ws.scratch_file("at-stage", name, "toml")?;
    fs::write(&policy, "[console]\nrequire = \"earlycon\"\n")?;
    let parts = Parts { kernel: bed.payload()?.image, policy: Some(policy), ..Parts::default() };
    let mut board = in_slot(bed, bed.pack(&parts)?)?;
    if let Entry::Linux { append, .. } = &mut board.entry {
        *append = Some(line.into());
    }
    let transcript = bed.boot(name, &board, LIMIT)?;
    assertions::payload_entered(&transcript)?;
    let said = transcript.stage().count();
    ensure!((said > 0) == talks, "the stage printed {said} lines:\n{}", transcript.tail(8));
    ensure!(
        !talks || transcript.stage().next().is_some_and(|line| line.contains(" at 0x")),
        "lines are lost"
    );
    Ok(format!("{said} lines of the stage"))
}

/// Kernel and ramdisk are modules, by the names that Xen's older loaders write, below `/chosen/modules` or
/// below `/chosen` itself.
fn modules_of_xen(bed: &TestBed, name: &str, below: bool) -> Result<String> {
    let kernel = bed.payload()?.image;
    let len = fs::metadata(&kernel)?.len();
    let ramdisk = tree::keep(&bed.ws.scratch_file("at-stage", name, "cpio")?, &b"070701".repeat(1000))?;
    let module = |number: u32, kind: &str, at: u64, len: u64| {
        NewNode::new(&format!("module@{number}"))
            .prop_strs("compatible", &[kind, "xen,multiboot-module"])
            .prop("reg", [at, len].map(u64::to_be_bytes).concat())
    };
    let modules = [
        module(0, "xen,linux-zimage", PAYLOAD_AT, len),
        module(1, "xen,linux-initrd", RAMDISK_AT, fs::metadata(&ramdisk)?.len()),
    ];
    let dtb = edited(bed, |tree, edits| {
        let Some(chosen) = tree.find("/chosen") else { return };
        match below {
            true => {
                let node = NewNode { children: modules.to_vec(), ..NewNode::new("modules") };
                edits.add_node(chosen.id(), node);
            }
            false => modules.iter().for_each(|module| edits.add_node(chosen.id(), module.clone())),
        }
    })?;
    let dtb = tree::keep(&bed.ws.scratch_file("at-stage", name, "raw.dtb")?, &dtb)?;
    let files = [(bed.talkative()?, STAGE_AT), (dtb, DTB_AT), (kernel, PAYLOAD_AT), (ramdisk, RAMDISK_AT)];
    let transcript = bed.boot(name, &entered(bed, name, DTB_AT, files.to_vec())?, LIMIT)?;
    assertions::payload_entered(&transcript)?;
    let hand_off = transcript.stage().find(|line| line.starts_with("hand-off: ")).unwrap_or_default();
    says(hand_off, &format!("initrd {RAMDISK_AT:#x}"))
}

fn bundle(bed: &TestBed, dtb: Option<PathBuf>) -> Result<PathBuf> {
    bed.pack(&Parts { kernel: bed.payload()?.image, dtb, ..Parts::default() })
}

/// Returns the tree of the small board with edits.
pub(super) fn edited(bed: &TestBed, edit: impl FnOnce(&Tree<'_>, &mut Edits)) -> Result<Vec<u8>> {
    let bytes = fs::read(bed.tree(&virt::ONE_GIB, Level::El2)?)?;
    let tree = Tree::parse(&bytes).map_err(|error| anyhow!("{error}"))?;
    let mut edits = Edits::new();
    edit(&tree, &mut edits);
    rewrite(&tree, &edits).map_err(|error| anyhow!("{error}"))
}

pub(super) fn set_slot(tree: &Tree<'_>, edits: &mut Edits, slot: Span) {
    let Some(chosen) = tree.find("/chosen") else { return };
    for (name, end) in [("linux,initrd-start", slot.base()), ("linux,initrd-end", slot.end())] {
        edits.set(chosen.id(), name, end.to_be_bytes().to_vec());
    }
}

/// Returns a board that QEMU loads as it loads Linux, with `initrd` in its slot.
fn in_slot(bed: &TestBed, initrd: PathBuf) -> Result<Board> {
    let config = &virt::ONE_GIB;
    let dtb = Some(bed.tree(config, Level::El2)?);
    let entry = Entry::Linux { kernel: bed.stage()?.image, initrd: Some(initrd), dtb, append: None };
    let (machine, ram) = (config.machine, config.ram);
    Ok(Board {
        machine,
        level: Level::El2,
        ram,
        entry,
        plugin: None,
        emulator: None,
        more: config.arguments(),
    })
}

/// Returns a board whose stage finds exactly this tree, and this file beside it.
fn raw(bed: &TestBed, name: &str, dtb: &[u8], payload: Option<PathBuf>) -> Result<Board> {
    let dtb = tree::keep(&bed.ws.scratch_file("at-stage", name, "raw.dtb")?, dtb)?;
    let mut files = vec![(bed.talkative()?, STAGE_AT), (dtb, DTB_AT)];
    files.extend(payload.map(|payload| (payload, PAYLOAD_AT)));
    entered(bed, name, DTB_AT, files)
}

/// Returns a board of these files, whose stage is entered with this address in x0.
pub(super) fn entered(bed: &TestBed, name: &str, x0: u64, files: Vec<(PathBuf, u64)>) -> Result<Board> {
    let jump = tree::keep(&bed.ws.scratch_file("at-stage", name, "jump")?, &jump_to(STAGE_AT, x0))?;
    let files = files.into_iter().chain([(jump, JUMP_AT)]);
    let loaded = files.map(|(file, at)| Loaded { file, at }).collect();
    Ok(Board {
        machine: &virt::MACHINE,
        level: Level::El2,
        ram: Ram::GIB,
        entry: Entry::Raw { loaded, start: JUMP_AT },
        plugin: None,
        emulator: None,
        more: virt::ONE_GIB.arguments(),
    })
}
