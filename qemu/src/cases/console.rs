//! Consoles: a 16550 with byte-wide registers, as QEMU has one for PCI, one that never gets ready, and those
//! of boards whose loader passes nothing, so that only the image names them.

use super::at_stage::{edited, entered, set_slot};
use super::bad_input::{jump_to, pack};
use super::{Case, TestBed};
use crate::assertions;
use crate::boards::{BoardConfig, imx8mp, raspi3b, tree, virt, zcu102};
use crate::job::Parts;
use crate::machine::{Board, Entry, Level, Loaded, Ram};
use crate::transcript::{Ending, Transcript};
use anyhow::{Context, Result, anyhow, bail, ensure};
use ringfence::fdt::{Edits, NewNode, Tree, rewrite};
use ringfence::span::Span;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

const STAGE_AT: u64 = 0x4020_0000;
const DTB_AT: u64 = 0x4720_0000;
const SET_UP_AT: u64 = 0x4700_0000;
const BUNDLE_AT: u64 = 0x4800_0000;

/// The card's place on the bus, and in the window through which `virt` reaches PCI ports (hw/arm/virt.c).
const SLOT: u64 = 2;
const CONFIG_AT: u64 = 0x3f00_0000 + (SLOT << 15);
const PORT: u64 = 0x1000;
const UART_AT: u64 = 0x3eff_0000 + PORT;

/// The clock of `virt`: as a 16550 with words for registers it is one that never has room.
const CLOCK_AT: u64 = 0x901_0000;

/// Returns the boots.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("console-16550", card),
        Case::new("console-never-ready", never_ready),
        Case::new("console-of-the-image-uart8250", card_of_the_image),
        Case::new("console-of-the-image-nowhere", nowhere),
        Case::new("console-of-the-image-in-ram", in_ram),
        Case::new("console-of-the-bundles-tree", of_bundles_tree),
    ];
    cases.extend(OF_IMAGES.map(|(kind, config, at)| {
        let run = move |bed: &TestBed, name: &str| {
            let start = config.ram_base + 0x20_0000;
            let board =
                without_anything(bed, name, config, &format!("{kind}@{at:#x}"), start, &jump_to(start, 0))?;
            refuses(&bed.boot_until(name, &board, LIMIT, Some(&is_over))?)
        };
        Case::new(format!("console-of-the-image-{kind}"), run)
    }));
    cases
}

/// The UARTs that QEMU has on boards for arm64, as an image names them. The others are played by the models
/// of the stage's own tests.
const OF_IMAGES: [(&str, &BoardConfig, u64); 4] = [
    ("pl011", &virt::ONE_GIB, 0x900_0000),
    ("cdns", &zcu102::BOARD, 0xff00_0000),
    ("bcm2835aux", &raspi3b::BOARD, 0x3f21_5040),
    ("ec_imx6q", &imx8mp::BOARD, 0x3089_0000),
];

const LIMIT: Duration = Duration::from_secs(30);

/// Returns a board on which `code` enters the stage at `start`: without a tree, a payload and a policy.
fn without_anything(
    bed: &TestBed,
    name: &str,
    config: &BoardConfig,
    console: &str,
    start: u64,
    code: &[u8],
) -> Result<Board> {
    let image = bed.tool()?.with_console(&bed.ws, &bed.stage()?.image, console)?;
    let code = tree::keep(&bed.ws.scratch_file("console", name, "bin")?, code)?;
    let code_at = start + (SET_UP_AT - STAGE_AT);
    let loaded = vec![Loaded { file: image, at: start }, Loaded { file: code, at: code_at }];
    Ok(Board {
        machine: config.machine,
        level: Level::El2,
        ram: config.ram,
        entry: Entry::Raw { loaded, start: code_at },
        plugin: None,
        emulator: None,
        more: config.arguments(),
    })
}

fn is_over(console: &str) -> bool {
    console.split_once(HALT).is_some_and(|(_, rest)| rest.contains('\n'))
}

const HALT: &str = "ringfence: HALT ";

/// Fails unless there is one HALT line, which says that the device tree is missing.
fn refuses(transcript: &Transcript) -> Result<String> {
    let halts: Vec<&str> = transcript.stage().filter(|line| line.starts_with("HALT ")).collect();
    let [halt] = halts[..] else { bail!("{} HALT lines:\n{}", halts.len(), transcript.tail(8)) };
    ensure!(halt.contains("no device tree: x0 is 0"), "refused for another reason: {halt}");
    Ok(halt.to_owned())
}

