//! The places of nodes and properties in a source, from the comments of `dtc -T -T` after each of them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use ringfence::span::Span;

use super::{files, kind};

/// A stretch of a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as the compiler called it: relative to where it ran, or absolute.
    pub file: Arc<str>,
    /// First line, counted from 1.
    pub line: u32,
    /// First column in bytes, counted from 1; after the preprocessor only about right.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Column after the last byte.
    pub end_column: u32,
}

/// The places of a source's nodes and properties, and the text of its files.
#[derive(Clone, Debug, Default)]
pub struct Positions {
    nodes: HashMap<String, Vec<Place>>,
    props: HashMap<(String, String), Place>,
    files: HashMap<Arc<str>, Arc<str>>,
}

impl Positions {
    /// Reads annotated source, as `dtc -I dts -O dts -T -T` writes it: one statement a line. What cannot be
    /// understood has no place.
    #[must_use]
    pub fn parse(annotated: &str) -> Self {
        let (mut out, mut open) = (Self::default(), Vec::<String>::new());
        let mut names = HashMap::<String, Arc<str>>::new();
        for line in annotated.lines() {
            let line = line.trim();
            let (statement, comment) = match line.strip_suffix("*/").and_then(|line| line.rsplit_once("/*")) {
                Some((statement, comment)) => (statement.trim_end(), comment.trim()),
                None => (line, ""),
            };
            let mut places = comment.split(", ").filter_map(|text| place(text, &mut names));
            if let Some(head) = statement.strip_suffix(" {") {
                let path = match (open.last().map(String::as_str), unlabelled(head)) {
                    (None, _) => "/".to_string(),
                    (Some("/"), name) => format!("/{name}"),
                    (Some(parent), name) => format!("{parent}/{name}"),
                };
                out.nodes.insert(path.clone(), places.collect());
                open.push(path);
            } else if statement.starts_with('}') {
                open.pop();
            } else if let (Some(path), Some(place)) = (open.last(), places.next()) {
                let end = statement.find([' ', ';']).unwrap_or(statement.len());
                let labelled = statement.get(..end).is_some_and(|word| word.ends_with(':'));
                let name = if labelled { unlabelled(statement) } else { statement };
                let name = name.split([' ', ';']).next().unwrap_or_default();
                out.props.insert((path.clone(), name.to_string()), place);
            }
        }
        out
    }

    /// Reads the text of every file that is named. One that cannot be read has no text, and no excerpt.
    pub(super) fn read_files(&mut self) {
        let named = self.nodes.values().flatten().chain(self.props.values()).map(|place| place.file.clone());
        for file in named.collect::<std::collections::HashSet<_>>() {
            // A marker in the source may name anything.
            let bytes = files::read_part(Path::new(&*file));
            if !bytes.is_empty() {
                self.files.insert(file, kind::text(&bytes).into());
            }
        }
    }

    /// Adds the places of what another source lays over this one.
    pub(super) fn extend(&mut self, upper: Self) {
        for (path, places) in upper.nodes {
            self.nodes.entry(path).or_default().extend(places);
        }
        self.props.extend(upper.props);
        self.files.extend(upper.files);
    }

    /// Returns the places of what is below some nodes, under the paths that they get.
    #[must_use]
    pub(super) fn moved(self, targets: &[(String, String)]) -> Self {
        let moved = |path: &str| {
            targets.iter().find_map(|(from, to)| {
                let below = path.strip_prefix(from.as_str())?;
                let to = to.trim_end_matches('/');
                match (below, to) {
                    ("", "") => Some("/".to_owned()),
                    _ if below.is_empty() || below.starts_with('/') => Some(format!("{to}{below}")),
                    _ => None,
                }
            })
        };
        Self {
            nodes: self.nodes.into_iter().filter_map(|(path, at)| Some((moved(&path)?, at))).collect(),
            props: self
                .props
                .into_iter()
                .filter_map(|((path, name), at)| Some(((moved(&path)?, name), at)))
                .collect(),
            files: self.files,
        }
    }

    /// Keeps `text` as that of `file`, which is not on disk.
    pub(super) fn keep(&mut self, file: &str, text: &str) {
        self.files.insert(file.into(), text.into());
    }

    /// Calls the file `old` by another name.
    pub(super) fn rename(&mut self, old: &str, new: &Path) {
        let new: Arc<str> = new.display().to_string().into();
        for place in self.nodes.values_mut().flatten().chain(self.props.values_mut()) {
            if &*place.file == old {
                place.file = new.clone();
            }
        }
    }

    /// Returns where a property is set: the place that the compiler took, which is the last of several.
    #[must_use]
    pub fn property(&self, path: &str, name: &str) -> Option<Place> {
        let place = self.props.get(&(path.to_string(), name.to_string()))?;
        Some(self.corrected(place, name))
    }

