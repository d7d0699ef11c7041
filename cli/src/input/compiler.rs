//! Runs a compiler within limits: a source can let it read without an end, or write without one.
//!
//! The limits are those of a shell, which every process that the compiler starts has, too.

use std::io::{self, Read, Write};
use std::process::{Command, Output, Stdio};
use std::thread;

use ringfence::span::Size;

/// Most processor time in seconds. The largest trees of the kernel take a tenth of one.
const MAX_SECONDS: u32 = 20;
/// Most memory in bytes.
const MAX_MEMORY: u64 = 2 << 30;
/// Most bytes that are read of what a compiler prints.
const MAX_OUTPUT: u64 = 256 << 20;

/// Exit status of a shell that does not find the program.
const NOT_FOUND: i32 = 127;

/// Returns the limits of time and memory, as messages state them.
pub(super) fn limits() -> String {
    format!("{MAX_SECONDS} s of processor time and {} of memory", Size(MAX_MEMORY))
}

/// Runs a program with `input` on its stdin.
///
/// # Errors
/// When it cannot be started, or when it is stopped at a limit.
pub(super) fn run(command: &Command, input: Option<&[u8]>) -> io::Result<Output> {
    let kibibytes = MAX_MEMORY >> 10;
    // Not every system has every limit.
    let script = format!(
        "ulimit -v {kibibytes} 2>/dev/null; ulimit -t {MAX_SECONDS} 2>/dev/null; \
         command -v \"$1\" >/dev/null || exit {NOT_FOUND}; exec \"$@\""
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &script, "sh"]).arg(command.get_program()).args(command.get_args());
    let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        // A program that writes before it has read everything must not wait for us.
        scope.spawn(move || {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                // One that stops early says why on its own.
                let _ = stdin.write_all(input);
            }
        });
        let errors = scope.spawn(move || read(stderr));
        let stdout = read(stdout)?;
        let stderr = errors.join().map_err(|_| io::Error::other("the reader of errors failed"))??;
        let status = child.wait()?;
        if status.code() == Some(NOT_FOUND) && stderr.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        if stdout.len() as u64 > MAX_OUTPUT || stderr.len() as u64 > MAX_OUTPUT {
            let mebibytes = MAX_OUTPUT >> 20;
            return Err(io::Error::other(format!("it printed more than {mebibytes} MiB, and was stopped")));
        }
        Ok(Output { status, stdout, stderr })
    })
}

/// Reads at most one byte more than is allowed. A program that goes on meets a closed pipe, and ends.
fn read(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(MAX_OUTPUT + 1).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_a_program_prints_and_how_it_ends_is_returned() {
        let output = run(&shell("cat; echo \"$1 $2\" >&2; exit 3"), Some(b"text")).unwrap();
        assert_eq!((output.stdout.as_slice(), output.status.code()), (&b"text"[..], Some(3)));
        let words = run(Command::new("printf").args(["%s|", "a b", "$(c)", "*"]), None).unwrap();
        assert_eq!(words.stdout, b"a b|$(c)|*|");
        let missing = run(&Command::new("no-such-program-here"), None).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_program_without_an_end_is_stopped() {
        let error = run(&Command::new("yes"), None).unwrap_err();
        assert!(error.to_string().contains("more than 256 MiB"), "{error}");
        let limits = run(&shell("ulimit -v; ulimit -t"), None).unwrap();
        assert_eq!(String::from_utf8(limits.stdout).unwrap(), "2097152\n20\n");
    }
}
