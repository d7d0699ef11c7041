//! Writes the repairs of a tree into its source: the smallest edits, in the one file that may be written.
//!
//! What another file says, such as a `.dtsi` that other boards share, is overridden at the end of the file.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use ringfence::fdt::{Node, Tree};

use super::counterpart;
use crate::input::{Place, Positions, as_text, without_mark};
use crate::report::dts;

/// Nodes and properties that the compiler makes.
const GENERATED: &[&str] = &["phandle", "linux,phandle"];
const GENERATED_NODES: &[&str] = &["/__symbols__", "/__fixups__", "/__local_fixups__"];

/// Edits `source`, the one in `file`, which compiles to `old`, so that it compiles to `new`. Every byte
/// outside the edits stays, in whatever encoding, and new lines end as those of the file do.
///
/// # Errors
/// The edits that must be made by hand, each in words.
pub fn edit(
    positions: &Positions,
    file: &str,
    source: &[u8],
    old: &Tree<'_>,
    new: &Tree<'_>,
) -> Result<Vec<u8>, Vec<String>> {
    // The compiler counts from after the byte order mark.
    let body = without_mark(source);
    let text = as_text(body);
    let crlf = text.matches("\r\n").count();
    let line_end = if crlf > text.matches('\n').count() / 2 { "\r\n" } else { "\n" };
    let mut edits = Edits {
        positions,
        file,
        text: &text,
        line_end,
        splices: Vec::new(),
        overrides: BTreeMap::new(),
        by_hand: Vec::new(),
    };
    if !old.blob().memreserve().eq(new.blob().memreserve()) {
        let list: Vec<String> = new
            .blob()
            .memreserve()
            .map(|(base, size)| format!("/memreserve/ {base:#x} {size:#x};"))
            .collect();
        edits.by_hand.push(format!("replace the memory reserve list by: {}", list.join(" ")));
    }
    edits.nodes(old.root(), new.root());
    let edited = edits.finish(body)?;
    let mark = source.strip_suffix(body).unwrap_or_default();
    Ok([mark, &edited].concat())
}

struct Edits<'e> {
    positions: &'e Positions,
    file: &'e str,
    /// The source, in which every byte has its place.
    text: &'e str,
    line_end: &'static str,
    /// Bytes of the text, and what takes their place.
    splices: Vec<(Range<usize>, String)>,
    /// Lines by the path of the node that they are about.
    overrides: BTreeMap<String, Vec<String>>,
    by_hand: Vec<String>,
}

