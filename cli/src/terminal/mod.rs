//! Prints to the two streams. Colours reach terminals only, and never against `NO_COLOR`.

pub mod interrupt;
pub mod progress;
pub mod prose;
pub mod style;
pub mod text;

use std::io::{ErrorKind, Write};

use crate::failure::Failure;

/// Prints results to stdout. A reader that went away (`| head`) has seen enough, which is no failure.
///
/// # Errors
/// When stdout cannot take the text, such as a full disk: results must not get lost in silence.
pub fn out(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("stdout: cannot write: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints to stderr what is no result. Nobody is left to tell when that fails.
pub fn err(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}
