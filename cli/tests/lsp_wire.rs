//! The language server and clients that break the protocol.

use std::io::Write;
use std::process::{Command, Stdio};

/// Starts a server, sends it these bytes and returns its exit code and what it printed.
fn talk(bytes: &[u8]) -> (Option<i32>, String, String) {
    let mut server = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    server.arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = server.spawn().unwrap();
    // One that ends early closes its end of the pipe.
    let _ = server.stdin.take().unwrap().write_all(bytes);
    let output = server.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn framed(text: &str) -> String {
    format!("Content-Length: {}\r\n\r\n{text}", text.len())
}

#[test]
fn a_client_that_breaks_the_protocol_is_told_how() {
    let hello = framed(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}"#);
    let hello = hello + &framed(r#"{"jsonrpc":"2.0","method":"initialized","params":{}}"#);
    let bye = framed(r#"{"jsonrpc":"2.0","id":9,"method":"shutdown"}"#);
    let bye = bye + &framed(r#"{"jsonrpc":"2.0","method":"exit"}"#);
    for (bytes, why) in [
        (String::new(), "closed the connection without `shutdown`"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "without `Content-Length`"),
        ("Content-Length: 40000000000\r\n\r\n{}".to_owned(), "at most 64 MiB"),
        ("Content-Length: 5000000\r\n\r\n{}".to_owned(), "after 2 of 5000000 bytes"),
        (hello.clone(), "closed the connection without `shutdown`"),
        (hello.clone() + &framed(r#"{"jsonrpc":"2.0","method":"exit"}"#), "`exit` without `shutdown`"),
        (bye.clone(), "expected initialize request"),
    ] {
        let (code, _, stderr) = talk(bytes.as_bytes());
        assert_eq!(code, Some(2), "{bytes}: {stderr}");
        assert!(stderr.starts_with("error: language server: ") && stderr.contains(why), "{stderr}");
    }
    let odd = [framed("{{{"), framed("[1]"), framed(&"[".repeat(50_000)), framed("null")].concat();
    let (code, stdout, stderr) = talk((hello + &odd + &bye).as_bytes());
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!((stdout.matches("-32700").count(), stdout.matches("-32600").count()), (2, 2), "{stdout}");
    assert!(stdout.ends_with("\"id\":9,\"result\":null}"), "{stdout}");
}
