//! Places of a source as the protocol counts them, and paths as the URIs that it uses.

use std::path::{Component, Path, PathBuf};

use lsp_types::{ClientCapabilities, Position, PositionEncodingKind, Range, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::input::Place;

/// What columns count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Bytes, if the client knows them.
    Utf8,
    /// UTF-16 code units, which every client knows.
    Utf16,
}

impl Encoding {
    /// Returns the simplest encoding that the client knows.
    pub(super) fn negotiated(client: &ClientCapabilities) -> Self {
        let known = client.general.as_ref().and_then(|general| general.position_encodings.as_ref());
        match known.is_some_and(|known| known.contains(&PositionEncodingKind::UTF8)) {
            true => Self::Utf8,
            false => Self::Utf16,
        }
    }

    pub(super) const fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
        }
    }

    /// Returns the range of a place in `text`, the text of its file if known.
    pub(super) fn range(self, text: Option<&str>, place: &Place) -> Range {
        let position = |line: u32, column: u32| {
            let (line, column) = (line.saturating_sub(1), column.saturating_sub(1) as usize);
            let before = text.and_then(|text| text.lines().nth(line as usize)).map(|text| {
                // A column inside a character, as after the preprocessor, is that of the character.
                (0..=column.min(text.len())).rev().find_map(|at| text.get(..at)).unwrap_or_default()
            });
            Position { line, character: before.map_or(column as u32, |before| self.units(before)) }
        };
        Range { start: position(place.line, place.column), end: position(place.end_line, place.end_column) }
    }

    /// Returns the offset in bytes of a column in its line.
    pub(super) fn bytes(self, line: &str, column: u32) -> usize {
        let before = |&(at, _): &(usize, char)| line.get(..at).is_some_and(|text| self.units(text) < column);
        line.char_indices().find(|at| !before(at)).map_or(line.len(), |(at, _)| at)
    }

    fn units(self, text: &str) -> u32 {
        (match self {
            Self::Utf8 => text.len(),
            Self::Utf16 => text.encode_utf16().count(),
        }) as u32
    }
}

/// Bytes of a path that need no escape, as editors write them.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns the URI of a file.
pub(super) fn uri(path: &Path) -> Option<Uri> {
    format!("file://{}", utf8_percent_encode(&path.to_string_lossy(), ESCAPED)).parse().ok()
}

/// Returns the file that a URI names, if it names one of this machine.
pub(super) fn path(uri: &Uri) -> Option<PathBuf> {
    let is_file = uri.scheme().is_some_and(|scheme| scheme.as_str() == "file");
    let path = PathBuf::from(percent_decode_str(uri.path().as_str()).decode_utf8().ok()?.as_ref());
    (is_file && path.is_absolute()).then(|| normal(&path))
}

/// Returns the absolute path of a file as a compiler named it, without `.` and `..`.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).components() {
        match component {
            Component::ParentDir => drop(normal.pop()),
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_what_the_client_counts() {
        let place = Place { file: "x".into(), line: 2, column: 9, end_line: 2, end_column: 12 };
        let text = "first\n/* ä𝄞 */ reg;\n";
        let columns = |encoding: Encoding| {
            let range = encoding.range(Some(text), &place);
            (range.start.character, range.end.character)
        };
        assert_eq!(columns(Encoding::Utf8), (5, 11), "column 9 is inside of a character");
        assert_eq!(columns(Encoding::Utf16), (4, 8));
        let line = text.lines().nth(1).unwrap();
        assert_eq!((Encoding::Utf16.bytes(line, 6), Encoding::Utf8.bytes(line, 9)), (9, 9));
        assert_eq!((Encoding::Utf16.bytes(line, 99), Encoding::Utf16.bytes("", 3)), (line.len(), 0));
        let nowhere = Place { line: 9, end_line: 9, ..place };
        assert_eq!(Encoding::Utf16.range(Some(text), &nowhere).start, Position { line: 8, character: 8 });
    }

    #[test]
    fn paths_and_uris_are_each_others_inverse() {
        for file in ["/boards/a b.dts", "/boards/ä#1%41.dts"] {
            assert_eq!(path(&uri(Path::new(file)).unwrap()).unwrap(), Path::new(file));
        }
        assert_eq!(path(&"file:///c%3A/x/../y.dts".parse().unwrap()).unwrap(), Path::new("/c:/y.dts"));
        for other in ["untitled:Untitled-1", "http://host/x.dts"] {
            assert_eq!(path(&other.parse().unwrap()), None);
        }
    }
}
