//! `ringfence verify`.

mod captured;

use ringfence::fdt::Tree;
use ringfence::predict::{BootLog, DefaultCma, Difference, Observed, verify};
use ringfence::profile::{KernelProfile, PageSize};
use ringfence::span::Size;

use self::captured::Captured;
use super::Outcome;
use super::predict::{Told, no_ram, one_kernel};
use crate::args::Verify;
use crate::failure::Failure;
use crate::input::{self, Input};
use crate::project::job::Job;
use crate::terminal;
use crate::terminal::style::{BOLD, NOTE};
use crate::terminal::text::plural;

pub(super) fn run(args: &Verify) -> Result<Outcome, Failure> {
    one_kernel(&args.boot)?;
    let captured = Captured::read(args)?;
    let boots = match BootLog::split(&captured.log) {
        boots if boots.is_empty() => {
            return Err(Failure::new(format!("{}: no line of a kernel's log", captured.log_name))
                .with_help("boot without `quiet`, or capture `dmesg`"));
        }
        boots => boots,
    };
    let path = &captured.tree;
    let input = input::load_one(path, &Job::from_args(&args.boot)?.options(path)?)?;
    let last = boots.len();
    let chosen = match args.boot_number {
        Some(number) if number == 0 || number > last => {
            let name = &captured.log_name;
            let boots = plural(last, "boot");
            return Err(Failure::new(format!("{name}: has {boots}, and no boot {number}")));
        }
        Some(number) => number..=number,
        None => 1..=last,
    };
    let mut outcome = Outcome::Clean;
    for (number, log) in (1..).zip(&boots).filter(|(number, _)| chosen.contains(number)) {
        if last > 1 {
            let version = log.version().map_or(String::new(), |version| format!(", Linux {version}"));
            terminal::out(&format!("{BOLD}boot {number} of {last}{version}{BOLD:#}\n"))?;
        }
        // What the running kernel shows is of its own boot.
        let is_last = number == last;
        if !compare(args, &captured, &input, log, is_last)? {
            outcome = Outcome::Findings;
        }
    }
    Ok(outcome)
}

/// Compares one boot, and returns whether it went as predicted.
fn compare(
    args: &Verify,
    captured: &Captured,
    input: &Input,
    log: &BootLog<'_>,
    is_last: bool,
) -> Result<bool, Failure> {
    let told = told(args, captured, input, log)?;
    let iomem = captured.iomem.as_ref().filter(|_| is_last);
    let (name, iomem) = iomem.map(|(name, text)| (name.as_str(), text.as_str())).unzip();
    let (cut, differences): (Vec<_>, Vec<_>) = verify(&told.prediction, &Observed { log, iomem })
        .into_iter()
        .partition(|difference| matches!(difference, Difference::Cut(..)));
    let line = |difference: &Difference| match (difference, name) {
        (Difference::BlindIomem, Some(name)) => format!("{name} shows no addresses: read it as root\n"),
        _ => format!("{difference}\n"),
    };
    let lines = |list: &[Difference]| list.iter().map(line).collect::<String>();
    // The map shows the outcome of what the log no longer tells.
    let matches = differences.is_empty() && (cut.is_empty() || iomem.is_some());
    terminal::out(&(lines(&differences) + &lines(&cut)))?;
    if matches {
        let (path, kernel) = (captured.tree.display(), &told.profile);
        terminal::out(&format!("{path}: the boot matches the prediction for {kernel}\n"))?;
    }
    Ok(matches)
}

