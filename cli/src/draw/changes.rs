//! Shows what changed between two maps.

use std::collections::HashMap;

use serde::Serialize;

use crate::memmap::compare::{Change, Kind};
use crate::memmap::entries::Entry;
use crate::terminal::style::{ADDED, BOLD, DIM, ERROR, NOTE, REMOVED, WARNING};
use crate::terminal::text::{self, plural, printable};

/// Returns one line each, and a line that counts them; those of a kind in `gates` are marked.
#[must_use]
pub fn human(changes: &[Change], gates: &[Kind]) -> String {
    if changes.is_empty() {
        return format!("{NOTE}same{NOTE:#}: both trees give the same memory map\n");
    }
    let lines: String = changes.iter().map(|change| line(change, gates) + "\n").collect();
    lines + &format!("{BOLD}{}{BOLD:#}\n", counts(changes))
}

/// Returns how many changes there are of each kind.
fn counts<'c>(changes: impl IntoIterator<Item = &'c Change> + Clone) -> String {
    let of_kind = |kind| changes.clone().into_iter().filter(|change| change.kind == kind).count();
    let counts = Kind::ALL.map(|kind| (kind, of_kind(kind)));
    let some = counts.iter().filter(|(_, count)| *count > 0);
    some.map(|(kind, count)| format!("{count} {}", kind.as_str())).collect::<Vec<_>>().join(", ")
}

/// Returns one change, marked when its kind is in `gates`.
fn line(change: &Change, gates: &[Kind]) -> String {
    let style = match change.kind {
        Kind::Added => ADDED,
        Kind::Removed => REMOVED,
        Kind::Collides => ERROR,
        Kind::Shrank | Kind::Flags => WARNING,
        Kind::Grew | Kind::Moved => NOTE,
    };
    let renamed = change.renamed_from().map(|was| format!(" {DIM}(was {}){DIM:#}", printable(was)));
    let gate = if gates.contains(&change.kind) { format!(" {ERROR}[gate]{ERROR:#}") } else { String::new() };
    format!(
        "{style}{:8}{style:#} {BOLD}{}{BOLD:#}{}: {}{gate}",
        change.kind.as_str(),
        printable(change.node()),
        renamed.unwrap_or_default(),
        printable(&change.what),
    )
}

/// The changes of one board.
#[derive(Clone, Debug)]
pub struct Board {
    /// Its path in the directory.
    pub name: String,
    /// What changed.
    pub changes: Vec<Change>,
}

/// The boards of two directories.
#[derive(Clone, Debug, Default)]
pub struct Boards {
    /// Those that both have.
    pub boards: Vec<Board>,
    /// Those that only the old one has.
    pub removed: Vec<String>,
    /// Those that only the new one has.
    pub added: Vec<String>,
    /// Those that cannot be read, with the reason.
    pub unreadable: Vec<(String, String)>,
}

/// Maximum number of names in one line.
const MAX_NAMES: usize = 4;

/// Returns a line for each change, with the boards that have it, and a line that counts.
#[must_use]
pub fn boards_human(boards: &Boards, gates: &[Kind]) -> String {
    let mut changes: Vec<(String, Vec<&str>)> = Vec::new();
    let mut known = HashMap::new();
    for board in &boards.boards {
        for change in &board.changes {
            let line = line(change, gates);
            let at = *known.entry(line.clone()).or_insert(changes.len());
            match changes.get_mut(at) {
                Some((_, names)) => names.push(&board.name),
                None => changes.push((line, vec![&board.name])),
            }
        }
    }
    let mut out = String::new();
    for (line, names) in changes {
        out += &format!("{line}\n         {DIM}in {}{DIM:#}\n", list(&names));
    }
    for (word, style, names) in [("removed", REMOVED, &boards.removed), ("added", ADDED, &boards.added)] {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if !names.is_empty() {
            let what = plural(names.len(), "board");
            out += &format!("{style}{word:8}{style:#} {BOLD}{what}{BOLD:#}: {}\n", list(&names));
        }
    }
    let changed = boards.boards.iter().filter(|board| !board.changes.is_empty()).count();
    let all = plural(boards.boards.len(), "board");
    if changed == 0 {
        return out + &format!("{NOTE}same{NOTE:#}: {all} with the same memory map\n");
    }
    let counts = counts(boards.boards.iter().flat_map(|board| &board.changes).collect::<Vec<_>>());
    out + &format!("{BOLD}{counts}{BOLD:#} in {changed} of {all}\n")
}

