//! Runs a board: streams its console, keeps it, and never waits beyond its time limit.

use crate::machine::Board;
use crate::shell::words;
use crate::transcript::{Ending, Transcript};
use anyhow::{Context, Result};
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a board may go on after it printed that it gave up.
const GRACE: Duration = Duration::from_secs(3);

/// Text that a board prints when it is over although it need not power itself off.
const LAST_WORDS: [&str; 3] =
    ["---[ end Kernel panic", "Rebooting in", "no firmware call powers this board off"];

/// Text that Linux prints last, in good order, on a board that it cannot switch off.
const HALTED: &str = "reboot: Power off not available: System halted";

/// Bytes of the longest of these, or more.
const LONGEST: usize = 64;

/// Starts the board, copies its console to `sink` as it comes, and returns all of it when the board has
/// powered off, gave up, or `limit` is over (the board is killed then, which is an [`Ending`], not an error).
///
/// # Errors
/// When QEMU cannot be started or its output not be read.
pub(crate) fn run(board: &Board, limit: Duration, sink: &mut dyn Write) -> Result<Transcript> {
    run_until(board, limit, sink, None)
}

/// [`run`], for a board that does not end by itself: stops it when `enough` says so of its console.
///
/// # Errors
/// As for [`run`].
pub(crate) fn run_until(
    board: &Board,
    limit: Duration,
    sink: &mut dyn Write,
    enough: Option<&dyn Fn(&str) -> bool>,
) -> Result<Transcript> {
    let mut command = board.command();
    let line = words(&command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start `{line}`"))?;
    let console = listen(child.stdout.take().context("QEMU has no standard output")?);
    let complaints = listen(child.stderr.take().context("QEMU has no standard error")?);

    let mut deadline = started + limit;
    let mut bytes: Vec<u8> = Vec::new();
    let mut given_up = false;
    let ending = loop {
        match console.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(chunk) => {
                sink.write_all(&chunk).and_then(|()| sink.flush()).context("cannot copy the console")?;
                // Some bytes come at a time: only what they may have completed is looked at.
                let fresh = bytes.len().saturating_sub(LONGEST);
                bytes.extend(chunk);
                if enough.is_some_and(|enough| enough(&String::from_utf8_lossy(&bytes))) {
                    break Ending::Enough;
                }
                let (_, fresh) = bytes.split_at(fresh);
                if holds(fresh, HALTED.as_bytes()) {
                    break Ending::PoweredOff;
                }
                if !given_up && LAST_WORDS.iter().any(|words| holds(fresh, words.as_bytes())) {
                    given_up = true;
                    deadline = deadline.min(Instant::now() + GRACE);
                }
            }
            Err(RecvTimeoutError::Timeout) if given_up => break Ending::GaveUp,
            Err(RecvTimeoutError::Timeout) => break Ending::TimedOut(limit),
            Err(RecvTimeoutError::Disconnected) => {
                let status = child.wait().context("cannot wait for QEMU")?;
                break if !status.success() {
                    Ending::Failed(status.to_string())
                } else if given_up {
                    Ending::GaveUp
                } else {
                    Ending::PoweredOff
                };
            }
        }
    };
    stop(&mut child);
    let stderr: Vec<u8> = complaints.iter().flatten().collect();
    Ok(Transcript::new(line, &bytes, &stderr, ending, started.elapsed()))
}

/// Passes on what a stream gives until it ends, so that waiting for it can be given up.
fn listen(mut stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (send, receive) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            if send.send(buffer.iter().copied().take(count).collect()).is_err() {
                break;
            }
        }
    });
    receive
}

fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len().max(1)).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_found_across_two_chunks() {
        assert!(LAST_WORDS.iter().chain([&HALTED]).all(|words| words.len() <= LONGEST));
        assert!(holds(b"[ 1.0] ---[ end Kernel panic - not syncing", LAST_WORDS[0].as_bytes()));
        assert!(!holds(b"[ 1.0] ---[ end Kernel pan", LAST_WORDS[0].as_bytes()));
    }
}
