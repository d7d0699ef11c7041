//! Hover: the region under the cursor in the memory map, with its neighbours and who shares its bytes.

use std::path::Path;

use lsp_types::{Hover, HoverContents, MarkupContent, MarkupKind, TextDocumentPositionParams};
use ringfence::span::Size;

use super::documents::Documents;
use super::judged::Judged;
use super::position::normal;
use crate::memmap::entries::Entry;
use crate::terminal::text::{columns, printable};

/// Rows of the map that are shown before and after the region.
const AROUND: usize = 3;

/// Answers for the node, or the reference to one, at a position.
pub(super) fn hover(documents: &mut Documents<'_>, at: &TextDocumentPositionParams) -> Option<Hover> {
    let encoding = documents.encoding;
    let path = documents.judged(&at.text_document.uri)?;
    let document = documents.get(&path)?;
    let line = document.text.lines().nth(at.position.line as usize)?;
    let byte = encoding.bytes(line, at.position.character);
    let label = label(line, byte);
    let place = (at.position.line + 1, byte as u32 + 1);
    // A header has no map of its own: it is a part of the sources that include it.
    let known = std::iter::once(&document.judged).chain(documents.all());
    let value =
        known.into_iter().find_map(|judged| text(&judged.report.map, node(judged, &path, label, place)?))?;
    let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
    Some(Hover { contents, range: None })
}

/// Returns the node that a label names, else the innermost node at a place of a file.
fn node<'j>(
    judged: &'j Judged,
    path: &Path,
    label: Option<&str>,
    (line, column): (u32, u32),
) -> Option<&'j str> {
    if let Some(node) = label.and_then(|label| judged.labels.get(label)) {
        return Some(node);
    }
    let positions = judged.report.positions.as_ref()?;
    positions.node_at(|file| normal(Path::new(file)) == path, line, column)
}

/// Returns the label under the cursor: a word with `&` before it.
fn label(line: &str, byte: usize) -> Option<&str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    // On the `&` itself, the word begins with the next byte.
    let byte = if line.get(byte..)?.starts_with('&') { byte + 1 } else { byte };
    let start = line.get(..byte)?.rfind(|c| !is_word(c))?;
    let word = line.get(start..)?.strip_prefix('&')?;
    word.get(..word.find(|c| !is_word(c)).unwrap_or(word.len()))
}

/// Returns the rows of a node and those around them, `None` for a node that has no memory.
fn text(map: &[Entry], node: &str) -> Option<String> {
    let own: Vec<&Entry> = map.iter().filter(|entry| entry.node == node).collect();
    let first = own.first()?;
    let size: u64 = own.iter().map(|entry| entry.size).sum();
    let mut out = format!("**{}** {}, {}", printable(first.name()), first.kind, Size(size));
    if !first.flags.is_empty() {
        out += &format!(", `{}`", first.flags.join("` `"));
    }
    for (mine, other) in own.iter().flat_map(|own| map.iter().map(move |other| (own, other))) {
        let both = mine.span.zip(other.span).filter(|_| is_claim(other) && other.node != node);
        if let Some(shared) = both.and_then(|(mine, other)| mine.intersection(other)) {
            let (size, base, name) = (Size(shared.len()), shared.base(), printable(other.name()));
            out += &format!("\n\nshares {size} at `{base:#x}` with **{name}** ({})", other.kind);
        }
    }
    // Of a bank of RAM, its claims are the whole map.
    if is_claim(first) {
        let claims: Vec<&Entry> = map.iter().filter(|entry| is_claim(entry)).collect();
        let is_own = |entry: &&&Entry| entry.node == node;
        let from = claims.iter().position(|entry| is_own(&entry))?.saturating_sub(AROUND);
        let to = claims.iter().rposition(|entry| is_own(&entry))? + AROUND + 1;
        let rows = claims.get(from..to.min(claims.len())).unwrap_or_default();
        out += "\n\n```text\n";
        rows.iter().for_each(|entry| out += &row(entry, entry.node == node));
        out += "```";
    }
    Some(out)
}

fn is_claim(entry: &Entry) -> bool {
    entry.kind != "ram" && entry.is_live()
}

fn row(entry: &Entry, is_own: bool) -> String {
    let mark = if is_own { '>' } else { ' ' };
    let place = match entry.span {
        Some(span) => columns(span),
        None => format!("{:>25} {:>11}", "placed by the kernel:", Size(entry.size).to_string()),
    };
    format!("{mark} {place} {:10} {}\n", entry.kind, printable(entry.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_word_with_an_ampersand() {
        let line = "memory-region = <&camera_mem &b>; a: c";
        let at = |word: &str| line.find(word).unwrap();
        for byte in [at("&camera"), at("camera"), at("_mem"), at(" &b")] {
            assert_eq!(label(line, byte), Some("camera_mem"), "{byte}");
        }
        assert_eq!(label(line, at("&b")), Some("b"));
        for byte in [0, at("region"), at("a:"), line.len(), line.len() + 9] {
            assert_eq!(label(line, byte), None, "{byte}");
        }
        assert_eq!(label("ä&x", 1), None, "inside of a character");
    }
}
