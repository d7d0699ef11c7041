//! A case as Rust, for `found.rs`, which imports every variant that it names.

use super::Case;
use core::fmt;
use ringfence::profile::{KernelProfile, PageSize};

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { board, loader, policy, profile, others, facts } = self;
        let (board, loader) = (rust(board), rust(loader));
        let (policy, facts) = (rust(policy), efi(&rust(facts)));
        let others: Vec<String> = others.iter().map(kernel).collect();
        let (profile, others) = (kernel(profile), others.join(", "));
        write!(
            f,
            "Case {{ board: {board}, loader: {loader}, policy: {policy}, profile: {profile}, \
             others: vec![{others}], facts: {facts} }}"
        )
    }
}

fn kernel(profile: &KernelProfile) -> String {
    let page = match profile.page {
        PageSize::K4 => "K4",
        PageSize::K16 => "K16",
        PageSize::K64 => "K64",
    };
    let since = format!("{:?}", profile.since);
    let since: Vec<&str> = since.split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty()).collect();
    format!("profile(Release::new({}), {page})", since.join(", "))
}

/// Makes the call of an EFI map, whose ranges are its own.
fn efi(text: &str) -> String {
    let Some((before, rest)) = text.split_once("EfiMap { ranges: vec![") else { return text.into() };
    let (ranges, after) = rest.split_once("] }").unwrap_or((rest, ""));
    format!("{before}EfiMap::from_ranges(vec![{ranges}]){after}")
}

/// Makes Rust of a derived debug form: lists become vectors, texts of any kind of string, and spans calls.
fn rust(value: &impl fmt::Debug) -> String {
    let mut out = String::new();
    let text = format!("{value:?}").replace("digest: Some([", "digest: Some(*&[");
    let mut rest = text.as_str();
    while let Some(next) = rest.chars().next() {
        let plain = match next {
            '[' if !out.ends_with('&') => {
                out.push_str("vec![");
                1
            }
            '"' => {
                let len = quoted(rest);
                out.push_str(&format!("{}.into()", &rest[..len]));
                len
            }
            '0' if rest.starts_with("0x") && rest.contains("..0x") => match span(rest) {
                Some((call, len)) => {
                    out.push_str(&call);
                    len
                }
                None => {
                    out.push(next);
                    1
                }
            },
            _ => {
                out.push(next);
                next.len_utf8()
            }
        };
        rest = &rest[plain..];
    }
    out
}

/// Returns the length of the quoted text at the start, with its quotes: a derived form is escaped as Rust is.
fn quoted(text: &str) -> usize {
    let mut escaped = true;
    let end = text.find(|c| match c {
        '"' if !escaped => true,
        _ => {
            escaped = !escaped && c == '\\';
            false
        }
    });
    end.map_or(text.len(), |end| end + 1)
}

/// Returns the span at the start of a text such as `0x1000..0x2000 (4 KiB)`, as a call, and its length there.
fn span(text: &str) -> Option<(String, usize)> {
    let (base, rest) = text.split_once("..")?;
    let (end, rest) = rest.split_once(" (")?;
    let (size, _) = rest.split_once(')')?;
    let hex = |text: &str| text.strip_prefix("0x").is_some_and(|n| n.chars().all(|c| c.is_ascii_hexdigit()));
    (hex(base) && hex(end)).then(|| (format!("span({base}, {end})"), base.len() + end.len() + size.len() + 5))
}

#[test]
fn a_case_is_printed_as_rust() {
    let text = rust(&(Some(vec![("a", 1)]), ringfence::span::Span::from_ends(0x1000, 0x2000)));
    assert_eq!(text, r#"(Some(vec![("a".into(), 1)]), Some(span(0x1000, 0x2000)))"#);
    let text = rust(&("quiet init=\"/bin/[ -x \\\\ \"", "]\\", 0x10));
    assert_eq!(text, r#"("quiet init=\"/bin/[ -x \\\\ \"".into(), "]\\".into(), 16)"#);
}
