//! The page that compares ringfence with other tools: every command on it does what the page says of it.
//! Tools that are missing are skipped, and named; `cargo xtask recipes` has them all.

mod workdir;

use std::fs;
use std::path::Path;
use std::process::Command;

use workdir::WorkDir;

/// Needs a board; `cargo xtask qemu` is run by hand, and the page shows what it printed.
const BOOTS: &str = "cargo xtask qemu ";

#[test]
fn each_tool_finds_what_the_page_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs/comparison.md")).unwrap();
    let directory = WorkDir::new();
    directory.put("board.dts", include_str!("book/board.dts"));
    let tool = Path::new(env!("CARGO_BIN_EXE_ringfence")).parent().unwrap();
    let path = format!("{}:{}", tool.display(), std::env::var("PATH").unwrap());
    let mut ran = Vec::new();
    let scripts = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    for line in scripts.flat_map(str::lines).filter(|line| !line.starts_with(BOOTS)) {
        let (command, code) = line.split_once("# exit ").unwrap_or_else(|| panic!("no exit code: {line}"));
        let program = command.split(' ').next().unwrap();
        let found = std::env::split_paths(&path).any(|directory| directory.join(program).is_file());
        let input = command.split_whitespace().rfind(|word| word.starts_with(['b', 'o'])).unwrap();
        if !found || (program == "ringfence" && !directory.path(input).exists()) {
            println!("SKIPPED: {command}: {program} or what it would have written is missing");
            continue;
        }
        let mut bash = Command::new("bash");
        let output =
            bash.args(["-c", command]).env("PATH", &path).current_dir(directory.dir()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code.trim().parse().unwrap()), "{command}: {said}");
        let finds = said.contains("overlap");
        assert_eq!(finds, program == "ringfence", "{command}: {said}");
        ran.push(program.to_owned());
    }
    if ran.is_empty() {
        return;
    }
    println!("ran: {}", ran.join(", "));
    assert!(ran.contains(&"ringfence".to_owned()));
}
