//! Writes the repairs of a tree into its source: the smallest edits, in the one file that may be written.
//!
//! What another file says, such as a `.dtsi` that other boards share, is overridden at the end of the file.

use std::collections::BTreeMap;
use std::ops::Range;

use ringfence::fdt::{Node, Tree};

use crate::input::{Place, Positions};
use crate::report::dts;

/// Nodes and properties that the compiler makes.
const GENERATED: &[&str] = &["phandle", "linux,phandle"];
const GENERATED_NODES: &[&str] = &["/__symbols__", "/__fixups__", "/__local_fixups__"];

/// Edits `text`, the source in `file`, which compiles to `old`, so that it compiles to `new`.
///
/// # Errors
/// The edits that must be made by hand, each in words.
pub fn edit(
    positions: &Positions,
    file: &str,
    text: &str,
    old: &Tree<'_>,
    new: &Tree<'_>,
) -> Result<String, Vec<String>> {
    let mut edits =
        Edits { positions, file, text, splices: Vec::new(), overrides: BTreeMap::new(), by_hand: Vec::new() };
    if !old.blob().memreserve().eq(new.blob().memreserve()) {
        let list: Vec<String> = new
            .blob()
            .memreserve()
            .map(|(base, size)| format!("/memreserve/ {base:#x} {size:#x};"))
            .collect();
        edits.by_hand.push(format!("replace the memory reserve list by: {}", list.join(" ")));
    }
    edits.nodes(old.root(), new.root());
    edits.finish()
}

struct Edits<'e> {
    positions: &'e Positions,
    file: &'e str,
    text: &'e str,
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
        for child in old.children() {
            match counterpart(child, old, new) {
                Some(after) => self.nodes(child, after),
                None => self.remove(child),
            }
        }
        let known: Vec<&str> =
            old.children().filter_map(|child| counterpart(child, old, new)).map(|node| node.name()).collect();
        for added in new.children().filter(|node| !known.contains(&node.name())) {
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
                (Some(range), Some(value)) => self.splices.push((range, dts::property(prop.name, value))),
                (Some(range), None) => {
                    let range = self.whole_line(range);
                    self.splices.push((range, String::new()));
                }
                (None, Some(value)) => self.override_with(new, dts::property(prop.name, value)),
                (None, None) => self.override_with(new, format!("/delete-property/ {};", prop.name)),
            }
        }
        let added = new.props().filter(|prop| old.prop(prop.name).is_none());
        let added: Vec<String> = added
            .filter(|prop| !GENERATED.contains(&prop.name))
            .map(|prop| dts::property(prop.name, prop.value))
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
                let gap =
                    if one_line { " ".to_owned() } else { "\n".to_owned() + &self.indent_inside(&body) };
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
                let lines = source(added).iter().map(|line| format!("{indent}{line}\n")).collect::<String>();
                // Before the brace, at the start of its line where it has one of its own.
                let before = self.text.get(..close).unwrap_or_default();
                let line = before.rfind('\n').map_or(0, |at| at + 1);
                let own = before.get(line..).is_some_and(|text| text.trim().is_empty());
                let (at, text) = if own { (line, lines) } else { (close, format!("\n{lines}")) };
                self.splices.push((at..at, text));
            }
            None => source(added).into_iter().for_each(|line| self.override_with(new, line)),
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

    fn finish(mut self) -> Result<String, Vec<String>> {
        self.splices.sort_by_key(|(range, _)| (range.start, range.end));
        let crossing = self.splices.iter().zip(self.splices.iter().skip(1)).any(|(a, b)| a.0.end > b.0.start);
        if crossing {
            self.by_hand.push("several edits at one place".to_owned());
        }
        if !self.by_hand.is_empty() {
            return Err(self.by_hand);
        }
        let (mut out, mut at) = (String::new(), 0);
        for (range, text) in &self.splices {
            out += self.text.get(at..range.start).unwrap_or_default();
            out += text;
            at = range.end;
        }
        out += self.text.get(at..).unwrap_or_default();
        for (path, lines) in &self.overrides {
            let head = if path == "/" { "/".to_owned() } else { format!("&{{{path}}}") };
            let lines: String = lines.iter().map(|line| format!("\t{line}\n")).collect();
            out += &format!("\n{head} {{\n{lines}}};\n");
        }
        Ok(out)
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

    /// Returns the indentation of what is inside of a node: one tab more than the line of its opening brace.
    fn indent_inside(&self, body: &Range<usize>) -> String {
        let before = self.text.get(..body.start).unwrap_or_default();
        let line = before.get(before.rfind('\n').map_or(0, |at| at + 1)..).unwrap_or_default();
        let blank: String = line.chars().take_while(|c| c.is_whitespace()).collect();
        blank + "\t"
    }
}

/// Returns the node that `child` of `old` became: the one of its name, or of its base name where it was
/// renamed.
fn counterpart<'t, 'a>(child: Node<'_, '_>, old: Node<'_, '_>, new: Node<'t, 'a>) -> Option<Node<'t, 'a>> {
    let renamed =
        |node: &Node<'_, '_>| node.base_name() == child.base_name() && old.child(node.name()).is_none();
    new.child(child.name()).or_else(|| new.children().find(renamed))
}

/// Returns a node as lines of source.
fn source(node: Node<'_, '_>) -> Vec<String> {
    let mut lines = vec![format!("{} {{", node.name())];
    lines.extend(node.props().map(|prop| format!("\t{}", dts::property(prop.name, prop.value))));
    for child in node.children() {
        lines.extend(source(child).into_iter().map(|line| format!("\t{line}")));
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
