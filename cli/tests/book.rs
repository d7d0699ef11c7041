//! Checks the book: every command in it is run and prints what the page shows, and every link has a target.
//!
//! `TRYCMD=overwrite` writes the current output of the tool into the pages.

#[path = "book/project.rs"]
mod project;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory;
use ringfence_cli::args::Cli;

use project::{maps, project, ring, scenarios};

use tools::have_dtc;

/// Writes the files that a page uses to a directory.
type Fill = fn(&Path);

/// Pages whose `console` blocks are run in order, in a directory that this function fills.
const CONSOLE: &[(&str, Fill)] = &[
    ("README.md", project),
    ("docs/after-boot.md", |directory| {
        fs::write(directory.join("board.dts"), include_str!("book/booted.dts")).unwrap();
        let log = include_str!("book/boot.log");
        fs::write(directory.join("boot.log"), log).unwrap();
        // The kernel that lost a carveout.
        let lost: String =
            log.lines().filter(|line| !line.contains("wpss")).map(|line| format!("{line}\n")).collect();
        fs::write(directory.join("other.log"), lost).unwrap();
    }),
    ("docs/bundle.md", project),
    ("docs/config.md", |directory| {
        project(directory);
        fs::write(directory.join("ringfence.toml"), "inputs = [\"boards/*.dts\"]\n").unwrap();
    }),
    ("docs/maps.md", maps),
    ("docs/output.md", project),
    ("docs/policy.md", |directory| {
        project(directory);
        // The page writes it.
        fs::remove_file(directory.join("board.toml")).unwrap();
    }),
    ("docs/sentinel.md", |directory| {
        project(directory);
        fs::write(directory.join("watching.toml"), "[sentinel]\n").unwrap();
        fs::write(directory.join("ring.bin"), ring()).unwrap();
    }),
    ("docs/tutorial-qualcomm.md", |directory| {
        scenarios(
            directory,
            &[("board.dts", "good/q05-qcom-full.dts"), ("grown.dts", "broken/b01-overlap.dts")],
        );
    }),
    ("docs/tutorial-xilinx.md", |directory| {
        scenarios(
            directory,
            &[("buffer.dts", "good/x01-xlnx-nomap.dts"), ("default.dts", "good/x03-xlnx-cma-default.dts")],
        );
    }),
];

/// Pages whose commands other tests run: those of `ci.rs` and `comparison.rs`.
const ELSEWHERE: &[&str] = &["docs/ci.md", "docs/comparison.md"];

/// Commands that this host cannot run, by prefix, with the reason.
const NOT_HERE: &[(&str, &str)] = &[
    ("cargo xtask ", "the proving ground, which runs this test itself"),
    ("cargo install ", "builds the tool again; the action does it, and `cargo xtask dist`"),
    (
        "ukify build ",
        "systemd's tool; `cargo xtask test --boot efi-unified-image` runs it with these options",
    ),
    ("efibootmgr ", "writes to the firmware; `cargo xtask test --boot efi-variable` boots such a variable"),
    ("sbsign ", "needs a key; `cargo xtask test --boot efi-secure-boot` makes one and signs with it"),
    ("ls -d /sys/", "asks the board"),
    ("grep -ohE ", "asks the board"),
    ("sudo apt install ", "`cargo xtask packages` installs and removes the packages of a release"),
    ("pip install ./ringfence-", "`cargo xtask packages` installs and removes the packages of a release"),
    ("tar -xzf ringfence-", "the action unpacks a release, and `action.rs` runs it"),
    ("mkbootimg ", "an external tool, for boards that are not available"),
];

/// Commands that trycmd cannot run, and their replacements.
const IN_PLACE: &[(&str, &str)] = &[(
    "$ ringfence map --fix --unsafe --format html new.dts > map.html\n",
    "$ ringfence map --fix --unsafe --format html new.dts\n...\n",
)];