    /// Tells whether a node is in the source.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.nodes.get(path).is_some_and(|places| !places.is_empty())
    }

    /// Returns where a node is opened for the first time: from its name to the brace. A node that is not
    /// there has the place of its parent.
    #[must_use]
    pub fn node(&self, path: &str) -> Option<Place> {
        let mut path = path;
        loop {
            if let Some(place) = self.nodes.get(path).and_then(|places| places.first()) {
                return Some(self.header(place));
            }
            path = match path.rsplit_once('/')? {
                ("", "") => return None,
                ("", _) => "/",
                (parent, _) => parent,
            };
        }
    }

    /// Returns where a `/memreserve/` entry is that overlaps `span`. The compiler does not say where it found
    /// the entries, so the text is searched for one whose numbers are written out.
    #[must_use]
    pub fn memreserve(&self, span: Span) -> Option<Place> {
        let in_file = |(file, text): (&Arc<str>, &Arc<str>)| {
            let mut lines = (1..).zip(text.lines());
            lines.find_map(|(number, line)| {
                let start = line.find("/memreserve/")?;
                let statement = line.get(start..)?.split_inclusive(';').next()?;
                let mut words = statement.trim_end_matches(';').split_whitespace().skip(1);
                let entry = Span::new(integer(words.next()?)?, integer(words.next()?)?)?;
                let column = start as u32 + 1;
                let place = Place {
                    file: file.clone(),
                    line: number,
                    column,
                    end_line: number,
                    end_column: column + statement.len() as u32,
                };
                entry.overlaps(span).then_some(place)
            })
        };
        self.files.iter().filter_map(in_file).min_by(|a, b| a.file.cmp(&b.file))
    }

    /// Returns the path of the innermost node at a line and column of a file, both counted from 1, the column
    /// in bytes. `is_file` tells the file by the name that the compiler used.
    #[must_use]
    pub fn node_at(&self, is_file: impl Fn(&str) -> bool, line: u32, column: u32) -> Option<&str> {
        let places =
            self.nodes.iter().flat_map(|(path, places)| places.iter().map(move |place| (path, place)));
        let is_there = |place: &Place| {
            let start = self.header(place).column;
            (place.line, start) <= (line, column) && (line, column) <= (place.end_line, place.end_column)
        };
        let around = places.filter(|(_, place)| is_file(&place.file) && is_there(place));
        around.max_by_key(|(_, place)| (place.line, place.column)).map(|(path, _)| path.as_str())
    }

    /// Returns every place where a node is written, from its opening brace to the semicolon.
    #[must_use]
    pub fn bodies(&self, path: &str) -> &[Place] {
        self.nodes.get(path).map_or(&[], Vec::as_slice)
    }

    /// Returns the text of a file.
    #[must_use]
    pub fn text(&self, file: &str) -> Option<&str> {
        self.files.get(file).map(|text| &**text)
    }

    fn line(&self, place: &Place, line: u32) -> Option<&str> {
        self.text(&place.file)?.lines().nth((line as usize).checked_sub(1)?)
    }

    /// The preprocessor keeps lines and moves columns: looks for the name on its line, and for the
    /// end on its.
    fn corrected(&self, place: &Place, name: &str) -> Place {
        let mut place = place.clone();
        let Some(first) = self.line(&place, place.line) else { return place };
        let at = place.column as usize - 1;
        if !first.get(at..).is_some_and(|rest| rest.starts_with(name)) {
            place.column = first.find(name).map_or_else(|| indent(first), |at| at as u32 + 1);
        }
        let Some(last) = self.line(&place, place.end_line) else { return place };
        let from = if place.line == place.end_line { place.column as usize - 1 } else { 0 };
        let end = place.end_column as usize - 1;
        if !last.get(..end).is_some_and(|text| text.ends_with(';')) || end <= from {
            let semicolon = last.get(from..).and_then(|rest| rest.find(';')).map(|at| from + at + 2);
            place.end_column = semicolon.unwrap_or(last.trim_end().len() + 1) as u32;
        }
        place
    }

    /// The place of a node starts at its brace; its name precedes that, on the same line.
    fn header(&self, place: &Place) -> Place {
        let mut place = Place { end_line: place.line, end_column: place.column + 1, ..place.clone() };
        if let Some(line) = self.line(&place, place.line) {
            let before = line
                .get(..place.column as usize - 1)
                .filter(|_| line.get(place.column as usize - 1..).is_some_and(|rest| rest.starts_with('{')));
            let (start, end) = match before {
                Some(before) => {
                    let start = before.rfind([';', '{', '}']).map_or(0, |at| at + 1);
                    let blank = before.get(start..).map_or(0, |head| head.len() - head.trim_start().len());
                    (start + blank, before.trim_end().len())
                }
                None => (indent(line) as usize - 1, line.trim_end().len()),
            };
            place.column = start as u32 + 1;
            place.end_column = end.max(start + 1) as u32 + 1;
        }
        place
    }
}

