//! Reads the one tree that a command is about.

use std::path::Path;

use crate::failure::Failure;
use crate::input;
use crate::job::Job;

/// Read the tree at `path` as the kernel will see it, and what is known of its boot.
pub(super) fn read(job: &Job, path: &Path) -> Result<(Job, Vec<u8>), Failure> {
    let dtb = job.effective(input::read(path)?).map_err(|error| Failure::of(path, error))?;
    Ok((job.clone(), dtb))
}
