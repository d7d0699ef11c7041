//! `ringfence pack`.

use std::path::PathBuf;

use ringfence::payload::appended;
use ringfence::span::Size;

use super::Outcome;
use crate::args::Pack;
use crate::bundle::{self, Parts};
use crate::failure::Failure;
use crate::input::is_stdin;
use crate::{terminal, write_out};

pub(super) fn run(args: &Pack) -> Result<Outcome, Failure> {
    let parts = Parts {
        kernel: args.kernel.clone(),
        initrd: args.initrd.clone(),
        dtb: args.dtb.clone(),
        overlays: args.overlay.clone(),
        policy: args.policy.clone(),
    };
    let named = [&args.initrd, &args.dtb, &args.policy, &args.append_to];
    let inputs = named.into_iter().flatten().chain(&args.overlay).chain([&args.kernel]);
    write_out::keep_apart(&args.output, inputs.map(PathBuf::as_path))?;
    let (bundle, layout) = bundle::pack(&parts)?;
    match &args.append_to {
        None => write_out::write(&args.output, &bundle)?,
        Some(stage) => {
            let image = std::fs::read(stage).map_err(|error| Failure::of(stage, error))?;
            let whole = appended::append(&image, &bundle).map_err(|error| Failure::of(stage, error))?;
            write_out::write(&args.output, &whole)?;
        }
    }
    if !is_stdin(&args.output) {
        let size = approximate(layout.len);
        let mut text = format!("{}: {size} ({} bytes)\n", args.output.display(), layout.len);
        let lines = [
            ("policy", parts.policy.is_some(), layout.policy),
            ("dtb", parts.dtb.is_some(), layout.fdt),
            ("overlays", !parts.overlays.is_empty(), layout.overlays),
            ("kernel", true, layout.kernel),
            ("initrd", parts.initrd.is_some(), layout.ramdisk),
        ];
        for (name, _, offset) in lines.iter().filter(|(_, present, _)| *present) {
            text += &format!("  {offset:#010x} {name}\n");
        }
        terminal::out(&text)?;
    }
    Ok(Outcome::Clean)
}

/// Returns the size rounded up to whole MiB.
fn approximate(bytes: u64) -> Size {
    Size(bytes.next_multiple_of(1 << 20))
}
