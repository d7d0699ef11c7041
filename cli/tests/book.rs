//! Checks the book: every command in it is run and prints what the page shows, and every link has a target.
//!
//! `TRYCMD=overwrite` writes the current output of the tool into the pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory;
use ringfence_cli::args::Cli;

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
    ("sbsign ", "needs a key; `cargo xtask test --boot efi-secure-boot` makes one and signs with it"),
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

fn have_dtc() -> bool {
    let have = Command::new("dtc").arg("-v").output().is_ok();
    if !have {
        println!("SKIPPED: dtc is missing (Debian: device-tree-compiler)");
    }
    have
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

/// Returns a sentinel's ring with one access to a carveout (`sentinel/src/ring.rs`).
fn ring() -> Vec<u8> {
    let mut words = vec![u64::from_le_bytes(*b"RFSENT01"), 1, 1_000_000, 1];
    words.resize(16, 0);
    words.extend([0x8430_0000, 0x8480_0000]);
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.extend(b"camera@84300000");
    bytes.resize((16 + 64 * 6) * 8, 0);
    let record =
        [1 << 8 | 1, 12_500_000, 0, 0x8430_0000, 0x4c_7ed8, 0xffff_9d28_e000, 0x9200_0007 | 1 << 32, 0];
    bytes.extend(record.iter().flat_map(|word: &u64| word.to_le_bytes()));
    bytes.resize(16 << 10, 0);
    bytes
}

/// Writes the project that most pages use. `board` is a phone whose camera has grown into its neighbour, as
/// source and as blob; `known-good` is the same before that, `shrunk` gives the neighbour less memory, and
/// `phone` lacks `ranges`.
fn project(directory: &Path) {
    let put = |name: &str, bytes: &[u8]| fs::write(directory.join(name), bytes).unwrap();
    let board = include_str!("book/board.dts");
    let good = board.replace("0x700000", "0x500000");
    fs::create_dir(directory.join("boards")).unwrap();
    let shrunk = good.replace("0x1900000", "0x1800000");
    let phone = good.replace("\t\tranges;\n", "");
    let trees = [("board", board), ("known-good", &good), ("shrunk", &shrunk), ("phone", &phone)];
    let sources = trees.into_iter().chain([("boards/phone", good.as_str())]);
    for (name, source) in sources {
        let source_file = directory.join(format!("{name}.dts"));
        fs::write(&source_file, source).unwrap();
        let blob = directory.join(format!("{name}.dtb"));
        let dtc = Command::new("dtc").args(["-q", "-O", "dtb", "-o"]).arg(&blob).arg(&source_file).status();
        assert!(dtc.unwrap().success());
    }
    for release in ["dtbs-6.12", "dtbs-7.0"] {
        fs::create_dir(directory.join(release)).unwrap();
        fs::copy(directory.join("board.dtb"), directory.join(release).join("board.dtb")).unwrap();
    }
    let mut image = vec![0; 0x1_0000];
    image[0x10..0x18].copy_from_slice(&0x50_0000_u64.to_le_bytes());
    image[0x18..0x20].copy_from_slice(&0xa_u64.to_le_bytes());
    image[0x38..0x3c].copy_from_slice(b"ARM\x64");
    put("Image", &image);
    let slot = ringfence::payload::console_slot::SLOT.start;
    image[slot..][..16].copy_from_slice(&ringfence::payload::console_slot::MAGIC);
    add_pe_headers(&mut image);
    put("ringfence.img", &image);
    fs::copy(directory.join("known-good.dtb"), directory.join("loader.dtb")).unwrap();
    put("initrd.img", b"ramdisk");
    put("memmap.txt", include_bytes!("../../src/rules/rf704_free_in_efi_map/memmap.txt"));
    put("board.toml", b"[cma]\nsize = \"64 MiB\"\n");
}

fn maps(directory: &Path) {
    for tree in ["old.dts", "new.dts"] {
        let golden = root().join("cli/tests/golden/maps.in");
        fs::copy(golden.join(tree), directory.join(tree)).unwrap();
    }
}

/// Writes scenario trees under the page's names, and the tutorial's policy.
fn scenarios(directory: &Path, trees: &[(&str, &str)]) {
    let scenarios = root().join("qemu/scenarios");
    let board = fs::read_to_string(scenarios.join("virt-4g.dtsi")).unwrap();
    fs::write(directory.join("virt-4g.dtsi"), board.replace("../boards/", "")).unwrap();
    fs::copy(root().join("qemu/boards/virt.dtsi"), directory.join("virt.dtsi")).unwrap();
    for (name, scenario) in trees {
        let source = fs::read_to_string(scenarios.join(scenario)).unwrap();
        fs::write(directory.join(name), source.replace("../virt-4g.dtsi", "virt-4g.dtsi")).unwrap();
    }
    fs::write(directory.join("board.toml"), include_str!("book/tutorial.toml")).unwrap();
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

/// Makes an arm64 `Image` one that is an EFI image, too, as the stage is.
fn add_pe_headers(image: &mut [u8]) {
    /// Where the headers are, out of the way of everything else on the first page.
    const PE: usize = 0x400;
    let optional = PE + 24;
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x3c, &(PE as u32).to_le_bytes());
    put(PE, b"PE\0\0\x64\xaa");
    put(PE + 20, &160_u16.to_le_bytes());
    put(optional, &0x20b_u16.to_le_bytes());
    // Alignments, sizes of the image and of the headers, and the number of directories.
    for (field, value) in [(32, 0x1000_u32), (36, 0x200), (56, 0x50_0000), (60, 0x1000), (108, 6)] {
        put(optional + field, &value.to_le_bytes());
    }
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
