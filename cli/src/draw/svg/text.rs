//! Text that fits. The font is one of fixed width, so that what fits is known without asking a browser.

/// Width of a character of the labels, in tenths of a pixel: 12 pixels high.
pub(super) const CHAR: u32 = 73;

/// Returns how many characters fit into `pixels`.
pub(super) const fn room(pixels: u32) -> u32 {
    pixels * 10 / CHAR
}

/// `text`, cut to `chars` characters with a mark where something is missing.
pub(super) fn fit(text: &str, chars: u32) -> String {
    let chars = chars as usize;
    if text.chars().count() <= chars {
        return text.to_string();
    }
    let mut cut: String = text.chars().take(chars.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Returns the end of `text`, cut to `chars` characters with a mark where something is missing.
pub(super) fn fit_end(text: &str, chars: u32) -> String {
    let (chars, all) = (chars as usize, text.chars().count());
    if all <= chars {
        return text.to_string();
    }
    let mut cut = String::from("…");
    cut.extend(text.chars().skip(all - chars.saturating_sub(1)));
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_and_marked() {
        assert_eq!(fit("camera@84300000", 15), "camera@84300000");
        assert_eq!(fit("camera@84300000", 7), "camera…");
        assert_eq!(fit("ä", 0), "…");
        assert_eq!(fit_end("/boot/dtb/board.dtb", 10), "…board.dtb");
        assert_eq!(fit_end("board.dtb", 9), "board.dtb");
    }
}
