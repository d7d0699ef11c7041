//! Tells source from blobs by its text, wherever it comes from.

use std::path::Path;

/// What `dtc` reads, and what it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A source, of a whole tree or of an overlay.
    Source,
    /// A part of sources, which does not compile alone.
    Fragment,
    /// No source.
    Other,
}

/// The mark that some editors put before UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

impl Kind {
    /// Returns the kind of a file by its name, or else by its text: comments, such as the licence that every
    /// source of the kernel starts with, and directives are skipped.
    pub(super) fn of(name: &Path, bytes: &[u8]) -> Self {
        let ending = name.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if matches!(ending, "dts" | "dtso") {
            return Kind::Source;
        }
        let (rest, includes) = statement(without_mark(bytes));
        let starts = |words: &[&[u8]]| words.iter().any(|word| rest.starts_with(word));
        let is_part =
            starts(&[b"/ {", b"/{", b"&", b"/include/", b"/memreserve/", b"/plugin/", b"/delete-node/"])
                && !rest.contains(&0);
        match (starts(&[b"/dts-v1/"]), ending) {
            (true, _) => Kind::Source,
            (false, "dtsi") => Kind::Fragment,
            // What it includes may have the version.
            (false, _) if includes && is_part => Kind::Source,
            (false, _) if is_part => Kind::Fragment,
            _ => Kind::Other,
        }
    }
}

/// Returns a text without its byte order mark.
#[must_use]
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BOM).unwrap_or(bytes)
}

/// Returns the text from its first statement on, and whether a directive before it includes a file.
fn statement(bytes: &[u8]) -> (&[u8], bool) {
    let after = |rest: &'_ [u8], end: &[u8]| memchr::memmem::find(rest, end).map(|at| at + end.len());
    let (mut rest, mut includes) = (bytes, false);
    loop {
        rest = rest.trim_ascii_start();
        let end = match rest {
            [b'/', b'*', ..] => after(rest, b"*/"),
            [b'/', b'/', ..] | [b'#', ..] => {
                includes |= rest
                    .strip_prefix(b"#")
                    .is_some_and(|rest| rest.trim_ascii_start().starts_with(b"include"));
                after(rest, b"\n")
            }
            _ => return (rest, includes),
        };
        rest = rest.get(end.unwrap_or(rest.len())..).unwrap_or_default();
    }
}

/// Returns a text in which every byte has its place: of one that is not UTF-8, such as a comment in Latin-1,
/// what is not ASCII is replaced.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&byte| if byte.is_ascii() { char::from(byte) } else { '?' }).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_a_mark_and_directives_precede_the_source() {
        let kind = |text: &str| Kind::of(Path::new("-"), text.as_bytes());
        for text in [
            "/dts-v1/;",
            "// SPDX-License-Identifier: GPL-2.0\n/*\n * Board\n */\n\n/dts-v1/;",
            "\u{feff}/dts-v1/;",
            "#define A 1\n  # include \"soc.dtsi\"\n/ { };",
        ] {
            assert_eq!(kind(text), Kind::Source, "{text}");
        }
        for text in ["/ { };", "// part\n&uart0 { };", "/include/ \"a.dtsi\"\n"] {
            assert_eq!(kind(text), Kind::Fragment, "{text}");
        }
        for text in ["", "/*", "# a script\n", "\0/ {", "//", "hello"] {
            assert_eq!(kind(text), Kind::Other, "{text}");
        }
        assert_eq!(Kind::of(Path::new("a.dtsi"), b"&x { };"), Kind::Fragment);
        assert_eq!(Kind::of(Path::new("a.dtso"), b"anything"), Kind::Source);
        assert_eq!(text(b"a\xe4b"), "a?b");
    }
}
