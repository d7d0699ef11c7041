//! `cargo xtask qemu`: sets up what is missing, builds the stage, boots Linux through it, and checks what it
//! promised.

use crate::boards::{self, tree, virt};
use crate::efi::{EfiBoot, EfiLoader, Firmware, Form, Signed};
use crate::job::{self, Parts};
use crate::machine::{Board, Level, Machine, Ram};
use crate::pressure::{FILL, Pressure};
use crate::runner;
use crate::setup::{Consent, Need, Release};
use crate::test_bed::TestBed;
use crate::workspace::Workspace;
use crate::{assertions, dtc, sentinel, uboot};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

/// How the stage gets into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Via {
    /// QEMU loads it.
    Direct,
    /// U-Boot loads it, with `booti`.
    Uboot,
    /// UEFI firmware starts it: EDK2.
    Edk2,
    /// systemd-boot starts it, below EDK2.
    SystemdBoot,
    /// GRUB starts it, below EDK2.
    Grub,
    /// U-Boot starts it, with `bootefi`.
    UbootEfi,
}

impl Via {
    /// Returns the firmware and the loader of an EFI boot.
    fn efi(self) -> Option<(Firmware, EfiLoader)> {
        match self {
            Self::Direct | Self::Uboot => None,
            Self::Edk2 => Some((Firmware::Edk2, EfiLoader::Direct)),
            Self::SystemdBoot => Some((Firmware::Edk2, EfiLoader::SystemdBoot)),
            Self::Grub => Some((Firmware::Edk2, EfiLoader::Grub)),
            Self::UbootEfi => Some((Firmware::UBoot, EfiLoader::Direct)),
        }
    }
}

/// Options of `cargo xtask qemu`. Without any it is the main job: Debian's Linux 6.12 on a 4 GiB board.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The board
    #[arg(long, value_parser = boards::machine_parser(), default_value = "virt")]
    machine: &'static Machine,
    /// Exception level at which the board enters the stage: 1 or 2
    #[arg(long, default_value = "2")]
    el: Level,
    /// RAM (default: 4G on virt, all of raspi3b, 2G on the others)
    #[arg(long)]
    memory: Option<Ram>,
    /// Board description as a blob (default: a tree of the proving ground that fits --memory)
    #[arg(long, conflicts_with = "dts")]
    dtb: Option<PathBuf>,
    /// Board description as a source
    #[arg(long)]
    dts: Option<PathBuf>,
    /// Policy in TOML (default: the one beside the tree's source)
    #[arg(long)]
    policy: Option<PathBuf>,
    /// Kernel: an Image, or Debian's 6.1, 6.12, 7 or, with pages of 16 KiB, 7-16k
    #[arg(long, default_value = "6.12")]
    kernel: String,
    /// Initramfs (default: one that prints the memory map and powers off)
    #[arg(long)]
    initrd: Option<PathBuf>,
    /// Added to the kernel command line
    #[arg(long, default_value = "")]
    append: String,
    /// How the stage is loaded
    #[arg(long, value_enum, default_value = "direct")]
    via: Via,
    /// In an EFI boot, load ringfence as a driver before an unmodified unified image
    #[arg(long, conflicts_with = "without_stage")]
    efi_driver: bool,
    /// Debian release whose UEFI firmware and boot loaders are taken: 12 or 13
    #[arg(long, default_value = "13")]
    debian: Release,
    /// Boot with the sentinel: it stays at EL2 and keeps Linux out of the carveouts that no driver maps
    #[arg(long, conflicts_with = "without_stage")]
    sentinel: bool,
    /// Read this address in Linux through /dev/mem, and print what happened
    #[arg(long, value_parser = address)]
    touch: Option<u64>,
    /// Fill the carveouts with a pattern before the boot and all of Linux' memory after it, and count the
    /// pages of carveouts that changed
    #[arg(long, conflicts_with_all = ["via", "initrd"])]
    pressure: bool,
    /// Boot Linux alone, to see how it uses the tree without the stage
    #[arg(long)]
    without_stage: bool,
    /// Also write the console to this file
    #[arg(long)]
    log: Option<PathBuf>,
    /// Seconds after which the board is stopped
    #[arg(long, default_value_t = 120)]
    timeout: u64,
    /// Install and fetch nothing
    #[arg(long)]
    no_install: bool,
}

/// Runs the command.
///
/// # Errors
/// When set-up or a build fails, when Linux does not come up and power off in time, or when a carveout of the
/// tree that Linux was given is not reserved there.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let consent = if options.no_install { Consent::Forbidden } else { Consent::Install };
    let (mut board, dtb) = prepare(ws, options, consent)?;
    let pressure = options.pressure.then(|| Pressure::on(ws, "qemu", &mut board, &dtb)).transpose()?;
    let mut sink = Sink { console: io::stdout(), log: None };
    if let Some(path) = &options.log {
        sink.log = Some(File::create(path).with_context(|| format!("cannot write {}", path.display()))?);
    }
    let is_over = pressure.as_ref().map(|pressure| |console: &str| pressure.is_over(console));
    let enough = is_over.as_ref().map(|is_over| is_over as &dyn Fn(&str) -> bool);
    let limit = Duration::from_secs(options.timeout);
    let mut transcript = runner::run_until(&board, limit, &mut sink, enough)?;
    println!();
    for line in transcript.section("touch") {
        println!("touch: {line}");
    }
    let changed = pressure.map(|pressure| pressure.changed(&mut transcript)).transpose()?;
    if let Some(changed) = &changed {
        assertions::filled(&transcript)?;
        println!("{changed}");
    }
    if options.without_stage {
        assertions::came_up(&transcript)?;
        println!("Linux came up without the stage in {:.1} s", transcript.took.as_secs_f64());
        return Ok(());
    }
    if transcript.stage().next().is_none() {
        bail!("the stage printed nothing; {}\n{}", transcript.ending, transcript.complaints);
    }
    let held = assertions::held(&transcript)?;
    println!("{held}; {:.1} s", transcript.took.as_secs_f64());
    match changed.filter(|changed| changed.pages > 0) {
        Some(changed) => bail!("{changed}"),
        None => Ok(()),
    }
}

