//! Reads the one tree that a command is about.

use std::path::Path;

use crate::failure::Failure;
use crate::input;
use crate::job::Job;

/// Read the tree at `path` as the kernel will see it, and what is known of its boot.
pub(super) fn read(job: &Job, path: &Path) -> Result<(Job, Vec<u8>), Failure> {
    let input = input::load_one(path, &job.options(path)?)?;
    let job = job.for_tree(&input)?;
    let dtb = job.effective(input.dtb).map_err(|error| Failure::of(path, error))?;
    Ok((job, dtb))
}