/// The loader's tree names no console, and the one in the bundle does: every line is there.
fn of_bundles_tree(bed: &TestBed, name: &str) -> Result<String> {
    let own = edited(bed, |_, _| {})?;
    let own = tree::keep(&bed.ws.scratch_file("console", name, "own.dtb")?, &own)?;
    let bundle = bed.pack(&Parts { kernel: bed.payload()?.image, dtb: Some(own), ..Parts::default() })?;
    let slot = Span::new(BUNDLE_AT, fs::metadata(&bundle)?.len()).context("the bundle is empty")?;
    let silent = edited(bed, |tree, edits| {
        set_slot(tree, edits, slot);
        if let Some(chosen) = tree.find("/chosen") {
            edits.remove_prop(chosen.id(), "stdout-path");
        }
        if let Some(aliases) = tree.find("/aliases") {
            edits.remove_node(aliases.id());
        }
    })?;
    let silent = tree::keep(&bed.ws.scratch_file("console", name, "dtb")?, &silent)?;
    let files = vec![(bed.stage()?.image, STAGE_AT), (silent, DTB_AT), (bundle, BUNDLE_AT)];
    let transcript = bed.boot(name, &entered(bed, name, DTB_AT, files)?, LIMIT)?;
    assertions::payload_entered(&transcript)?;
    let first = transcript.stage().next().context("the stage is silent")?;
    ensure!(first.starts_with("ringfence ") && first.contains(" at 0x"), "lines are lost: {first}");
    Ok(format!("{} lines", transcript.stage().count()))
}

/// The card, in the image alone.
fn card_of_the_image(bed: &TestBed, name: &str) -> Result<String> {
    let console = format!("uart8250@{UART_AT:#x}");
    let mut board = without_anything(bed, name, &virt::SMALL, &console, STAGE_AT, &set_up(STAGE_AT, 0))?;
    let heard = plug_in(bed, name, &mut board.more)?;
    let transcript = bed.boot(name, &board, LIMIT)?;
    ensure!(transcript.ending == Ending::PoweredOff, "the board {}", transcript.ending);
    ensure!(transcript.stage().next().is_none(), "the stage spoke on the board's own console");
    let heard = fs::read_to_string(&heard)?;
    let halt = heard.lines().find(|line| line.starts_with(HALT));
    ensure!(halt.is_some_and(|halt| halt.contains("x0 is 0")), "on the card: {heard}");
    Ok("refused on a 16550".into())
}

/// Gives a board the card, and returns the file with what it hears.
fn plug_in(bed: &TestBed, name: &str, more: &mut Vec<String>) -> Result<PathBuf> {
    let heard = bed.ws.scratch_file("console", name, "log")?;
    let path = heard.display().to_string().replace(',', ",,");
    more.extend(["-chardev".into(), format!("file,id=card,path={path}"), "-device".into()]);
    more.push(format!("pci-serial,chardev=card,addr={SLOT}"));
    Ok(heard)
}

fn card(bed: &TestBed, name: &str) -> Result<String> {
    let mut more = Vec::new();
    let heard = plug_in(bed, name, &mut more)?;
    let reg = [UART_AT, 8].map(u64::to_be_bytes).concat();
    boot(bed, name, NewNode::new(&format!("serial@{UART_AT:x}")).prop("reg", reg), more)?;
    let heard = fs::read_to_string(&heard)?;
    let lines = heard.lines().filter(|line| line.starts_with("ringfence: ")).count();
    let last = heard.lines().last().unwrap_or_default();
    ensure!(last.starts_with("ringfence: hand-off: "), "on the card, {lines} lines and last `{last}`");
    Ok(format!("{lines} lines on a 16550"))
}

/// The image names addresses that no CPU of the board has: the tree's console counts.
fn nowhere(bed: &TestBed, name: &str) -> Result<String> {
    with_image(bed, name, "pl011@0xfffffffff000")
}

/// The image names RAM, where the kernel comes to be: it is not taken for registers.
fn in_ram(bed: &TestBed, name: &str) -> Result<String> {
    with_image(bed, name, "pl011@0x40000000")
}