/// Languages of blocks that hold no commands.
const DATA: &[&str] =
    &["bitbake", "diff", "dts", "ini", "json", "lisp", "lua", "text", "toml", "uboot", "yaml"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the pages at the root of the project and those of the book, by path from the root.
fn pages() -> Vec<String> {
    let entries = fs::read_dir(root().join("docs")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pages: Vec<String> =
        names.filter(|name| name.ends_with(".md")).map(|name| format!("docs/{name}")).collect();
    pages.extend(["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"].map(String::from));
    pages.sort();
    pages
}

/// Returns the fenced blocks of a page: language and text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            if !inside {
                blocks.push((language.to_string(), String::new()));
            }
            inside = !inside;
        } else if inside && let Some((_, text)) = blocks.last_mut() {
            *text += line;
            text.push('\n');
        }
    }
    assert!(!inside, "{page}: a block does not end");
    blocks
}

/// Returns the command lines of a shell script, joined and without comments, each with the exit code that a
/// comment `# exit N` announces.
fn commands(script: &str) -> Vec<(String, i32)> {
    let joined = script.replace("\\\n", " ");
    let lines = joined.lines().map(|line| line.split_once(" #").unwrap_or((line, "")));
    let lines = lines.filter(|(line, _)| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|(line, comment)| {
            let code = comment.trim().strip_prefix("exit ").and_then(|rest| rest.get(..1));
            (line.trim().to_string(), code.map_or(0, |digit| digit.parse().unwrap()))
        })
        .collect()
}

#[test]
fn every_page_shows_what_the_tool_prints() {
    if !have_dtc() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut copies = Vec::new();
    for (page, fill) in CONSOLE {
        let name = Path::new(page).file_stem().unwrap().to_str().unwrap();
        let inputs = directory.path().join(format!("{name}.in"));
        fs::create_dir(&inputs).unwrap();
        fill(&inputs);
        let mut text = fs::read_to_string(root().join(page)).unwrap();
        for (ours, theirs) in IN_PLACE {
            text = text.replace(ours, theirs);
        }
        let copy = directory.path().join(format!("{name}.md"));
        fs::write(&copy, text).unwrap();
        copies.push((page, copy));
    }
    {
        let cases = trycmd::TestCases::new();
        for (_, copy) in &copies {
            cases.case(copy);
        }
    }
    if std::env::var("TRYCMD").is_ok_and(|word| word == "overwrite") {
        for (page, copy) in &copies {
            let mut text = fs::read_to_string(copy).unwrap();
            for (ours, theirs) in IN_PLACE {
                text = text.replace(theirs, ours);
            }
            fs::write(root().join(page), text).unwrap();
        }
    }
}

#[test]
fn every_script_runs() {
    if !have_dtc() {
        return;
    }
    let tool = Path::new(env!("CARGO_BIN_EXE_ringfence")).parent().unwrap().display().to_string();
    let path = format!("{tool}:{}", std::env::var("PATH").unwrap());
    let mut ran = 0;
    for page in pages().iter().filter(|page| !ELSEWHERE.contains(&page.as_str())) {
        let directory = tempfile::tempdir().unwrap();
        project(directory.path());
        if blocks(page).iter().any(|(_, text)| text.contains("ringfence policy init")) {
            fs::remove_file(directory.path().join("board.toml")).unwrap();
        }
        for (_, script) in blocks(page).iter().filter(|(language, _)| language == "sh") {
            for (command, code) in commands(script).iter().filter(|(command, _)| is_ours(command)) {
                let mut bash = Command::new("bash");
                bash.args(["-o", "pipefail", "-c", command]).env("PATH", &path);
                let output = bash.current_dir(directory.path()).output().unwrap();
                let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.code(), Some(*code), "{page}: {command}\n{said}");
                ran += 1;
            }
        }
    }
    assert!(ran >= 5, "only {ran} commands were run");
}

fn is_ours(command: &str) -> bool {
    command.starts_with("ringfence ")
}

