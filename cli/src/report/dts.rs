//! Device tree source out of blobs: for excerpts under findings, and for the diff of a repair.

use std::fmt::Write;

use ringfence::fdt::{Node, Tree};

/// Maximum number of bytes of a value that are shown; a longer one is cut, with its length.
const MAX_VALUE: usize = 256;

/// One line of source and the node it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The text, indented, without a line end.
    pub text: String,
    /// Path of the node.
    pub path: String,
}

/// Returns a property as source: `reg = <0x0 0x84300000 0x0 0x500000>;`.
#[must_use]
pub fn property(name: &str, value: &[u8]) -> String {
    if value.is_empty() { format!("{name};") } else { format!("{name} = {};", self::value(value)) }
}

/// As [`property`], with the whole value: what is shown may be cut, what is compiled may not.
#[must_use]
pub fn whole_property(name: &str, value: &[u8]) -> String {
    if value.is_empty() { format!("{name};") } else { format!("{name} = {};", whole(value)) }
}

/// Returns the whole tree as lines of source, the memory reserve list first.
#[must_use]
pub fn lines(tree: &Tree<'_>) -> Vec<Line> {
    let mut out = Vec::new();
    let mut push = |depth: usize, text: &str, path: &str| {
        out.push(Line { text: format!("{}{text}", "\t".repeat(depth)), path: path.to_string() });
    };
    for (base, size) in tree.blob().memreserve() {
        push(0, &format!("/memreserve/ {base:#x} {size:#x};"), "/");
    }
    // Nodes come parents first; those that are deeper than or level with the next one end before it.
    let mut open: Vec<String> = Vec::new();
    for node in tree.nodes() {
        while open.len() > node.depth() {
            let path = open.pop().unwrap_or_default();
            push(open.len(), "};", &path);
        }
        let path = node.path();
        push(node.depth(), &format!("{} {{", shown_name(node)), &path);
        for prop in node.props() {
            push(node.depth() + 1, &property(prop.name, prop.value), &path);
        }
        open.push(path);
    }
    while let Some(path) = open.pop() {
        push(open.len(), "};", &path);
    }
    out
}

/// Returns the name as source has it: the root is `/`.
#[must_use]
pub fn shown_name<'a>(node: Node<'_, 'a>) -> &'a str {
    if node.name().is_empty() { "/" } else { node.name() }
}

/// Returns a value by the rule of `dtc`: strings where it reads as strings, else cells, else bytes.
fn value(bytes: &[u8]) -> String {
    let shown = bytes.get(..MAX_VALUE).unwrap_or(bytes);
    let mut out = match (strings(bytes), bytes.len() % 4) {
        (Some(strings), _) => strings,
        (None, 0) => cells(shown),
        (None, _) => raw(shown),
    };
    if shown.len() < bytes.len() {
        let _ = write!(out, " /* {} bytes in all */", bytes.len());
    }
    out
}

/// As [`value`], uncut.
fn whole(bytes: &[u8]) -> String {
    strings(bytes).unwrap_or_else(|| if bytes.len().is_multiple_of(4) { cells(bytes) } else { raw(bytes) })
}

/// Printable strings, each ended by a zero byte and none empty.
fn strings(bytes: &[u8]) -> Option<String> {
    let body = bytes.strip_suffix(&[0])?;
    let parts = body.split(|&byte| byte == 0).map(|part| {
        let text = std::str::from_utf8(part).ok()?;
        let printable = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        printable.then(|| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
    });
    parts.collect::<Option<Vec<_>>>().map(|parts| parts.join(", "))
}

fn cells(bytes: &[u8]) -> String {
    let cells = bytes
        .chunks_exact(4)
        .map(|cell| format!("{:#x}", cell.iter().fold(0u32, |value, &byte| value << 8 | u32::from(byte))));
    format!("<{}>", cells.collect::<Vec<_>>().join(" "))
}

fn raw(bytes: &[u8]) -> String {
    format!("[{}]", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::fdt::{NewNode, build};

    #[test]
    fn values_read_as_their_author_wrote_them() {
        assert_eq!(property("no-map", b""), "no-map;");
        assert_eq!(property("reg", &[0, 0, 0, 0, 0x84, 0x30, 0, 0]), "reg = <0x0 0x84300000>;");
        assert_eq!(property("compatible", b"a,b\0c\0"), "compatible = \"a,b\", \"c\";");
        assert_eq!(property("bootargs", b"x=\"1 2\"\0"), "bootargs = \"x=\\\"1 2\\\"\";");
        assert_eq!(property("seed", &[1, 2, 3]), "seed = [01 02 03];");
        assert_eq!(property("escape", b"\x1b[31m\0"), "escape = [1b 5b 33 31 6d 00];", "no terminal codes");
        assert!(property("blob", &[1; 1000]).ends_with("/* 1000 bytes in all */;"));
    }

    #[test]
    fn a_tree_is_written_with_its_nesting() {
        let leaf = NewNode::new("b@1").prop_u32("reg", 1);
        let root = NewNode::new("").prop_str("model", "m").child(NewNode::new("a").child(leaf));
        let blob = build(&root.child(NewNode::new("c")), 0, &[(0x1000, 0x20)]).unwrap();
        let lines = lines(&Tree::parse(&blob).unwrap());
        let text: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(
            text,
            [
                "/memreserve/ 0x1000 0x20;",
                "/ {",
                "\tmodel = \"m\";",
                "\ta {",
                "\t\tb@1 {",
                "\t\t\treg = <0x1>;",
                "\t\t};",
                "\t};",
                "\tc {",
                "\t};",
                "};"
            ]
        );
        assert_eq!(lines[5].path, "/a/b@1");
    }
}
