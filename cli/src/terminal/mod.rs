//! Prints to the two streams, with colours on terminals only, and never if `NO_COLOR` is set.

pub mod interrupt;
pub mod progress;
pub mod prose;
pub mod style;
pub mod text;

use std::io::{ErrorKind, Write};

use crate::failure::Failure;

/// Prints results to stdout. A reader that closes the pipe (`| head`) is not a failure.
///
/// # Errors
/// When stdout cannot be written, for example to a full disk: results must not be lost silently.
pub fn out(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("stdout: cannot write: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints to stderr. A failure to do so cannot be reported.
pub fn err(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}