/// Checks that each command is run, or is on one of the lists above.
#[test]
fn no_command_is_left_out() {
    let mut unused: Vec<&str> = NOT_HERE.iter().map(|(start, _)| *start).collect();
    for page in pages() {
        let elsewhere = ELSEWHERE.contains(&page.as_str());
        for (language, text) in blocks(&page) {
            let block = format!("{page}: ```{language}\n{text}");
            match language.as_str() {
                "console" => {
                    assert!(CONSOLE.iter().any(|(name, _)| *name == page), "no test runs this: {block}");
                    let mut lines = text.lines().filter_map(|line| line.strip_prefix("$ "));
                    assert!(lines.all(is_ours), "trycmd runs the tool only: {block}");
                }
                "sh" if elsewhere => {}
                "sh" => {
                    for (command, _) in commands(&text).iter().filter(|(command, _)| !is_ours(command)) {
                        let known = NOT_HERE.iter().find(|(start, _)| command.starts_with(start));
                        let (start, _) =
                            known.unwrap_or_else(|| panic!("{page}: no test runs this: {command}"));
                        unused.retain(|other| other != start);
                    }
                }
                language if DATA.contains(&language) => {
                    let is_command = |line: &str| {
                        let mut words = line.split_whitespace();
                        let first = words.next().unwrap_or_default();
                        first == "$" || first == "ringfence" || (first == "cargo" && words.next().is_some())
                    };
                    let hidden = text.lines().find(|line| !elsewhere && is_command(line));
                    assert!(hidden.is_none(), "a command in a block of data: {block}");
                }
                _ => panic!("say what this block is, one of {DATA:?}, sh or console: {block}"),
            }
        }
    }
    assert!(unused.is_empty(), "no page has these any more: {unused:?}");
}

/// Checks that the tool has the commands and options in running text.
#[test]
fn commands_in_the_text_exist() {
    let mut seen = 0;
    for page in pages() {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        for span in text.split('`').filter_map(|span| span.strip_prefix("ringfence ")) {
            if span.contains('\n') || span.starts_with('|') {
                continue;
            }
            let words: Vec<&str> = span.split_whitespace().collect();
            let mut command = Cli::command();
            let mut at = 0;
            while let Some(next) = words.get(at).and_then(|word| command.find_subcommand(word)).cloned() {
                command = next;
                at += 1;
            }
            assert!(at > 0, "{page}: no such command: `ringfence {span}`");
            for flag in words.iter().filter_map(|word| word.strip_prefix("--")) {
                let known = command.get_arguments().any(|argument| argument.get_long() == Some(flag));
                assert!(known, "{page}: no flag --{flag}: `ringfence {span}`");
            }
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} commands were found");
}

#[test]
fn the_policy_of_the_tutorial_is_the_one_that_the_page_shows() {
    let page = fs::read_to_string(root().join("docs/tutorial-qualcomm.md")).unwrap();
    assert!(page.contains(include_str!("book/tutorial.toml")));
}

#[test]
fn every_page_is_in_the_summary_and_every_link_leads_somewhere() {
    let summary = fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    let mut links = 0;
    for page in pages() {
        if let Some(name) = page.strip_prefix("docs/") {
            assert!(
                name == "SUMMARY.md" || summary.contains(&format!("({name})")),
                "{name} is not in SUMMARY.md"
            );
        }
        let path = root().join(&page);
        let text = fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            if target.contains("://") || target.contains(char::is_whitespace) {
                continue;
            }
            assert!(
                !(page.starts_with("docs/") && file.starts_with("..")),
                "{page}: {target} is outside the book"
            );
            let file = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(file.exists(), "{page}: {target} does not exist");
            if !anchor.is_empty() {
                let headings = fs::read_to_string(&file).unwrap();
                let found = headings.lines().any(|line| line.starts_with('#') && slug(line) == anchor);
                assert!(found, "{page}: {target} has no such heading");
            }
            links += 1;
        }
    }
    assert!(links > 20, "only {links} links were found");
}

/// Returns the anchor of a heading, as mdBook and GitHub make it.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
