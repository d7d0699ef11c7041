//! The map as a table for a terminal.

use ringfence::span::{Size, Span};

use crate::memmap::entries::Entry;
use crate::terminal::style::{BOLD, DIM};
use crate::terminal::text::{columns, printable};

/// Returns a memory map as a table, and free memory where `free` is given.
#[must_use]
pub fn table(entries: &[Entry], free: Option<&[Span]>) -> String {
    let mut rows: Vec<(Option<Span>, String)> =
        entries.iter().map(|entry| (entry.span, row(entry))).collect();
    for &span in free.unwrap_or_default() {
        rows.push((Some(span), format!("  {DIM}{} free{DIM:#}", columns(span))));
    }
    if rows.is_empty() {
        return "the tree describes no memory and reserves none\n".to_owned();
    }
    // A bank comes before the claims in it, also before one at its base.
    rows.sort_by(|(a, a_text), (b, b_text)| {
        let key = |span: Option<Span>| span.map(|span| (span.base(), std::cmp::Reverse(span.end())));
        (a.is_none(), key(*a), a_text.starts_with(' ')).cmp(&(b.is_none(), key(*b), b_text.starts_with(' ')))
    });
    rows.into_iter().map(|(_, text)| text + "\n").collect()
}

fn row(entry: &Entry) -> String {
    let place = match entry.span {
        Some(span) => columns(span),
        None => format!("{:>25} {:>11}", "placed by the kernel:", Size(entry.size).to_string()),
    };
    if entry.kind == "ram" {
        return format!("{BOLD}{place}{BOLD:#}   ram        {}", printable(&entry.node));
    }
    let flags = if entry.flags.is_empty() {
        String::new()
    } else {
        format!(" {DIM}{}{DIM:#}", entry.flags.join(" "))
    };
    format!("  {place} {:10} {}{flags}", entry.kind, printable(&entry.node))
}