/// Builds and packs everything, and returns the board ready to start, with its tree.
fn prepare(ws: &Workspace, options: &Options, consent: Consent) -> Result<(Board, PathBuf)> {
    let is_virt = options.machine == &virt::MACHINE;
    if !is_virt && options.via != Via::Direct {
        bail!("there is firmware for `virt` only; leave --via out");
    }
    let efi = options.via.efi();
    if options.efi_driver && efi.is_none() {
        bail!("--efi-driver is for an EFI boot; add --via systemd-boot, for example");
    }
    // The main job's board is `virt` with a tree of its own, none of the boards of the matrix.
    let config = boards::ALL.iter().copied().find(|config| !is_virt && config.machine == options.machine);
    if let Some(config) = config.filter(|config| !config.levels.contains(&options.el)) {
        bail!("{} does not enter a kernel at that level; leave --el out", config.name);
    }
    let (mut kernel, series) = job::kernel(ws, &options.kernel);
    if let (Some(config), Some(series)) = (config, series) {
        kernel = config.kernel(ws, series);
    }
    let mut needs = Vec::new();
    if config.is_some() {
        needs.push(Need::Corpus);
    }
    needs.extend(series.map(Need::Kernel));
    if options.machine.needs_newer() {
        needs.push(Need::NewQemu);
    }
    if options.initrd.is_none() {
        needs.push(Need::Busybox);
    }
    if options.via == Via::Uboot {
        needs.push(Need::UBoot);
    }
    if efi.is_some() {
        needs.extend([Need::Efi(options.debian), Need::Efi(Release::Trixie), Need::Python]);
    }
    if !options.without_stage {
        needs.push(Need::BareTarget);
    }
    let bed = TestBed::set_up(ws, consent, &needs)?;

    let memory = options.memory.unwrap_or(config.map_or(Ram::GIB_4, |config| config.ram));
    let by_default = || (is_virt && options.dtb.is_none()).then(|| job::default_tree(ws, memory));
    let source = options.dts.clone().or_else(by_default);
    let dtb = match (&options.dtb, &source) {
        (Some(dtb), _) => dtb.clone(),
        (None, Some(source)) => dtc::compile(ws, source)?,
        (None, None) => tree::whole(ws, config.unwrap_or(&virt::ONE_GIB), options.el)?,
    };
    let policy = options.policy.clone().or_else(|| source.as_deref().and_then(job::policy_of));
    let policy = match options.sentinel {
        true => Some(sentinel::watching(&bed.ws, policy.as_deref(), "qemu", sentinel::ON_CONSOLE)?),
        false => policy,
    };
    let initrd = match &options.initrd {
        Some(initrd) => initrd.clone(),
        None => bed.initrd()?,
    };
    let usual = config.map_or(virt::APPEND, |config| config.append);
    let touch = options.touch.map(|address| format!("ringfence.touch={address:#x}"));
    let fill = if options.pressure { FILL } else { "" };
    let append = [usual, &touch.unwrap_or_default(), &options.append, fill].join(" ").trim_end().to_owned();
    if let Some((firmware, loader)) = efi {
        let form = match (options.without_stage, options.efi_driver) {
            (true, _) => Form::Alone,
            (false, true) => Form::Driver,
            (false, false) => Form::Application,
        };
        let boot = EfiBoot {
            firmware,
            release: options.debian,
            loader,
            form,
            level: options.el,
            ram: memory,
            kernel,
            series,
            initrd,
            dtb,
            devicetree: None,
            bundled: None,
            policy,
            line: append,
            signed: Signed::Nothing,
            random: true,
        };
        let dtb = boot.dtb.clone();
        return Ok((boot.ready(&bed, "qemu")?, dtb));
    }
    let mut board = if options.without_stage {
        job::board(kernel, Some(initrd), Some(dtb.clone()), &append)
    } else {
        let stage = if options.sentinel { bed.with_sentinel()? } else { bed.stage()? };
        let parts = Parts { kernel, initrd: Some(initrd), policy, ..Parts::default() };
        let bundle = bed.tool()?.pack(ws, "qemu", &parts)?;
        job::board(stage.image, Some(bundle), Some(dtb.clone()), &append)
    };
    board.machine = options.machine;
    board.level = options.el;
    board.ram = memory;
    if let Some(config) = config {
        board.more = config.arguments();
    } else if let Some(series) = series {
        board.more.extend(series.processor());
    }
    if options.via == Via::Uboot {
        board.entry = uboot::entry(board.entry, &ws.scratch("uboot")?)?;
    }
    Ok((board, dtb))
}

/// Reads an address in hexadecimal, with or without `0x`.
fn address(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16).map_err(|_| "not an address such as 0x84300000".into())
}

/// The console goes to the terminal and, when asked for, into a file.
struct Sink {
    console: io::Stdout,
    log: Option<File>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.console.write_all(bytes)?;
        if let Some(log) = &mut self.log {
            log.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.console.flush()
    }
}
