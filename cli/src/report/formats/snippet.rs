//! A finding on source that people wrote: file, line, and the lines themselves.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use ringfence::finding::Severity;

use crate::input::{Place, Positions};
use crate::report::{Diagnostic, Located};
use crate::terminal::text::printable;

/// Renders a finding over its source, or `None` when the source cannot be read.
pub(super) fn render(
    positions: &Positions,
    shown: &Diagnostic,
    remarks: &[(&str, String)],
) -> Option<String> {
    let located = shown.place.as_ref()?;
    let text = positions.text(&located.place.file)?;
    let level = match shown.finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mark = range(text, &located.place)?;
    let label = shown.excerpt.as_ref().filter(|_| is_property(located)).map_or("", |excerpt| &excerpt.label);
    let mut snippet = Snippet::source(text).path(&*located.place.file);
    snippet = snippet.annotation(AnnotationKind::Primary.span(mark).label(label));
    let node = located.node.as_ref().filter(|node| node.file == located.place.file);
    if let Some(node) = node.and_then(|node| range(text, node)) {
        snippet = snippet.annotation(AnnotationKind::Visible.span(node));
    }
    for related in shown.related.iter().filter(|related| related.place.file == located.place.file) {
        if let Some(place) = range(text, &related.place) {
            snippet = snippet.annotation(AnnotationKind::Context.span(place).label(&related.text));
        }
    }
    let title = printable(&format!("{}: {}", shown.finding.node, shown.finding.message));
    let id = shown.finding.rule.to_string();
    let mut group = Group::with_title(level.primary_title(title).id(id)).element(snippet);
    for (word, text) in remarks {
        group = group.element(Level::NOTE.with_name(*word).message(text.as_str()));
    }
    Some(Renderer::styled().render(&[group]) + "\n")
}

const fn is_property(located: &Located) -> bool {
    located.node.is_some()
}

/// Returns the bytes of `text` that a place takes.
fn range(text: &str, place: &Place) -> Option<std::ops::Range<usize>> {
    let offset = |line: u32, column: u32| {
        let mut start = 0;
        let mut lines = text.split_inclusive('\n');
        for _ in 1..line {
            start += lines.next()?.len();
        }
        let line = lines.next()?.trim_end_matches(['\n', '\r']);
        Some(start + (column as usize).checked_sub(1)?.min(line.len()))
    };
    let range = offset(place.line, place.column)?..offset(place.end_line, place.end_column)?;
    (range.start <= range.end && text.is_char_boundary(range.start) && text.is_char_boundary(range.end))
        .then_some(range)
}
