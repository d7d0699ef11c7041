//! Lines for people, on what the firmware calls its console.

use core::fmt::{self, Write};

/// Writes one line.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    uefi::system::with_stdout(|out| {
        // A console that takes no line must not stop a boot.
        let _ = out.write_fmt(format_args!("ringfence: {text}\n"));
    });
}

/// Writes one line: `console!("format", arguments…)`.
macro_rules! console {
    ($($argument:tt)*) => {
        $crate::console::line(format_args!($($argument)*))
    };
}