/// Predicts what the kernel of a log did. The command line of the tool comes first, then the log, then what
/// the tree and the profile say.
fn told(args: &Verify, captured: &Captured, input: &Input, log: &BootLog<'_>) -> Result<Told, Failure> {
    let note = |text: &str| {
        terminal::err(&format!("{NOTE}note{NOTE:#}: {}: {text}\n", captured.log_name));
    };
    let mut boot = args.boot.clone();
    let version = log.version().or(captured.version.as_deref());
    match (version, boot.kernel.first()) {
        (Some(version), None) => boot.kernel = vec![version.to_owned()],
        (Some(version), Some(asked)) if !is_same(version, asked) => {
            note(&format!("the log is of Linux {version}, not of {asked}; --kernel may be left out"));
        }
        _ => {}
    }
    if boot.cmdline.is_none() {
        boot.cmdline =
            log.cmdline().or_else(|| captured.cmdline.clone()).filter(|line| !is_cut(line, &input.dtb));
    }
    if boot.kernel_config.is_none() && boot.page.is_none() {
        boot.kernel_config.clone_from(&captured.config);
    }
    let mut job = Job::from_args(&boot)?;
    // A loader's tree is merged by the RAM of the boot.
    let ram = log.ram();
    let is_given = !boot.ram.is_empty() || boot.efi_map.is_some();
    let map = log.efi_map().filter(|_| !is_given);
    let is_given = is_given || map.is_some();
    if let Some(map) = map {
        note("an EFI boot: its memory map is as the log has it");
        job.set_efi_map(map);
    }
    if log.is_efi() && !is_given && !ram.is_empty() {
        note("an EFI boot: RAM is as the log has it, since the kernel took it from the firmware");
        job.set_ram(ram.clone());
    }
    let mut job = job.for_tree(input)?;
    if boot.page.is_none()
        && let Some(page) = log.page_size().or_else(|| named_page(version?))
        && !args.boot.kernel.iter().any(|name| name.contains(':'))
    {
        job.adapt(|profile| profile.page = page);
    }
    if log.has_region_lines() && !job.profiles().iter().all(|profile| profile.log.region_lines) {
        note("the kernel has a line for every region, as kernels from 6.6 on: a backport");
        job.adapt(|profile| profile.log.region_lines = true);
    }
    let dtb = job.effective(input.dtb.clone()).map_err(|error| Failure::of(&captured.tree, error))?;
    let told = match Told::predict(&job, &dtb, &captured.tree)? {
        None if !ram.is_empty() => {
            note("the tree states no RAM: it is as the log has it");
            job.set_ram(ram);
            Told::predict(&job, &dtb, &captured.tree)?
        }
        told => told,
    };
    let told = told.ok_or_else(|| no_ram(&captured.tree))?;
    // How much a kernel takes that nobody asks is in its configuration.
    let built = job.context().profile.build.default_cma;
    match log.default_cma().filter(|&size| size != built && !job.gives_default_cma()) {
        Some(size) if told.prediction.cma != DefaultCma::None => {
            let shown = if size == 0 { "none".to_owned() } else { Size(size).to_string() };
            note(&format!(
                "the default pool of this kernel is taken as {shown}; --cma-default says otherwise"
            ));
            job.adapt(|profile| profile.build.default_cma = size);
            Told::predict(&job, &dtb, &captured.tree)?.ok_or_else(|| no_ram(&captured.tree))
        }
        _ => Ok(told),
    }
}

/// Tells whether the kernel of the log has the profile that was asked for.
fn is_same(version: &str, asked: &str) -> bool {
    let asked = asked.split(':').next().unwrap_or(asked);
    match (KernelProfile::for_version(version), KernelProfile::for_version(asked)) {
        (Ok(a), Ok(b)) => a.profile.since.family() == b.profile.since.family(),
        // What is wrong with the asked one is an error elsewhere.
        (Err(_), _) => false,
        (_, Err(_)) => true,
    }
}

/// The page size that distributions put into the names of kernels with larger pages.
fn named_page(version: &str) -> Option<PageSize> {
    let has = |name: &str| version.split(['-', '+', '.', '_']).any(|word| word == name);
    [("16k", PageSize::K16), ("64k", PageSize::K64)]
        .into_iter()
        .find(|(name, _)| has(name))
        .map(|(_, size)| size)
}

/// Tells whether a line of the log is only the start of the tree's bootargs: the kernel cuts long lines.
fn is_cut(line: &str, dtb: &[u8]) -> bool {
    let Ok(tree) = Tree::parse(dtb) else { return false };
    let bootargs = tree.find("/chosen").and_then(|chosen| chosen.prop("bootargs")?.as_str());
    bootargs
        .is_some_and(|bootargs| bootargs.len() > line.len() && bootargs.starts_with(line) && line.len() > 900)
}
