//! Shows what changed between two maps.

use serde::Serialize;

use crate::memmap::compare::{Change, Kind};
use crate::memmap::entries::Entry;
use crate::terminal::style::{ADDED, BOLD, DIM, ERROR, NOTE, REMOVED, WARNING};
use crate::terminal::text::{self, printable};

/// One line each, and a line that counts them; those of a kind in `gates` are marked.
#[must_use]
pub fn human(changes: &[Change], gates: &[Kind]) -> String {
    let mut out = String::new();
    for change in changes {
        let style = match change.kind {
            Kind::Added => ADDED,
            Kind::Removed => REMOVED,
            Kind::Collides => ERROR,
            Kind::Shrank | Kind::Flags => WARNING,
            Kind::Grew | Kind::Moved => NOTE,
        };
        let renamed = change.renamed_from().map(|was| format!(" {DIM}(was {}){DIM:#}", printable(was)));
        let gate =
            if gates.contains(&change.kind) { format!(" {ERROR}[gate]{ERROR:#}") } else { String::new() };
        out += &format!(
            "{style}{:8}{style:#} {BOLD}{}{BOLD:#}{}: {}{gate}\n",
            change.kind.as_str(),
            printable(change.node()),
            renamed.unwrap_or_default(),
            printable(&change.what),
        );
    }
    if changes.is_empty() {
        return format!("{NOTE}same{NOTE:#}: both trees give the same memory map\n");
    }
    let counts = Kind::ALL.map(|kind| (kind, changes.iter().filter(|change| change.kind == kind).count()));
    let counts: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| format!("{count} {}", kind.as_str()))
        .collect();
    out + &format!("{BOLD}{}{BOLD:#}\n", counts.join(", "))
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
    let shown = |change: &'_ Change| gates.contains(&change.kind);
    let document = Document {
        schema: 1,
        old,
        new,
        changes: changes
            .iter()
            .map(|change| ChangeJson {
                kind: change.kind.as_str(),
                node: change.node(),
                before: change.old.as_ref().map(place),
                after: change.new.as_ref().map(place),
                description: &change.what,
                gated: shown(change),
            })
            .collect(),
        failed: changes.iter().any(shown),
    };
    text::json(&document)
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
