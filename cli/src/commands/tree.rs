//! Reads the one tree that a command is about.

use std::path::Path;

use crate::failure::Failure;
use crate::project::job::Job;
use crate::project::kernel;
use crate::terminal::style::NOTE;
use crate::{input, terminal};

/// Reads the tree at `path` as the kernel will see it, and the facts of its boot. These commands work for one
/// kernel; where several are given, a note names the one that is used.
pub(super) fn read(job: &Job, path: &Path) -> Result<(Job, Vec<u8>), Failure> {
    let input = input::load_one(path, &job.options(path)?)?;
    let mut job = job.for_tree(&input)?;
    if let [first, _, ..] = job.profiles() {
        let (path, kernel) = (path.display(), kernel::name(first));
        terminal::err(&format!(
            "{NOTE}note{NOTE:#}: {path}: several kernels are given, this is for {kernel}\n"
        ));
    }
    let dtb = job.effective(input.dtb).map_err(|error| Failure::of(path, error))?;
    Ok((job, dtb))
}
