//! Messages over stdin and stdout, as the base protocol frames them: headers, an empty line, JSON.
//!
//! What a client sends is not trusted: a length is a claim, and memory grows with the bytes that come.

use std::io::{self, BufRead, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crossbeam_channel::bounded;
use lsp_server::{Connection, ErrorCode, Message};
use serde_json::{Value, json};

/// Longest message in bytes. A device tree source of this size compiles to more than any loader takes.
const MAX_MESSAGE: u64 = 64 << 20;
/// Longest header line in bytes, and most of them before a message.
const MAX_HEADER: u64 = 4096;
const MAX_HEADERS: usize = 32;

/// Most messages that wait. A client that sends faster than it is served is read as fast as it is served.
const MAX_WAITING: usize = 4;

/// Why the client sends nothing any more.
pub(super) type Ended = Arc<Mutex<Option<String>>>;

/// The threads that read and write.
pub(super) struct Wire {
    writer: thread::JoinHandle<()>,
    /// Why no message comes any more, once that is so.
    pub(super) ended: Ended,
}

impl Wire {
    /// Starts to read stdin and to write stdout.
    pub(super) fn start() -> (Connection, Self) {
        let (sender, from_client) = bounded(MAX_WAITING);
        let (to_client, receiver) = bounded(MAX_WAITING);
        let server = Connection { sender: to_client, receiver: from_client };
        let ended = Ended::default();
        let reason = Arc::clone(&ended);
        thread::spawn(move || {
            let end = read_all(&mut io::stdin().lock(), |message| sender.send(message).is_ok());
            *reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
            // The server hears of it by the channel, after the reason is known.
            drop(sender);
        });
        let writer = thread::spawn(move || {
            for message in receiver {
                // A client that is gone is noticed by the reader.
                let _ = message.write(&mut io::stdout().lock());
            }
        });
        (server, Self { writer, ended })
    }

    /// Waits until everything is written; the connection must be dropped before.
    pub(super) fn finish(self) {
        let _ = self.writer.join();
    }
}

/// Passes on every message until `exit`, and returns why no further one comes.
fn read_all(input: &mut impl BufRead, mut pass: impl FnMut(Message) -> bool) -> String {
    loop {
        let bytes = match read(input) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return "the client closed the connection without `shutdown` and `exit`".to_owned(),
            Err(why) => return why,
        };
        // The next message is readable, whatever is in this one (JSON-RPC 2.0, section 5.1).
        let refused = match serde_json::from_slice::<Value>(&bytes) {
            Err(error) => Err((ErrorCode::ParseError, format!("not JSON: {error}"))),
            Ok(value) => serde_json::from_value::<Message>(value).map_err(|_| {
                (ErrorCode::InvalidRequest, "not a request, notification or response".to_owned())
            }),
        };
        match refused {
            Err((code, why)) => answer(code, &why),
            Ok(message) => {
                let is_exit = matches!(&message, Message::Notification(note) if note.method == "exit");
                if !pass(message) || is_exit {
                    return "the client sent `exit` without `shutdown`".to_owned();
                }
            }
        }
    }
}

/// Reads one message; `None` at the end of the input.
fn read(input: &mut impl BufRead) -> Result<Option<Vec<u8>>, String> {
    let mut len = None;
    for count in 0.. {
        let mut line = Vec::new();
        input.take(MAX_HEADER).read_until(b'\n', &mut line).map_err(|error| format!("stdin: {error}"))?;
        if line.is_empty() && count == 0 {
            return Ok(None);
        }
        let Some(line) = line.strip_suffix(b"\n").filter(|_| count < MAX_HEADERS) else {
            return Err("the client sent no header of a message, `Content-Length: N`".to_owned());
        };
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        if name.eq_ignore_ascii_case("Content-Length") {
            let parsed = value.trim().parse::<u64>();
            let shown: String = value.trim().chars().take(40).flat_map(char::escape_default).collect();
            len = Some(parsed.map_err(|_| format!("the client sent `Content-Length: {shown}`"))?);
        }
    }
    let len = len.ok_or("the client sent a message without `Content-Length`")?;
    if len > MAX_MESSAGE {
        return Err(format!("the client announced a message of {len} bytes; at most 64 MiB are read"));
    }
    let mut bytes = Vec::new();
    input.take(len).read_to_end(&mut bytes).map_err(|error| format!("stdin: {error}"))?;
    match bytes.len() as u64 == len {
        true => Ok(Some(bytes)),
        false => Err(format!("the client closed the connection after {} of {len} bytes", bytes.len())),
    }
}

/// Answers what cannot be read, which has no known id.
fn answer(code: ErrorCode, why: &str) {
    let error = json!({ "code": code as i32, "message": why });
    let text = json!({ "jsonrpc": "2.0", "id": null, "error": error }).to_string();
    let mut stdout = io::stdout().lock();
    let _ = write!(stdout, "Content-Length: {}\r\n\r\n{text}", text.len()).and_then(|()| stdout.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(bytes: &[u8]) -> (String, usize) {
        let mut count = 0;
        let mut pass = |_| {
            count += 1;
            true
        };
        let end = read_all(&mut &bytes[..], &mut pass);
        (end, count)
    }

    fn framed(text: &str) -> Vec<u8> {
        format!("Content-Length: {}\r\n\r\n{text}", text.len()).into_bytes()
    }

    #[test]
    fn a_frame_that_lies_ends_the_connection_with_the_reason() {
        for (bytes, reason) in [
            (&b""[..], "closed the connection without"),
            (b"Content-Length: 7\r\n\r\n{}", "after 2 of 7 bytes"),
            (b"Content-Length: 18446744073709551615\r\n\r\n{}", "at most 64 MiB"),
            (b"Content-Length: 18446744073709551616\r\n\r\n{}", "`Content-Length: 18446744073709551616`"),
            (b"content-length:  -1\r\n\r\n{}", "`Content-Length: -1`"),
            (b"Content-Type: x\r\n\r\n{}", "without `Content-Length`"),
            (&[b'x'; 100_000], "no header of a message"),
            (&b"a: b\r\n".repeat(1000), "no header of a message"),
        ] {
            let (end, count) = end(bytes);
            assert!(end.contains(reason) && count == 0, "{end}");
        }
    }

    #[test]
    fn a_message_that_is_none_does_not_end_the_connection() {
        let note = r#"{"jsonrpc":"2.0","method":"x","params":{}}"#;
        let exit = r#"{"jsonrpc":"2.0","method":"exit"}"#;
        let deep = "[".repeat(100_000);
        let texts = ["{{{", "[]", "7", deep.as_str(), note, "\u{0}", exit, note];
        let (end, count) = end(&texts.map(framed).concat());
        assert!(end.contains("without `shutdown`"), "{end}");
        assert_eq!(count, 2, "up to `exit`");
    }
}
