//! Text that is safe on a terminal, and lines up there.

use ringfence::span::{Size, Span};
use serde::Serialize;
use serde_json::Value;

/// Escapes what could steer a terminal: the text of a tree, for example its bootargs, is hostile.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

/// Formats a span in columns, so that addresses are aligned below addresses.
#[must_use]
pub fn columns(span: Span) -> String {
    format!("{:#012x}..{:#012x} {:>11}", span.base(), span.end(), Size(span.len()).to_string())
}

/// Writes a count with its noun: `1 error`, `2 errors`.
#[must_use]
pub fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Serialises a document as indented JSON with a final newline.
#[must_use]
pub fn json(document: &impl Serialize) -> String {
    // Serialisation fails only for maps whose keys are not strings, and no document has any.
    serde_json::to_string_pretty(document).unwrap_or_else(|_| Value::Null.to_string()) + "\n"
}
