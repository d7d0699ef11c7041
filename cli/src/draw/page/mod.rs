//! The map as a self-contained page, which loads nothing.
//!
//! Its policy lets the browser run the one script whose hash it names, load nothing, and send nothing: even
//! text of a hostile tree that passed the escaping could do neither.

use std::fmt::Write;

use ringfence::span::Size;
use sha2::{Digest, Sha256};

use super::escape::escape;
use super::{FIXED, Picture, svg};
use crate::memmap::chart::Chart;
use crate::memmap::entries::Entry;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Returns the whole page.
#[must_use]
pub fn page(shown: &Picture<'_>) -> String {
    let path = escape(shown.path);
    let hash = base64(&Sha256::digest(SCRIPT));
    let checked = if shown.with_free { " checked" } else { "" };
    let drawing = svg::draw(shown, true);
    let tables = tables(shown);
    let story = story(shown);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
         'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'\">\n\
         <title>Memory map of {path}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <div class=\"view\">\n<div class=\"drawing\">\n{drawing}</div>\n\
         <aside>\n<h2>Details</h2>\n<div id=\"details\" role=\"status\" aria-live=\"polite\">\
         <p>Point at a region, or press Tab and then the arrow keys.</p></div>\n\
         <p><label><input type=\"checkbox\" id=\"free\"{checked}> Label free memory</label></p>\n\
         <details><summary>Keys</summary><ul><li>Tab: into the map, and on to the next</li>\
         <li>Up, Down, Home, End: from region to region</li><li>Left, Right: the same place on the other \
         map</li>\
         <li>Enter or Space: keep the details; Escape: let go</li></ul></details>\n{story}</aside>\n</div>\n\
         {tables}</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// Lists the findings, what `fix` would do, and what it would change.
fn story(shown: &Picture<'_>) -> String {
    let mut out = String::new();
    let list = |out: &mut String, title: &str, lines: &mut dyn Iterator<Item = String>| {
        let _ = writeln!(out, "<h2>{title}</h2>\n<ul>");
        let mut none = true;
        for line in lines {
            none = false;
            let _ = writeln!(out, "<li>{}</li>", escape(&line));
        }
        *out += if none { "<li>none</li>\n</ul>\n" } else { "</ul>\n" };
    };
    list(&mut out, "Findings", &mut shown.findings.iter().cloned());
    let Some(fixed) = shown.fixed else { return out };
    if shown.titles == FIXED {
        list(&mut out, "Repairs", &mut fixed.repairs.iter().cloned());
    }
    let changes = fixed.changes.iter().map(|c| format!("{} {}: {}", c.kind.as_str(), c.node(), c.what));
    list(&mut out, "Changes", &mut changes.into_iter());
    out
}

fn tables(shown: &Picture<'_>) -> String {
    let [before, after] = shown.titles.map(|title| format!("The map {title}"));
    let title = if shown.fixed.is_some() { &before } else { "The map as a table" };
    let mut out = table(title, shown.before, shown.with_free);
    if let Some(fixed) = shown.fixed {
        out += &table(&after, &fixed.chart, shown.with_free);
    }
    out
}

fn table(title: &str, chart: &Chart, with_free: bool) -> String {
    let mut out = format!(
        "<section>\n<h2>{title}</h2>\n<table>\n<thead><tr><th scope=\"col\">From</th><th scope=\"col\">To \
         (not included)</th><th scope=\"col\">Size</th><th scope=\"col\">Kind</th><th scope=\"col\">Node</th>\
         <th scope=\"col\">Flags</th><th scope=\"col\">Overlaps</th></tr></thead>\n<tbody>\n"
    );
    for entry in &chart.entries {
        row(&mut out, chart, entry);
    }
    for span in chart.free.iter().filter(|_| with_free) {
        let _ = writeln!(
            out,
            "<tr><td>{:#x}</td><td>{:#x}</td><td>{}</td><td>free</td><td></td><td></td><td></td></tr>",
            span.base(),
            span.end(),
            Size(span.len())
        );
    }
    out + "</tbody>\n</table>\n</section>\n"
}

fn row(out: &mut String, chart: &Chart, entry: &Entry) {
    let (from, to) = match entry.span {
        Some(span) => (format!("{:#x}", span.base()), format!("{:#x}", span.end())),
        None => ("placed by the kernel".to_string(), String::new()),
    };
    let met = chart.meets(&entry.node).join(", ");
    let class = if met.is_empty() { "" } else { " class=\"overlaps\"" };
    let _ = writeln!(
        out,
        "<tr{class}><td>{from}</td><td>{to}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        Size(entry.size),
        entry.kind,
        escape(&entry.node),
        entry.flags.join(" "),
        escape(&met),
    );
}

/// Base64 as policies write hashes (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, &byte| word << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let value = word >> (18 - 6 * digit) & 63;
            out.extend(DIGITS.chars().nth(value as usize).filter(|_| digit <= chunk.len()).or(Some('=')));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memmap::chart::tests::{board, chart};

    #[test]
    fn base64_pads_what_is_no_multiple_of_three() {
        assert_eq!(
            ["", "f", "fo", "foo", "foobar"].map(|text| base64(text.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYmFy"]
        );
    }

    #[test]
    fn a_page_loads_nothing_from_anywhere() {
        let chart = chart(&board(&[("a@50000000", 0x5000_0000, 0x1000, &["no-map"])]));
        let page = page(&Picture {
            path: "b.dtb",
            before: &chart,
            fixed: None,
            titles: FIXED,
            findings: &[],
            with_free: false,
        });
        let without_namespace = page.replace("http://www.w3.org/2000/svg", "");
        for foreign in ["http:", "https:", "src=", "href=", "@import", "url(\""] {
            assert!(!without_namespace.contains(foreign), "{foreign}");
        }
    }
}