/// Boots a payload with an image of the stage that names a wrong console, on a board that names its own.
fn with_image(bed: &TestBed, name: &str, console: &str) -> Result<String> {
    let image = bed.tool()?.with_console(&bed.ws, &bed.stage()?.image, console)?;
    let transcript = run(bed, name, image, None, virt::SMALL.arguments())?;
    let last = transcript.stage().last().unwrap_or_default();
    ensure!(last.starts_with("hand-off: "), "the last line is `{last}`");
    Ok(last.to_owned())
}

fn never_ready(bed: &TestBed, name: &str) -> Result<String> {
    let reg = [CLOCK_AT, 0x1000].map(u64::to_be_bytes).concat();
    let uart = NewNode::new(&format!("serial@{CLOCK_AT:x}")).prop("reg", reg);
    boot(bed, name, uart.prop_u32("reg-shift", 2).prop_u32("reg-io-width", 4), Vec::new())?;
    Ok("boots without a console".into())
}

/// Boots a payload with `uart` as the console, in which the stage must not write to the board's own.
fn boot(bed: &TestBed, name: &str, uart: NewNode, more: Vec<String>) -> Result<()> {
    let more = virt::SMALL.arguments().into_iter().chain(more).collect();
    let transcript = run(bed, name, bed.stage()?.image, Some(uart), more)?;
    ensure!(transcript.stage().next().is_none(), "the stage spoke on the board's own console");
    Ok(())
}

/// Boots a payload with an image of the stage, and with `uart` for the console where one is given.
fn run(
    bed: &TestBed,
    name: &str,
    image: PathBuf,
    uart: Option<NewNode>,
    more: Vec<String>,
) -> Result<Transcript> {
    let ws = &bed.ws;
    let bundle = pack(bed, name)?;
    let slot = Span::new(BUNDLE_AT, fs::metadata(&bundle)?.len()).context("the bundle is empty")?;
    let base = tree::base(ws, &virt::SMALL, Level::El2)?;
    let dtb = tree::with_slot(&base, &ws.scratch_file("console", name, "dtb")?, slot)?;
    if let Some(uart) = uart {
        tree::keep(&dtb, &with_console(&fs::read(&dtb)?, uart)?)?;
    }
    let set_up = tree::keep(&ws.scratch_file("console", name, "bin")?, &set_up(STAGE_AT, DTB_AT))?;
    let loaded = vec![
        Loaded { file: image, at: STAGE_AT },
        Loaded { file: set_up, at: SET_UP_AT },
        Loaded { file: dtb, at: DTB_AT },
        Loaded { file: bundle, at: BUNDLE_AT },
    ];
    let board = Board {
        machine: &virt::MACHINE,
        level: Level::El2,
        ram: Ram(512 << 20),
        entry: Entry::Raw { loaded, start: SET_UP_AT },
        plugin: None,
        emulator: None,
        more,
    };
    let transcript = bed.boot(name, &board, LIMIT)?;
    ensure!(transcript.ending == Ending::PoweredOff, "the board {}", transcript.ending);
    assertions::payload_entered(&transcript)?;
    Ok(transcript)
}

/// Returns the tree with `uart` for a console, as a board would describe one that is soldered on.
fn with_console(dtb: &[u8], uart: NewNode) -> Result<Vec<u8>> {
    let tree = Tree::parse(dtb).map_err(|error| anyhow!("{error}"))?;
    let chosen = tree.find("/chosen").context("no /chosen")?.id();
    let mut edits = Edits::new();
    edits.set(chosen, "stdout-path", format!("/{}\0", uart.name).into_bytes());
    edits.add_node(tree.root().id(), uart.prop_str("compatible", "ns16550a"));
    rewrite(&tree, &edits).map_err(|error| anyhow!("{error}"))
}

/// Returns what a loader does before the stage: gives the card its ports, and goes on to the stage. AArch64
/// code that stores each word of a table, `adr x4, table; 1: ldp x1, x2, [x4], #16; cbz x1, 2f; str w2, [x1];
/// b 1b; 2: nop`, then jumps.
fn set_up(stage: u64, x0: u64) -> Vec<u8> {
    let code = [0x1000_01c4_u32, 0xa8c1_0881, 0xb400_0061, 0xb900_0022, 0x17ff_fffd, 0xd503_201f];
    // The base address register of its ports, and the permission to use them.
    let table = [CONFIG_AT + 0x10, PORT | 1, CONFIG_AT + 4, 1, 0, 0];
    let mut bytes: Vec<u8> = code.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.extend(jump_to(stage, x0));
    bytes.extend(table.iter().flat_map(|word| word.to_le_bytes()));
    bytes
}
