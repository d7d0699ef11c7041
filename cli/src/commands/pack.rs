//! `ringfence pack`.

use std::path::Path;
use std::sync::Arc;

use ringfence::efi::pe::{self, Subsystem};
use ringfence::facts::BootFacts;
use ringfence::finding::Severity;
use ringfence::fit::Layout;
use ringfence::kernel_image::Header;
use ringfence::payload::{Judged, appended, console_slot};
use ringfence::pipeline::{self, Context};
use ringfence::span::Size;

use super::Outcome;
use crate::args::Pack;
use crate::bundle::{self, Parts};
use crate::failure::Failure;
use crate::input::{self, Layers, Options, is_stdin};
use crate::project::policy_file;
use crate::terminal::style::{NOTE, WARNING};
use crate::terminal::text::{plural, printable};
use crate::{terminal, write_out};

pub(super) fn run(args: &Pack) -> Result<Outcome, Failure> {
    match (&args.kernel, &args.append_to) {
        (Some(kernel), _) => pack(args, kernel),
        (None, Some(stage)) if args.efi_driver => driver(args, stage),
        (None, Some(stage)) => with_console(args, stage),
        (None, None) => Err(Failure::new("--kernel, --console or --efi-driver is missing")),
    }
}

/// Makes the EFI driver: the image of the stage with a policy, which firmware loads and keeps.
fn driver(args: &Pack, stage: &Path) -> Result<Outcome, Failure> {
    let mut image = image(args, stage)?;
    let fail = |error| Failure::of(stage, error);
    let headers = pe::Headers::parse(&image).map_err(fail)?;
    if headers.section(&image, appended::SECTION).is_some() {
        return Err(Failure::of(
            stage,
            "has a bundle, and a driver boots none; take ringfence.img as it was built",
        ));
    }
    if let Some(policy) = &args.policy {
        pe::add_section(&mut image, pe::POLICY, &bundle::policy_blob(policy)?, None).map_err(fail)?;
    }
    pe::set_subsystem(&mut image, Subsystem::Driver).map_err(fail)?;
    write_out::write(&args.output, &image)?;
    if !is_stdin(&args.output) {
        let policy = if args.policy.is_some() { "with a policy" } else { "without a policy" };
        terminal::out(&format!("{}: EFI driver {policy} ({} bytes)\n", args.output.display(), image.len()))?;
    }
    Ok(Outcome::Clean)
}

/// Gives the image of the stage a console, and nothing else.
fn with_console(args: &Pack, stage: &Path) -> Result<Outcome, Failure> {
    if args.policy.is_some() {
        return Err(Failure::new("--policy goes into a bundle: name its --kernel"));
    }
    write_out::write(&args.output, &image(args, stage)?)?;
    if !is_stdin(&args.output) {
        let console = args.console.as_deref().unwrap_or_default();
        terminal::out(&format!("{}: the stage, with the console {console}\n", args.output.display()))?;
    }
    Ok(Outcome::Clean)
}

fn pack(args: &Pack, kernel: &Path) -> Result<Outcome, Failure> {
    let parts = Parts {
        kernel: kernel.to_owned(),
        initrd: args.initrd.clone(),
        dtb: args.dtb.clone(),
        overlays: args.overlay.clone(),
        policy: args.policy.clone(),
    };
    let (bundle, layout) = bundle::pack(&parts)?;
    match &args.append_to {
        None => write_out::write(&args.output, &bundle)?,
        Some(stage) => {
            let image = image(args, stage)?;
            let whole = appended::append(&image, &bundle).map_err(|error| Failure::of(stage, error))?;
            write_out::write(&args.output, &whole)?;
        }
    }
    if !is_stdin(&args.output) {
        terminal::out(&listed(args, &layout))?;
    }
    warn(&parts)?;
    note_tree_after(&parts)?;
    Ok(Outcome::Clean)
}

/// Reports device trees after the kernel, which are not packed with it.
fn note_tree_after(parts: &Parts) -> Result<(), Failure> {
    let kernel = parts.kernel.display();
    if parts.dtb.is_none() && input::has_tree_after(&input::read_image(&parts.kernel)?) {
        terminal::err(&format!(
            "{NOTE}note{NOTE:#}: {kernel}: the device tree after the kernel is not packed; to pack it, \
             `--dtb {kernel}`\n"
        ));
    }
    Ok(())
}

