//! Checks how the project is written: without the phrases that are never right (`docs/style.md`), and within
//! the limits for files and lines.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::{Regex, RegexBuilder};

/// Phrases that are never right.
const NEVER: &[&str] = &[
    r"policy's word",
    r"held against",
    r"holds? (it|them) against",
    r"\bmended\b",
    r"in the midst of",
    r"search by halves",
    r"when nobody",
    r"of last resort",
    r"is spelled so",
    r"in so many words",
    r"stands (behind|in front)",
    r"\b(is|are) no (power|multiple|TOML|bundle|kernel|RAM|JSON)\b",
];

/// Files that list the phrases.
const LISTS: &[&str] = &["cli/tests/language.rs", "docs/style.md"];

/// Texts of others, and what Linux printed.
const FOREIGN: &[&str] =
    &["LICENSE-APACHE", "cli/tests/schema/sarif-2.1.0.json", "qemu/scenarios/golden.json"];

/// Longest source file, in lines.
const MAX_LINES: usize = 400;
/// Highest median length of the Rust files, in lines.
const MAX_MEDIAN: usize = 95;
/// Longest line of a source file, in columns; a tab counts as four.
const MAX_COLUMNS: usize = 110;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the project's files, those of `git` where there is one, by path from the root.
fn files() -> Vec<String> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    let listed = git.output().ok().filter(|output| output.status.success());
    let mut files: Vec<String> = match listed {
        Some(output) => String::from_utf8(output.stdout).unwrap().split('\0').map(String::from).collect(),
        None => {
            let skipped =
                |entry: &walkdir::DirEntry| matches!(entry.file_name().to_str(), Some("target" | ".git"));
            let all = walkdir::WalkDir::new(root()).into_iter().filter_entry(move |entry| !skipped(entry));
            let paths = all.map(|entry| entry.unwrap().into_path());
            paths.map(|path| path.strip_prefix(root()).unwrap().display().to_string()).collect()
        }
    };
    files.retain(|file| root().join(file).is_file());
    files.sort();
    assert!(files.len() > 500, "only {} files were found", files.len());
    files
}

/// Returns the text of a file, or `None` for one that is not text.
fn text(file: &str) -> Option<String> {
    String::from_utf8(fs::read(root().join(file)).unwrap()).ok()
}

/// Joins lines to one, without the marks of comments, so that a phrase is found across lines. Returns the
/// joined text and the offset at which each line starts in it.
fn joined(text: &str) -> (String, Vec<usize>) {
    let (mut joined, mut starts) = (String::new(), Vec::new());
    for line in text.lines() {
        starts.push(joined.len());
        let line = line.trim();
        let marks = line.trim_start_matches(['/', '!', '#', '*', '|', '>', '-']);
        joined.push_str(marks.trim_start().trim_end_matches('\\').trim_end());
        joined.push(' ');
    }
    (joined, starts)
}

fn complaints(file: &str, text: &str, never: &[Regex]) -> Vec<String> {
    let (joined, starts) = joined(text);
    let hits = never.iter().flat_map(|phrase| phrase.find_iter(&joined));
    hits.map(|hit| {
        let line = starts.partition_point(|start| *start <= hit.start());
        format!("{file}:{line}: `{}`", hit.as_str())
    })
    .collect()
}

fn never() -> Vec<Regex> {
    NEVER.iter().map(|phrase| RegexBuilder::new(phrase).case_insensitive(true).build().unwrap()).collect()
}

#[test]
fn no_phrase_is_used_that_is_never_right() {
    let never = never();
    let files = files().into_iter().filter(|file| !LISTS.iter().chain(FOREIGN).any(|other| other == file));
    let found: Vec<String> =
        files.filter_map(|file| Some(complaints(&file, &text(&file)?, &never))).flatten().collect();
    assert!(found.is_empty(), "docs/style.md has the words to use:\n{}", found.join("\n"));
}

#[test]
fn a_phrase_is_found_across_lines_and_marks() {
    let text = "ok\n    /// The tree is held\n    /// against it.\n\n# It IS no\n# multiple of 4.\n";
    assert_eq!(complaints("f", text, &never()), ["f:2: `held against`", "f:5: `IS no multiple`"]);
}

#[test]
fn files_are_short_and_lines_narrow() {
    let mut lengths = Vec::new();
    let mut found = Vec::new();
    for file in files() {
        let extension = Path::new(&file).extension().and_then(|extension| extension.to_str());
        let Some(extension @ ("rs" | "S" | "ld" | "c")) = extension else { continue };
        let text = text(&file).unwrap();
        let lines = text.lines().count();
        if extension == "rs" {
            lengths.push(lines);
        }
        if lines > MAX_LINES {
            found.push(format!("{file}: {lines} lines, at most {MAX_LINES}"));
        }
        for (number, line) in text.lines().enumerate() {
            let columns: usize = line.chars().map(|c| if c == '\t' { 4 } else { 1 }).sum();
            if columns > MAX_COLUMNS {
                found.push(format!("{file}:{}: {columns} columns, at most {MAX_COLUMNS}", number + 1));
            }
        }
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= MAX_MEDIAN, "the median of the Rust files is {median} lines, at most {MAX_MEDIAN}");
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}