/// Reads a number as dtc does.
fn integer(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Returns the first column that is not blank.
fn indent(line: &str) -> u32 {
    (line.len() - line.trim_start().len()) as u32 + 1
}

/// Removes every `label: ` from the front.
fn unlabelled(statement: &str) -> &str {
    let mut rest = statement;
    while let Some((label, after)) = rest.split_once(": ") {
        if !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            break;
        }
        rest = after;
    }
    rest
}

/// `file:line:column-line:column`.
fn place(text: &str, names: &mut HashMap<String, Arc<str>>) -> Option<Place> {
    let mut parts = text.rsplitn(4, ':');
    let end_column = parts.next()?.parse().ok()?;
    let (column, end_line) = parts.next()?.split_once('-')?;
    let line = parts.next()?.parse().ok().filter(|&line| line > 0)?;
    let file = parts.next()?;
    let file = names.entry(file.to_string()).or_insert_with(|| file.into()).clone();
    let column = column.parse().ok().filter(|&column| column > 0)?;
    Some(Place { file, line, column, end_line: end_line.parse().ok()?, end_column })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNOTATED: &str = r#"/dts-v1/;

/memreserve/	0x0000000000001000 0x0000000000001000;
/ { /* soc.dtsi:1:3-6:3, b.dts:5:3-15:3 */
	model = "a {"; /* b.dts:6:2-6:15 */

	cam: cam2: camera@84300000 { /* dir/b.dts:2:7-5:5, b.dts:16:6-16:27 */
		reg: reg = <0x00 l1:0x84300000>; /* dir/b.dts:3:4-4:20 */
		no-map; /* dir/b.dts:5:1-5:8 */
		phandle = <0x01>; /* <no-file>:<no-line> */
	}; /* dir/b.dts:9:24-13:5 */
}; /* soc.dtsi:1:3-6:3, b.dts:5:3-15:3 */
"#;

    #[test]
    fn every_statement_has_its_place() {
        let positions = Positions::parse(ANNOTATED);
        let at = |place: Option<Place>| place.map(|p| format!("{}:{}:{}", p.file, p.line, p.column));
        assert_eq!(at(positions.property("/", "model")).as_deref(), Some("b.dts:6:2"));
        assert_eq!(at(positions.property("/camera@84300000", "reg")).as_deref(), Some("dir/b.dts:3:4"));
        assert_eq!(at(positions.property("/camera@84300000", "no-map")).as_deref(), Some("dir/b.dts:5:1"));
        assert_eq!(positions.property("/camera@84300000", "phandle"), None, "the compiler made it");
        assert_eq!(at(positions.node("/camera@84300000")).as_deref(), Some("dir/b.dts:2:7"));
        assert_eq!(at(positions.node("/camera@84300000/x/y")).as_deref(), Some("dir/b.dts:2:7"));
        assert_eq!(at(positions.node("/missing")).as_deref(), Some("soc.dtsi:1:3"));
    }

    #[test]
    fn columns_are_those_of_the_source_and_not_of_the_preprocessor() {
        let mut positions = Positions::parse(ANNOTATED);
        positions.keep("dir/b.dts", "/ {\n\tcam: x {\n\t\tfoo; reg = <0x0\n\tBASE>; }\n  no-map;\n");
        let reg = positions.property("/camera@84300000", "reg").unwrap();
        assert_eq!((reg.line, reg.column, reg.end_line, reg.end_column), (3, 8, 4, 8));
        let node = positions.node("/camera@84300000").unwrap();
        assert_eq!((node.line, node.column, node.end_column), (2, 2, 10), "no brace at the column: the line");
        let flag = positions.property("/camera@84300000", "no-map").unwrap();
        assert_eq!((flag.column, flag.end_column), (3, 10));
    }

    #[test]
    fn what_is_no_annotation_is_no_panic() {
        for text in [
            "}; }; /* a:b:c */",
            "x; /* :0:0-0:0 */",
            "/* */",
            "*/",
            "/ { /* f:1:0-1:1 */",
            "é = /* é:9:9-9:9 */",
        ] {
            let positions = Positions::parse(text);
            assert_eq!(positions.property("/", "x"), None);
            assert_eq!(positions.node("/").map(|place| place.line), None);
        }
    }
}