/// Reads an image of the stage, and gives it the console of the command line.
fn image(args: &Pack, stage: &Path) -> Result<Vec<u8>, Failure> {
    let mut image = input::read_image(stage)?;
    let fail = |why: &dyn std::fmt::Display| {
        Failure::of(stage, format!("not an image of the stage: {why}"))
            .with_help("take ringfence.img as it was built")
    };
    Header::parse(&image).map_err(|error| fail(&error))?;
    let headers = pe::Headers::parse(&image).ok();
    let whole = headers.as_ref().map(|headers| headers.file_len(&image));
    if whole.is_some_and(|len| len.is_none_or(|len| len > image.len())) {
        return Err(fail(&"its sections reach beyond the end of the file, which is cut or damaged"));
    }
    if let Some(console) = &args.console {
        headers
            .map_or(Ok(()), |headers| pe::unsigned(&image, &headers))
            .map_err(|error| Failure::of(stage, error))?;
        console_slot::set(&mut image, console).map_err(|error| Failure::of(stage, error))?;
    }
    Ok(image)
}

/// Returns the size of the bundle and the places of its parts.
fn listed(args: &Pack, layout: &Layout) -> String {
    let size = approximate(layout.len);
    let mut text = format!("{}: {size} ({} bytes)\n", args.output.display(), layout.len);
    let lines = [
        ("policy", args.policy.is_some(), layout.policy),
        ("dtb", args.dtb.is_some(), layout.fdt),
        ("overlays", !args.overlay.is_empty(), layout.overlays),
        ("kernel", true, layout.kernel),
        ("initrd", args.initrd.is_some(), layout.ramdisk),
    ];
    for (name, _, offset) in lines.iter().filter(|(_, present, _)| *present) {
        text += &format!("  {offset:#010x} {name}\n");
    }
    text
}

/// Reports the errors that `check` finds in what was packed: the stage repairs them, or halts.
fn warn(parts: &Parts) -> Result<(), Failure> {
    let Some(dtb) = &parts.dtb else { return Ok(()) };
    let layers = Arc::new(Layers::read(None, &parts.overlays, |_| Ok(Vec::new()))?);
    let input = input::load_one(dtb, &Options { layers, ..Options::default() })?;
    let policy = parts.policy.as_deref().map(policy_file::load).transpose()?;
    let kernel = bundle::read_kernel(&parts.kernel)?;
    let of_policy = policy.as_ref().and_then(|policy| policy.kernel.as_deref());
    let named = [(of_policy, "policy"), (bundle::release(&kernel), "kernel's banner")];
    let page_size = Header::parse(&kernel).ok().and_then(|header| header.page_size());
    let (profile, facts) = (Judged::new(named, page_size).profile, BootFacts::default());
    let context = Context { policy: policy.as_ref(), profile: &profile, facts: &facts };
    let surveyed = pipeline::survey(&input.dtb, context).map_err(|error| Failure::of(dtb, error))?;
    let judged = surveyed.judge();
    let errors = judged.findings().iter().filter(|finding| finding.severity == Severity::Error);
    let errors: Vec<String> =
        errors.map(|finding| format!("  {}\n", printable(&finding.to_string()))).collect();
    if errors.is_empty() {
        return Ok(());
    }
    let (path, what) = (dtb.display(), plural(errors.len(), "error"));
    let found = format!("{path}: `ringfence check` finds {what}");
    terminal::err(&match judged.plan().apply().and_then(|applied| applied.prove()) {
        Ok(_) => format!("{NOTE}note{NOTE:#}: {found}, which the stage repairs\n"),
        Err(_) => format!(
            "{WARNING}warning{WARNING:#}: {found}, and the stage cannot repair all and halts:\n{}",
            errors.concat()
        ),
    });
    Ok(())
}

/// Returns the size rounded up to whole MiB.
fn approximate(bytes: u64) -> Size {
    Size(bytes.next_multiple_of(1 << 20))
}
