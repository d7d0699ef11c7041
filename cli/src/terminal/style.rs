//! The colours. The streams remove them where they cannot be shown or `NO_COLOR` is set.

use anstyle::{AnsiColor, Style};

/// An error.
pub const ERROR: Style = AnsiColor::BrightRed.on_default().bold();
/// A warning.
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// A note.
pub const NOTE: Style = AnsiColor::BrightGreen.on_default().bold();
/// Text of less interest.
pub const DIM: Style = Style::new().dimmed();
/// Text of more interest.
pub const BOLD: Style = Style::new().bold();
/// The frame around source.
pub const FRAME: Style = AnsiColor::BrightBlue.on_default().bold();
/// An added line.
pub const ADDED: Style = AnsiColor::Green.on_default();
/// A removed line.
pub const REMOVED: Style = AnsiColor::Red.on_default();

/// Returns the style of a log level by its name.
#[must_use]
pub fn level_style(level: &str) -> Style {
    match level {
        "error" => ERROR,
        "warn" => WARNING,
        "info" => NOTE,
        _ => DIM,
    }
}
