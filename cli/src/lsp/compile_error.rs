//! Where the compilers found an error, from what they printed: `cpp` writes `FILE:LINE:COLUMN: TEXT`, and
//! `dtc` writes `FILE:LINE.COLUMN-COLUMN TEXT`, each after a word or two.

use crate::input::Place;

/// What compilers write before the place.
const BEFORE: &[&str] = &["FATAL ERROR: ", "Error: ", "Lexical error: ", "In file included from "];

/// An error with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CompileError {
    pub(super) place: Place,
    pub(super) message: String,
}

/// Returns the errors in a message of a compiler. Lines without a place are left out.
pub(super) fn parse(message: &str) -> Vec<CompileError> {
    let said = message.split_once(" failed: ").map_or(message, |(_, said)| said);
    said.lines().filter_map(line).collect()
}

fn line(text: &str) -> Option<CompileError> {
    let text = BEFORE.iter().find_map(|before| text.strip_prefix(before)).unwrap_or(text);
    let (file, line, rest) = text.match_indices(':').find_map(|(at, _)| {
        let (line, rest) = number(text.get(at + 1..)?)?;
        rest.starts_with(['.', ':']).then_some((text.get(..at)?, line, rest))
    })?;
    let (column, rest) = number(rest.get(1..)?)?;
    // `-COLUMN`, or `-LINE.COLUMN` where it ends on another line.
    let (end, rest) = match rest.strip_prefix('-').and_then(number) {
        Some((end, rest)) => match rest.strip_prefix('.').and_then(number) {
            Some((end_column, rest)) => ((end, end_column), rest),
            None => ((line, end), rest),
        },
        None => ((line, column + 1), rest),
    };
    let place = Place { file: file.into(), line, column, end_line: end.0, end_column: end.1 };
    let message = rest.trim_start_matches([':', ' ']).trim_end().to_owned();
    (line > 0 && !message.is_empty()).then_some(CompileError { place, message })
}

fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text.get(..end)?.parse().ok()?, text.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_both_compilers_are_read() {
        let read = |message: &str| {
            let error = parse(message).into_iter().next()?;
            let Place { file, line, column, end_line, end_column } = error.place;
            Some((file.to_string(), (line, column), (end_line, end_column), error.message))
        };
        let expect = |file: &str, from, to, message: &str| Some((file.into(), from, to, message.into()));
        assert_eq!(
            read("b.dts: dtc failed: Error: a b/b.dts:2.7-8 syntax error\nFATAL ERROR: Unable to parse"),
            expect("a b/b.dts", (2, 7), (2, 8), "syntax error")
        );
        assert_eq!(
            read("b.dts: dtc failed: b.dts:2.7-4.3: ERROR (duplicate_label): /x: twice"),
            expect("b.dts", (2, 7), (4, 3), "ERROR (duplicate_label): /x: twice")
        );
        assert_eq!(
            read("b.dts: cpp failed: /p/b.dts:3:10: fatal error: no.h: No such file or directory"),
            expect("/p/b.dts", (3, 10), (3, 11), "fatal error: no.h: No such file or directory")
        );
        for none in ["", "b.dts: cannot run dtc: no such file", "x:1", "é:1.", ":99999999999.1 x"] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
