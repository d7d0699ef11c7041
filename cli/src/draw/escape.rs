//! Makes text safe inside of XML and HTML. Node names and bootargs come from trees, which are hostile input.

/// `text` for element content and for quoted attributes alike.
///
/// Characters that steer a terminal or turn the direction of text around are shown as escapes, since a name
/// must not look like another one; XML could not hold the former at all.
#[must_use]
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c if is_treacherous(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Control characters, bidirectional overrides, invisible joiners, and what XML 1.0 excludes.
fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_element_or_its_attribute() {
        assert_eq!(
            escape("</text><script>alert(1)</script>"),
            "&lt;/text&gt;&lt;script&gt;alert(1)&lt;/script&gt;"
        );
        assert_eq!(escape("\" onload='x' & "), "&quot; onload=&#39;x&#39; &amp; ");
    }

    #[test]
    fn no_name_disguises_itself() {
        assert_eq!(escape("a\u{202e}b\0\u{1b}"), "a\\u{202e}b\\u{0}\\u{1b}");
        assert_eq!(escape("größe@8000"), "größe@8000");
    }
}
