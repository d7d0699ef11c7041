//! Lines for people, on what the firmware calls its console.

use crate::firmware::output;
use core::fmt::{self, Write};

/// Writes one line.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    // A board may have no console, and one that takes no line must not stop a boot.
    output::with(|out| {
        let _ = Ucs2(out).write_fmt(format_args!("ringfence: {text}\n"));
    });
}

/// Writes what the firmware can show: a text with a character beyond UCS-2 would be lost as a whole, and a
/// control character is a command to the terminal.
struct Ucs2<'o, W>(&'o mut W);

impl<W: Write> Write for Ucs2<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_shown = |c: char| c == '\n' || !c.is_control() && u32::from(c) <= 0xffff;
        if text.chars().all(is_shown) {
            return self.0.write_str(text);
        }
        text.chars().try_for_each(|c| self.0.write_char(if is_shown(c) { c } else { '?' }))
    }
}

/// Writes one line: `console!("format", arguments…)`.
macro_rules! console {
    ($($argument:tt)*) => {
        $crate::console::line(format_args!($($argument)*))
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    #[test]
    fn what_the_firmware_cannot_show_is_a_question_mark() {
        let mut seen = String::new();
        Ucs2(&mut seen).write_str("/\u{1f600}\u{1b}[2J\0 dürr\n").unwrap();
        assert_eq!(seen, "/??[2J? dürr\n");
    }
}
