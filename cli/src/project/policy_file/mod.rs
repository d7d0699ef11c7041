//! Policies as files: TOML that people write, or the blob that travels.

pub(crate) mod build;
mod init;
pub(crate) mod reader;
mod write;

use std::path::Path;

use ringfence::policy::Policy;

use crate::failure::Failure;
use crate::input;

use reader::Fault;

pub use build::KEYS;
pub use init::from_tree;
pub use write::to_toml;

/// Reads a policy, whichever of the two forms it has.
///
/// # Errors
/// A [`Failure`] that names the file, and for TOML the line.
pub fn load(path: &Path) -> Result<Policy, Failure> {
    let bytes = input::read_text(path)?;
    if bytes.starts_with(&ringfence::fdt::MAGIC.to_be_bytes()) {
        return Policy::from_blob(&bytes).map_err(|error| Failure::of(path, error));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => parse(&path.display().to_string(), text),
        Err(_) => Err(Failure::of(path, "neither a TOML file nor a policy blob")),
    }
}

/// Reads a policy from TOML; `name` is what errors call the file.
///
/// # Errors
/// A [`Failure`] that points at every line with a mistake.
pub fn parse(name: &str, text: &str) -> Result<Policy, Failure> {
    build::policy(text).map_err(|faults| {
        let failure = |fault: Fault| {
            Failure::new(format!("policy: {}", fault.message)).at(name, text, fault.span, fault.label)
        };
        Failure::all(faults.into_iter().map(failure))
    })
}
