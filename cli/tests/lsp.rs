//! The language server as an editor sees it: a scripted client over pipes.

mod tools;
mod workdir;

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use lsp_server::{Message, Notification, Request};
use serde_json::{Value, json};

use tools::have_dtc;
use workdir::WorkDir;

const BOARD: &str = include_str!("book/board.dts");

/// An editor with a server. A test that ends without [`Client::end`] kills it.
struct Client {
    server: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    last_id: i32,
    /// Diagnostics by URI, as last published.
    shown: std::collections::BTreeMap<String, Vec<Value>>,
    initialized: Value,
}

impl Client {
    fn start(directory: &Path, args: &[&str], capabilities: Value) -> Self {
        let mut server = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        server.arg("lsp").args(args).current_dir(directory);
        let mut server = server.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (server.stdin.take().unwrap(), BufReader::new(server.stdout.take().unwrap()));
        let mut client =
            Self { server, to, from, last_id: 0, shown: Default::default(), initialized: Value::Null };
        client.initialized = client.ask("initialize", json!({ "capabilities": capabilities }));
        client.tell("initialized", json!({}));
        client
    }

    fn tell(&mut self, method: &str, params: Value) {
        let message: Message = Notification::new(method.to_owned(), params).into();
        message.write(&mut self.to).unwrap();
    }