impl Edits<'_> {
    fn nodes(&mut self, old: Node<'_, '_>, new: Node<'_, '_>) {
        if GENERATED_NODES.contains(&old.path().as_str()) {
            return;
        }
        self.name(old, new);
        self.properties(old, new);
        let pairs = counterpart::children(old, new);
        for (child, after) in &pairs {
            match after {
                Some(after) => self.nodes(*child, *after),
                None => self.remove(*child),
            }
        }
        let known: HashSet<&str> =
            pairs.iter().filter_map(|(_, after)| *after).map(|node| node.name()).collect();
        for added in new.children().filter(|node| !known.contains(node.name())) {
            if !GENERATED_NODES.contains(&added.path().as_str()) {
                self.add(old, new, added);
            }
        }
    }

    fn name(&mut self, old: Node<'_, '_>, new: Node<'_, '_>) {
        if old.name() == new.name() {
            return;
        }
        let header = self.positions.node(&old.path());
        let range = header.and_then(|place| self.range(&place));
        let at = range.and_then(|range| {
            Some(range.start + self.text.get(range)?.rfind(old.name())?).map(|at| at..at + old.name().len())
        });
        match at {
            Some(range) => self.splices.push((range, new.name().to_owned())),
            None => self.by_hand.push(format!("rename {} to `{}`", old.path(), new.name())),
        }
    }

    fn properties(&mut self, old: Node<'_, '_>, new: Node<'_, '_>) {
        let path = old.path();
        for prop in old.props().filter(|prop| !GENERATED.contains(&prop.name)) {
            let value = new.prop(prop.name).map(|prop| prop.value);
            if value == Some(prop.value) {
                continue;
            }
            let place = self.positions.property(&path, prop.name).and_then(|place| self.range(&place));
            match (place, value) {
                // The compiler writes the path of a node that the source refers to.
                (Some(range), Some(_)) if self.is_reference(range.clone()) => {}
                (Some(range), Some(value)) => {
                    self.splices.push((range, dts::whole_property(prop.name, value)))
                }
                (Some(range), None) => {
                    let range = self.whole_line(range);
                    self.splices.push((range, String::new()));
                }
                (None, Some(value)) => self.override_with(new, dts::whole_property(prop.name, value)),
                (None, None) => self.override_with(new, format!("/delete-property/ {};", prop.name)),
            }
        }
        let added = new.props().filter(|prop| old.prop(prop.name).is_none());
        let added: Vec<String> = added
            .filter(|prop| !GENERATED.contains(&prop.name))
            .map(|prop| dts::whole_property(prop.name, prop.value))
            .collect();
        if added.is_empty() {
            return;
        }
        match self.positions.bodies(&path).iter().find_map(|place| self.range(place)) {
            Some(body) => {
                // After the last property that stays, since properties precede nodes.
                let kept = old.props().filter(|prop| new.has_prop(prop.name));
                let places = kept.filter_map(|prop| self.positions.property(&path, prop.name));
                let ends = places.filter_map(|place| self.range(&place)).map(|range| range.end);
                let last = ends.filter(|end| body.contains(end)).max();
                let at = last.unwrap_or(body.start + 1);
                let one_line = !self.text.get(body.clone()).is_some_and(|text| text.contains('\n'));
                let gap = match one_line {
                    true => " ".to_owned(),
                    false => self.line_end.to_owned() + &self.indent_inside(&body),
                };
                let lines: String = added.iter().map(|line| format!("{gap}{line}")).collect();
                self.splices.push((at..at, lines));
            }
            None => added.into_iter().for_each(|line| self.override_with(new, line)),
        }
    }

    fn add(&mut self, old: Node<'_, '_>, new: Node<'_, '_>, added: Node<'_, '_>) {
        let body = self.positions.bodies(&old.path()).iter().find_map(|place| self.range(place));
        let close = body.clone().and_then(|body| Some(body.start + self.text.get(body.clone())?.rfind('}')?));
        match body.zip(close) {
            Some((body, close)) => {
                let indent = self.indent_inside(&body);
                let end = self.line_end;
                let unit = self.unit(&body, &indent);
                let lines = source(added, unit).into_iter().map(|line| format!("{indent}{line}{end}"));
                let lines = lines.collect::<String>();
                // Before the brace, at the start of its line where it has one of its own.
                let before = self.text.get(..close).unwrap_or_default();
                let line = before.rfind('\n').map_or(0, |at| at + 1);
                let own = before.get(line..).is_some_and(|text| text.trim().is_empty());
                let (at, text) = if own { (line, lines) } else { (close, format!("{end}{lines}")) };
                self.splices.push((at..at, text));
            }
            None => source(added, "\t").into_iter().for_each(|line| self.override_with(new, line)),
        }
    }

    fn remove(&mut self, node: Node<'_, '_>) {
        let header = self.positions.node(&node.path()).and_then(|place| self.range(&place));
        match (self.positions.bodies(&node.path()), header) {
            ([body], Some(header)) if self.range(body).is_some() => {
                let end = self.range(body).map_or(header.end, |body| body.end);
                let range = self.whole_line(header.start..end);
                self.splices.push((range, String::new()));
            }
            _ => self.by_hand.push(format!("remove {}", node.path())),
        }
    }

    fn override_with(&mut self, node: Node<'_, '_>, line: String) {
        self.overrides.entry(node.path()).or_default().push(line);
    }

    /// Returns the source with all edits in it.
    fn finish(mut self, source: &[u8]) -> Result<Vec<u8>, Vec<String>> {
        self.splices.sort_by_key(|(range, _)| (range.start, range.end));
        let crossing = self.splices.iter().zip(self.splices.iter().skip(1)).any(|(a, b)| a.0.end > b.0.start);
        if crossing {
            self.by_hand.push("several edits at one place".to_owned());
        }
        if !self.by_hand.is_empty() {
            return Err(self.by_hand);
        }
        let (mut out, mut at) = (Vec::new(), 0);
        for (range, text) in &self.splices {
            out.extend_from_slice(source.get(at..range.start).unwrap_or_default());
            out.extend_from_slice(text.as_bytes());
            at = range.end;
        }
        out.extend_from_slice(source.get(at..).unwrap_or_default());
        let end = self.line_end;
        for (path, lines) in &self.overrides {
            let head = if path == "/" { "/".to_owned() } else { format!("&{{{path}}}") };
            let lines: String = lines.iter().map(|line| format!("\t{line}{end}")).collect();
            out.extend(format!("{end}{head} {{{end}{lines}}};{end}").into_bytes());
        }
        Ok(out)
    }

    /// Tells whether a property of the source is a reference to a node, `blconfig = &blconfig;`.
    fn is_reference(&self, range: Range<usize>) -> bool {
        let value = self.text.get(range).and_then(|text| text.split_once('='));
        value.is_some_and(|(_, value)| value.trim_start().starts_with('&'))
    }

    /// Returns the bytes of a place, if it is in the file that may be written.
    fn range(&self, place: &Place) -> Option<Range<usize>> {
        if *place.file != *self.file {
            return None;
        }
        let range = offset(self.text, place.line, place.column)?
            ..offset(self.text, place.end_line, place.end_column)?;
        (range.start <= range.end
            && self.text.is_char_boundary(range.start)
            && self.text.is_char_boundary(range.end))
        .then_some(range)
    }

    /// Returns the range with its line, when nothing else is on it.
    fn whole_line(&self, range: Range<usize>) -> Range<usize> {
        let (before, after) = (self.text.get(..range.start), self.text.get(range.end..));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let end = after.find('\n').map_or(self.text.len(), |at| range.end + at + 1);
        let blank = |text: Option<&str>| text.is_some_and(|text| text.trim().is_empty());
        match blank(self.text.get(start..range.start)) && blank(self.text.get(range.end..end)) {
            true => start..end,
            false => range,
        }
    }

    /// Returns the indentation of what is inside of a node: that of its first line, or one tab more than the
    /// line of its opening brace.
    fn indent_inside(&self, body: &Range<usize>) -> String {
        let inside = self.text.get(body.clone()).unwrap_or_default().lines().skip(1);
        let first = inside.map(|line| (line, line.trim_start())).find(|(_, text)| !text.is_empty());
        if let Some((line, text)) = first.filter(|(_, text)| !text.starts_with('}')) {
            return line.strip_suffix(text).unwrap_or_default().to_owned();
        }
        self.indent_of(body).to_owned() + "\t"
    }

    /// Returns by how much what is inside of a node is indented more than the node.
    fn unit<'i>(&self, body: &Range<usize>, inside: &'i str) -> &'i str {
        inside.strip_prefix(self.indent_of(body)).filter(|unit| !unit.is_empty()).unwrap_or("\t")
    }

    /// Returns the indentation of the line of a node's opening brace.
    fn indent_of(&self, body: &Range<usize>) -> &str {
        let before = self.text.get(..body.start).unwrap_or_default();
        let line = before.get(before.rfind('\n').map_or(0, |at| at + 1)..).unwrap_or_default();
        line.strip_suffix(line.trim_start()).unwrap_or_default()
    }
}

/// Returns a node as lines of source, indented by `unit` a level.
fn source(node: Node<'_, '_>, unit: &str) -> Vec<String> {
    let mut lines = vec![format!("{} {{", node.name())];
    lines.extend(node.props().map(|prop| format!("{unit}{}", dts::whole_property(prop.name, prop.value))));
    for child in node.children() {
        lines.extend(source(child, unit).into_iter().map(|line| format!("{unit}{line}")));
    }
    lines.push("};".to_owned());
    lines
}

fn offset(text: &str, line: u32, column: u32) -> Option<usize> {
    let mut start = 0;
    let mut lines = text.split_inclusive('\n');
    for _ in 1..line {
        start += lines.next()?.len();
    }
    let line = lines.next()?.trim_end_matches(['\n', '\r']);
    Some(start + (column as usize).checked_sub(1)?.min(line.len()))
}
