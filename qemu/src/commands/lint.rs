//! `cargo xtask lint-stage`: warnings of the compiler and of clippy about the stage, as it is built for the
//! board, and errata of processors in the instructions that are built.

use crate::errata;
use crate::setup::{self, Consent, Toolchain};
use crate::shell::{capture, run as run_command};
use crate::stage;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// Debian's clippy, which reads the libraries that Debian's compiler built.
const CLIPPY: &str = "/usr/bin/clippy-driver";

/// Checks the stage for the bare-metal target with warnings denied: by clippy where it fits the compiler that
/// gives the target, else by the compiler alone. Then builds it, and checks its instructions.
///
/// # Errors
/// When set-up fails, the stage has a warning, or an erratum can strike in it.
pub(crate) fn run(ws: &Workspace, no_install: bool) -> Result<()> {
    let consent = if no_install { Consent::Forbidden } else { Consent::Install };
    let toolchain = setup::toolchain(ws, consent)?;
    let soft = setup::soft_toolchain(ws, consent)?;
    let resident = stage::resident(ws, consent)?;
    let has_clippy = |toolchain: &Toolchain| match toolchain.is_installed() {
        // A component of its own, which a toolchain can be without.
        true => capture(ws.cargo().args(["clippy", "--version"])).is_ok(),
        false => Path::new(CLIPPY).is_file(),
    };
    let mut by = "clippy";
    // A warning may be hidden with a feature, or only there with it.
    for (toolchain, package, features) in [
        (&toolchain, "ringfence-boot", &[][..]),
        (&toolchain, "ringfence-boot", &["--all-features"]),
        (&toolchain, "ringfence-boot", &["--no-default-features"]),
        (&soft, "ringfence-sentinel", &[]),
    ] {
        let (installed, clippy) = (toolchain.is_installed(), has_clippy(toolchain));
        let verb = if installed && clippy { "clippy" } else { "check" };
        let mut cargo = ws.cargo();
        cargo.args([verb, "--quiet", "--package", package, "--bins"]).args(features);
        cargo.env("CARGO_TARGET_DIR", ws.target.join("stage-lint")).env("RINGFENCE_RESIDENT", &resident);
        toolchain.apply(&mut cargo);
        toolchain.add_flags(&mut cargo, "-Dwarnings");
        if !clippy {
            by = "the compiler";
        } else if !installed {
            cargo.env("RUSTC_WORKSPACE_WRAPPER", CLIPPY);
        }
        run_command(&mut cargo).with_context(|| {
            format!("{package} has warnings ({})", features.first().unwrap_or(&"no features"))
        })?;
    }
    println!("{by}: no warnings in the stage for the bare-metal target, with and without its features");
    let mut files = vec![("the sentinel".to_owned(), stage::resident_elf(ws, consent)?, &soft)];
    for (built, form) in stage::released(ws, consent)? {
        files.push((format!("the stage{form}"), fs::read(built.elf)?, &toolchain));
    }
    for (name, file, toolchain) in files {
        let looked = errata::check(&file, toolchain.is_installed())
            .with_context(|| format!("{name}, built with {}", toolchain.description))?;
        println!(
            "{name}: errata 835769 and 843419 of the Cortex-A53 cannot strike in {} instructions",
            looked.instructions
        );
        if looked.in_libraries > 0 {
            println!(
                "  but at {} places in the installed target's libraries, which came compiled",
                looked.in_libraries
            );
        }
    }
    Ok(())
}
