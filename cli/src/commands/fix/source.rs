//! Sources: their repairs are edits of the text.

use std::path::Path;

use ringfence::fdt::Tree;

use super::repair::{Repaired, repair};
use super::{Diff, Written, print};
use crate::args::Fix;
use crate::failure::Failure;
use crate::input::{self, Input, Options, is_stdin};
use crate::project::job::Job;
use crate::report::{diff, source_edit};
use crate::terminal;
use crate::terminal::style::ERROR;

/// Returns the source with the repairs in it, or `None` when some must be made by hand: these are printed.
pub(super) fn edited(
    args: &Fix,
    job: &Job,
    options: &Options,
    text: &[u8],
    input: &Input,
    repaired: &Repaired,
) -> Result<Option<Written>, Failure> {
    let (path, name) = (&input.path, &input.name);
    let unreadable = |error| Failure::of(path, error);
    let positions = input.positions.as_ref().ok_or_else(|| {
        Failure::of(path, "dtc does not report places in the source")
            .with_help("install a newer device tree compiler, or repair the .dtb")
    })?;
    let file = if is_stdin(path) { "-" } else { name.as_str() };
    let new = repaired.dtb.as_deref().unwrap_or_default();
    let (old, new) = (Tree::parse(&input.dtb), Tree::parse(new));
    let (old, new) = (old.map_err(unreadable)?, new.map_err(unreadable)?);
    let by_hand = match source_edit::edit(positions, file, text, &old, &new) {
        Ok(bytes) => match settled(job, path, &bytes, options)? {
            true => {
                let diff = Diff::Source(diff::patch(name, text, &bytes));
                return Ok(Some(Written { bytes, diff: vec![diff] }));
            }
            false => vec!["what macros or included files say".to_owned()],
        },
        Err(by_hand) => by_hand,
    };
    let list: String = by_hand.iter().map(|edit| format!("  {edit}\n")).collect();
    terminal::err(&format!(
        "{ERROR}error{ERROR:#}: {name}: nothing written: these edits must be made by hand:\n{list}"
    ));
    if args.diff {
        print(args, &diff::render(name, &input.dtb, new.blob().bytes()).map_err(unreadable)?)?;
    }
    Ok(None)
}

/// Tells whether an edited source compiles to a tree that needs no further repair.
fn settled(job: &Job, path: &Path, text: &[u8], options: &Options) -> Result<bool, Failure> {
    let Ok(dtb) = input::compile_as(path, text, options) else { return Ok(false) };
    let name = path.display().to_string();
    let input = Input { name, path: path.to_path_buf(), dtb, positions: None, base: None };
    let again = repair(job, &input)?;
    Ok(again.dtb.is_some_and(|dtb| dtb == input.dtb))
}