    /// Sends a request and returns its answer, an error as `{ "error": code }`.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let message: Message = Request::new(self.last_id.into(), method.to_owned(), params).into();
        message.write(&mut self.to).unwrap();
        loop {
            match self.next() {
                Message::Response(response) if response.id == self.last_id.into() => {
                    let response = serde_json::to_value(response).unwrap();
                    let code = response["error"]["code"].clone();
                    return if code.is_null() {
                        response["result"].clone()
                    } else {
                        json!({ "error": code })
                    };
                }
                Message::Notification(notification) => self.keep(notification),
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Message {
        Message::read(&mut self.from).unwrap().expect("the server ended")
    }

    fn keep(&mut self, notification: Notification) {
        assert_eq!(notification.method, "textDocument/publishDiagnostics");
        let uri = notification.params["uri"].as_str().unwrap().to_owned();
        self.shown.insert(uri, notification.params["diagnostics"].as_array().unwrap().clone());
    }

    /// Waits for the next diagnostics of a file.
    fn diagnostics(&mut self, file: &Path) -> Vec<Value> {
        self.shown.remove(&uri(file));
        loop {
            if let Some(found) = self.shown.get(&uri(file)) {
                return found.clone();
            }
            if let Message::Notification(notification) = self.next() {
                self.keep(notification);
            }
        }
    }

    fn open(&mut self, file: &Path, text: &str) {
        let document = json!({ "uri": uri(file), "languageId": "dts", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    fn change(&mut self, file: &Path, version: i32, text: &str) {
        let document = json!({ "uri": uri(file), "version": version });
        let changes = json!([{ "text": text }]);
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    fn hover(&mut self, file: &Path, (line, character): (usize, usize)) -> Option<String> {
        let position = json!({ "line": line, "character": character });
        let params = json!({ "textDocument": { "uri": uri(file) }, "position": position });
        let answer = self.ask("textDocument/hover", params);
        answer["contents"]["value"].as_str().map(str::to_owned)
    }

    fn actions(&mut self, file: &Path, range: &Value) -> Vec<Value> {
        let context = json!({ "diagnostics": [] });
        let params = json!({ "textDocument": { "uri": uri(file) }, "range": range, "context": context });
        self.ask("textDocument/codeAction", params).as_array().unwrap().clone()
    }

    /// Ends the server as the protocol has it.
    fn end(mut self) {
        assert_eq!(self.ask("shutdown", Value::Null), Value::Null);
        self.tell("exit", Value::Null);
        assert!(self.server.wait().unwrap().success());
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn uri(file: &Path) -> String {
    format!("file://{}", file.display())
}

/// Returns where a text begins, as an editor counts it.
fn find(text: &str, what: &str) -> (usize, usize) {
    let at = text.find(what).unwrap_or_else(|| panic!("no {what}"));
    let before = &text[..at];
    (before.matches('\n').count(), at - before.rfind('\n').map_or(0, |line| line + 1))
}

/// Applies the edits of an action to a text of which every character is one unit.
fn applied(text: &str, edits: &Value) -> String {
    let offset = |position: &Value| {
        let line = position["line"].as_u64().unwrap() as usize;
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        start + position["character"].as_u64().unwrap() as usize
    };
    let mut edits = edits.as_array().unwrap().clone();
    edits.sort_by_key(|edit| std::cmp::Reverse(offset(&edit["range"]["start"])));
    let mut out = text.to_owned();
    for edit in edits {
        let range = offset(&edit["range"]["start"])..offset(&edit["range"]["end"]);
        out.replace_range(range, edit["newText"].as_str().unwrap());
    }
    out
}

fn codes(diagnostics: &[Value]) -> Vec<&str> {
    diagnostics.iter().map(|found| found["code"].as_str().unwrap_or("")).collect()
}

/// Returns a directory with a board on disk that is right, or `None` where there is no compiler.
fn project() -> Option<(WorkDir, PathBuf)> {
    if !have_dtc() {
        return None;
    }
    let directory = WorkDir::new();
    directory.put("board.dts", BOARD.replace("0x700000", "0x500000"));
    let board = directory.path("board.dts").canonicalize().unwrap();
    Some((directory, board))
}

#[test]
fn findings_follow_what_is_typed_and_not_the_file() {
    let Some((directory, board)) = project() else { return };
    let mut client = Client::start(directory.dir(), &["--stdio"], json!({}));
    assert_eq!(client.initialized["capabilities"]["positionEncoding"], "utf-16");
    assert_eq!(client.initialized["serverInfo"]["name"], "ringfence");
    client.open(&board, BOARD);
    let found = client.diagnostics(&board);
    assert_eq!(codes(&found), ["RF201"]);
    let (line, column) = find(BOARD, "reg = <0x0 0x84300000");
    assert_eq!(found[0]["range"]["start"], json!({ "line": line, "character": column }));
    assert_eq!((&found[0]["severity"], &found[0]["source"]), (&json!(1), &json!("ringfence")));
    assert!(found[0]["message"].as_str().unwrap().contains("overlaps wpss@84800000 by 2 MiB"), "{found:?}");
    let related = &found[0]["relatedInformation"][0];
    assert_eq!(related["location"]["range"]["start"]["line"], find(BOARD, "reg = <0x0 0x84800000").0);

    client.change(&board, 2, &BOARD.replace("0x700000", "0x500000"));
    assert_eq!(client.diagnostics(&board), Vec::<Value>::new());
    // A half-typed line is an error of the compiler, at its place.
    let broken = BOARD.replace("reg = <0x0 0x84300000 0x0 0x700000>;", "reg = <0x0 0x843");
    client.change(&board, 3, &broken);
    let found = client.diagnostics(&board);
    assert!(found[0]["message"].as_str().unwrap().contains("syntax error"), "{found:?}");
    assert!(found[0]["range"]["start"]["line"].as_u64().unwrap() >= line as u64, "{found:?}");
    let close = json!({ "textDocument": { "uri": uri(&board) } });
    client.tell("textDocument/didClose", close);
    assert_eq!(client.diagnostics(&board), Vec::<Value>::new(), "what is closed shows nothing");
    client.end();
}

#[test]
fn the_configuration_is_that_of_the_file() {
    let Some((directory, board)) = project() else { return };
    directory.put("headers/sizes.h", "#define CAMERA 0x700000\n");
    directory.put("soc.dtsi", "/ { soc { }; };\n");
    let mut client = Client::start(directory.dir(), &[], json!({}));
    let text = BOARD
        .replace("/dts-v1/;", "/dts-v1/;\n#include <sizes.h>\n#include \"soc.dtsi\"")
        .replace("0x700000", "CAMERA");
    client.open(&board, &text);
    let found = client.diagnostics(&board);
    assert!(found[0]["message"].as_str().unwrap().contains("sizes.h: No such file"), "{found:?}");
    assert_eq!(found[0]["range"]["start"]["line"], find(&text, "#include <sizes.h>").0);

    directory.put("ringfence.toml", "include = [\"headers\"]\n[severity]\noverlap = \"warning\"\n");
    client.tell("workspace/didChangeWatchedFiles", json!({ "changes": [] }));
    let found = client.diagnostics(&board);
    assert_eq!((codes(&found), &found[0]["severity"]), (vec!["RF201"], &json!(2)));

    let config = directory.path("ringfence.toml").canonicalize().unwrap();
    directory.put("ringfence.toml", "include = [\"headers\"]\n\nkernel = 1\n");
    client.tell("textDocument/didSave", json!({ "textDocument": { "uri": uri(&config) } }));
    let found = client.diagnostics(&config);
    assert_eq!(found[0]["range"]["start"], json!({ "line": 2, "character": 0 }), "{found:?}");
    client.end();
}

#[test]
fn findings_in_a_header_are_shown_there() {
    let Some((directory, board)) = project() else { return };
    let text = "/dts-v1/;\n#include \"carveouts.dtsi\"\n";
    directory.put("carveouts.dtsi", BOARD.replace("/dts-v1/;", ""));
    let header = directory.path("carveouts.dtsi").canonicalize().unwrap();
    let mut client = Client::start(directory.dir(), &[], json!({}));
    client.open(&board, text);
    assert_eq!(codes(&client.diagnostics(&header)), ["RF201"]);
    assert_eq!(client.shown[&uri(&board)], Vec::<Value>::new());
    let content = std::fs::read_to_string(&header).unwrap();
    client.open(&header, &content);
    let hover = client.hover(&header, find(&content, "0x84300000")).unwrap();
    assert!(hover.starts_with("**camera@84300000** carveout"), "{hover}");
    client.end();
}

#[test]
fn hover_shows_the_region_in_the_map_and_who_shares_it() {
    let Some((directory, board)) = project() else { return };
    let user = "\tuser { memory-region = <&camera_mem>; };\n\n\treserved-memory {";
    let text = BOARD.replace("\treserved-memory {", user);
    let mut client = Client::start(directory.dir(), &[], json!({}));
    client.open(&board, &text);
    for place in ["camera@84300000", "0x84300000", "camera_mem>"] {
        let hover = client.hover(&board, find(&text, place)).unwrap_or_else(|| panic!("nothing at {place}"));
        assert!(hover.starts_with("**camera@84300000** carveout, 7 MiB, `no-map`\n"), "{hover}");
        assert!(hover.contains("shares 2 MiB at `0x84800000` with **wpss@84800000** (carveout)"), "{hover}");
        assert!(hover.contains("\n> 0x0084300000..0x0084a00000       7 MiB carveout"), "{hover}");
        assert!(hover.contains("\n  0x0084800000..0x0086100000      25 MiB carveout"), "{hover}");
    }
    let ram = client.hover(&board, find(&text, "memory@")).unwrap();
    assert!(ram.contains("ram") && !ram.contains("```"), "{ram}");
    assert_eq!(client.hover(&board, find(&text, "user")), None, "a node without memory");
    assert_eq!(client.hover(&board, (9999, 0)), None);
    client.end();
}

#[test]
fn actions_are_the_repairs_and_repair() {
    let Some((directory, board)) = project() else { return };
    let text = BOARD.replace("\t\tranges;\n", "");
    assert_ne!(text, BOARD);
    let text = text.replace("0x700000", "0x500000");
    let mut client =
        Client::start(directory.dir(), &[], json!({ "general": { "positionEncodings": ["utf-8"] } }));
    assert_eq!(client.initialized["capabilities"]["positionEncoding"], "utf-8");
    client.open(&board, &text);
    let found = client.diagnostics(&board);
    assert_eq!(codes(&found), ["RF102"]);
    let actions = client.actions(&board, &found[0]["range"]);
    assert_eq!(actions.len(), 1, "{actions:?}");
    assert!(actions[0]["title"].as_str().unwrap().starts_with("RF102: "), "{actions:?}");
    let repaired = applied(&text, &actions[0]["edit"]["changes"][uri(&board)]);
    client.change(&board, 2, &repaired);
    assert_eq!(client.diagnostics(&board), Vec::<Value>::new(), "{repaired}");
    let elsewhere = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 0, "character": 0 } });
    client.change(&board, 3, &text);
    assert_eq!(client.actions(&board, &elsewhere), Vec::<Value>::new());
    client.end();
}

/// What moves memory is offered where the board's policy permits it, as `fix` has it.
#[test]
fn a_repair_that_needs_a_permission_is_offered_under_it() {
    let Some((directory, board)) = project() else { return };
    let mut client = Client::start(directory.dir(), &[], json!({}));
    client.open(&board, BOARD);
    let found = client.diagnostics(&board);
    assert!(found[0]["message"].as_str().unwrap().contains("repair: "), "{found:?}");
    assert_eq!(client.actions(&board, &found[0]["range"]), Vec::<Value>::new());
    directory.put("policy.toml", "mode = \"fix\"\n[allow]\nshift = true\n");
    directory.put("ringfence.toml", "[[board]]\npolicy = \"policy.toml\"\n");
    client.tell("textDocument/didSave", json!({ "textDocument": { "uri": uri(&board) } }));
    let found = client.diagnostics(&board);
    let actions = client.actions(&board, &found[0]["range"]);
    let repaired = applied(BOARD, &actions[0]["edit"]["changes"][uri(&board)]);
    client.change(&board, 2, &repaired);
    assert_eq!(client.diagnostics(&board), Vec::<Value>::new(), "{repaired}");
    client.end();
}

#[test]
fn what_is_not_understood_is_answered_and_survived() {
    let Some((directory, board)) = project() else { return };
    let watching = json!({ "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } } });
    let mut client = Client::start(directory.dir(), &[], watching);
    assert_eq!(client.ask("textDocument/rename", json!({})), json!({ "error": -32601 }));
    assert_eq!(client.ask("textDocument/hover", json!({ "position": 1 })), json!({ "error": -32602 }));
    client.tell("textDocument/didOpen", json!({ "textDocument": 7 }));
    client.tell("$/unknown", json!(null));
    let untitled = json!({ "uri": "untitled:1", "languageId": "dts", "version": 1, "text": BOARD });
    client.tell("textDocument/didOpen", json!({ "textDocument": untitled }));
    for (version, text) in [(1, ""), (2, "\u{0}\u{feff}ä"), (3, "/dts-v1/;")] {
        client.open(&board, text);
        assert!(!client.diagnostics(&board).is_empty(), "{version}");
    }
    client.open(&board, &BOARD.replace('\n', "\r\n"));
    assert_eq!(codes(&client.diagnostics(&board)), ["RF201"]);
    client.end();
}

/// The overlay is checked as the tree that it makes of its base.
#[test]
fn overlays_are_checked_on_their_base() {
    let Some((directory, board)) = project() else { return };
    let overlay = directory.dir().canonicalize().unwrap().join("larger.dtso");
    let text = "/dts-v1/;\n/plugin/;\n&camera_mem {\n\treg = <0x0 0x84300000 0x0 0x700000>;\n};\n";
    let mut client = Client::start(directory.dir(), &["--base", board.to_str().unwrap()], json!({}));
    client.open(&overlay, text);
    assert_eq!(codes(&client.diagnostics(&overlay)), ["RF201"]);
    client.change(&overlay, 2, &text.replace("0x700000", "0x400000"));
    assert_eq!(client.diagnostics(&overlay), Vec::<Value>::new());
    // The base is for overlays: a board beside them is judged as it is.
    client.open(&board, BOARD);
    assert_eq!(codes(&client.diagnostics(&board)), ["RF201"]);
    std::fs::remove_file(&board).unwrap();
    client.change(&board, 2, &BOARD.replace("0x700000", "0x500000"));
    assert_eq!(client.diagnostics(&board), Vec::<Value>::new());
    client.end();

    // The include paths of the configuration are those of the base, too.
    directory.put("headers/sizes.h", "#define CAMERA 0x500000\n");
    directory.put("ringfence.toml", "include = [\"headers\"]\n");
    let with_header =
        BOARD.replace("/dts-v1/;", "/dts-v1/;\n#include <sizes.h>").replace("0x700000", "CAMERA");
    directory.put("board.dts", with_header);
    let mut client = Client::start(directory.dir(), &["--base", board.to_str().unwrap()], json!({}));
    client.open(&overlay, text);
    assert_eq!(codes(&client.diagnostics(&overlay)), ["RF201"]);
    client.end();

    let mut client = Client::start(directory.dir(), &[], json!({}));
    client.open(&overlay, text);
    let found = client.diagnostics(&overlay);
    assert!(found[0]["message"].as_str().unwrap().contains("--base"), "{found:?}");
    client.end();

    // Its board may name the base, of which a board that is open has no use.
    directory.put("ringfence.toml", "include = [\"headers\"]\n[[board]]\nbase = \"board.dts\"\n");
    let mut client = Client::start(directory.dir(), &[], json!({}));
    client.open(&overlay, text);
    assert_eq!(codes(&client.diagnostics(&overlay)), ["RF201"]);
    client.open(&board, BOARD);
    assert_eq!(codes(&client.diagnostics(&board)), ["RF201"]);
    client.end();
}

/// The extension for VS Code is what the page says, and its code can be parsed.
#[test]
fn the_extension_starts_the_server_for_the_sources() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../editors/vscode");
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(directory.join("package.json")).unwrap()).unwrap();
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    let main = directory.join(manifest["main"].as_str().unwrap());
    let page = std::fs::read_to_string(directory.join("../../docs/editors.md")).unwrap();
    let settings = manifest["contributes"]["configuration"]["properties"].as_object().unwrap();
    for name in settings.keys() {
        assert!(page.contains(&format!("\"{name}\"")), "{name} is not described");
    }
    match Command::new("node").arg("--check").arg(&main).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => println!("SKIPPED: node is missing"),
    }
}
