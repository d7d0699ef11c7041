//! Prints to the two streams, with colours on terminals only, and never if `NO_COLOR` is set.

pub mod interrupt;
pub mod progress;
pub mod prose;
pub mod style;
pub mod text;

use std::io::{ErrorKind, Write};

use crate::failure::{self, Failure};
use crate::report::diff;

/// Prints results to stdout. A reader that closes the pipe (`| head`) is not a failure.
///
/// # Errors
/// When stdout cannot be written, for example to a full disk: results must not be lost silently.
pub fn out(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    finished(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// Prints to stderr. A failure to do so cannot be reported.
pub fn err(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// Prints a patch, to stdout or to stderr: byte for byte, since it may be in any encoding, with colours on a
/// terminal.
///
/// # Errors
/// As [`out`].
pub fn patch(patch: &[u8], to_stderr: bool) -> Result<(), Failure> {
    if to_stderr {
        let _ = std::io::stderr().write_all(patch);
        return Ok(());
    }
    let mut stdout = std::io::stdout().lock();
    let is_plain = anstream::AutoStream::choice(&stdout) == anstream::ColorChoice::Never;
    let text = if is_plain { patch.to_vec() } else { diff::coloured(patch) };
    finished(stdout.write_all(&text).and_then(|()| stdout.flush()))
}

/// A reader that closes the pipe (`| head`) is not a failure.
fn finished(written: std::io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("stdout: cannot write: {}", failure::io(&error))))
        }
        _ => Ok(()),
    }
}