/// Names, the first ones written out.
fn list(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(MAX_NAMES).map(|name| printable(name)).collect();
    match names.len().checked_sub(MAX_NAMES).filter(|&more| more > 0) {
        None => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[derive(Serialize)]
struct Document<'c> {
    schema: u32,
    old: &'c str,
    new: &'c str,
    changes: Vec<ChangeJson<'c>>,
    failed: bool,
}

#[derive(Serialize)]
struct ChangeJson<'c> {
    kind: &'static str,
    node: &'c str,
    before: Option<Place<'c>>,
    after: Option<Place<'c>>,
    description: &'c str,
    gated: bool,
}

#[derive(Serialize)]
struct Place<'c> {
    node: &'c str,
    base: Option<String>,
    end: Option<String>,
    size: String,
    kind: &'static str,
    flags: &'c [&'static str],
}

/// Returns the changes as one document.
#[must_use]
pub fn json(old: &str, new: &str, changes: &[Change], gates: &[Kind]) -> String {
    let changes = changes_json(changes, gates);
    let failed = changes.iter().any(|change| change.gated);
    text::json(&Document { schema: 1, old, new, changes, failed })
}

fn changes_json<'c>(changes: &'c [Change], gates: &[Kind]) -> Vec<ChangeJson<'c>> {
    let one = |change: &'c Change| ChangeJson {
        kind: change.kind.as_str(),
        node: change.node(),
        before: change.old.as_ref().map(place),
        after: change.new.as_ref().map(place),
        description: &change.what,
        gated: gates.contains(&change.kind),
    };
    changes.iter().map(one).collect()
}

#[derive(Serialize)]
struct BoardsDocument<'b> {
    schema: u32,
    old: &'b str,
    new: &'b str,
    boards: Vec<BoardJson<'b>>,
    removed: &'b [String],
    added: &'b [String],
    unreadable: Vec<UnreadableJson<'b>>,
    failed: bool,
}

#[derive(Serialize)]
struct BoardJson<'b> {
    path: &'b str,
    changes: Vec<ChangeJson<'b>>,
}

#[derive(Serialize)]
struct UnreadableJson<'b> {
    path: &'b str,
    error: &'b str,
}

/// Returns the boards that changed as one document.
#[must_use]
pub fn boards_json(old: &str, new: &str, boards: &Boards, gates: &[Kind]) -> String {
    let changed = boards.boards.iter().filter(|board| !board.changes.is_empty());
    let json: Vec<BoardJson<'_>> = changed
        .map(|board| BoardJson { path: &board.name, changes: changes_json(&board.changes, gates) })
        .collect();
    text::json(&BoardsDocument {
        schema: 1,
        old,
        new,
        failed: json.iter().flat_map(|board| &board.changes).any(|change| change.gated),
        boards: json,
        removed: &boards.removed,
        added: &boards.added,
        unreadable: boards.unreadable.iter().map(|(path, error)| UnreadableJson { path, error }).collect(),
    })
}

fn place(entry: &Entry) -> Place<'_> {
    Place {
        node: &entry.node,
        base: entry.span.map(|span| format!("{:#x}", span.base())),
        end: entry.span.map(|span| format!("{:#x}", span.end())),
        size: format!("{:#x}", entry.size),
        kind: entry.kind,
        flags: &entry.flags,
    }
}
