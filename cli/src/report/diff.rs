//! Shows what a repair changed, as source.

use ringfence::fdt::{FdtError, Tree};
use similar::{Algorithm, ChangeTag, DiffOp, DiffTag};

use crate::report::dts::{self, Line};
use crate::terminal::style::{ADDED, BOLD, DIM, REMOVED};

/// Unchanged lines shown around a change.
const CONTEXT: usize = 2;

/// Returns the changes from `old` to `new` as lines of source, each place under the path of its node; empty
/// when both say the same.
///
/// # Errors
/// When one of them is not a device tree.
pub fn render(path: &str, old: &[u8], new: &[u8]) -> Result<String, FdtError> {
    let (old, new) = (dts::lines(&Tree::parse(old)?), dts::lines(&Tree::parse(new)?));
    let text = |lines: &[Line]| lines.iter().map(|line| line.text.clone()).collect::<Vec<_>>();
    let (old_text, new_text) = (text(&old), text(&new));
    let diff = similar::capture_diff_slices(Algorithm::Myers, &old_text, &new_text);
    let diff = similar::group_diff_ops(diff, CONTEXT)
        .iter()
        .map(|group| hunk(group, &old, &new))
        .collect::<String>();
    if diff.is_empty() {
        return Ok(diff);
    }
    Ok(format!("{BOLD}--- {path}\n+++ {path} (repaired){BOLD:#}\n{diff}"))
}

/// Returns a group of changes under the path of the node that the first one is in.
fn hunk(group: &[DiffOp], old: &[Line], new: &[Line]) -> String {
    let first = group.iter().find(|op| op.tag() != DiffTag::Equal);
    let node = first
        .and_then(|op| old.get(op.old_range()).and_then(<[Line]>::first).or(new.get(op.new_range().start)));
    let mut out = format!("{DIM}@@ {} @@{DIM:#}\n", node.map_or("/", |line| line.path.as_str()));
    for op in group {
        for (tag, lines) in op.iter_slices(old, new) {
            out.extend(lines.iter().map(|line| shown(tag, &line.text)));
        }
    }
    out
}

fn shown(tag: ChangeTag, line: &str) -> String {
    match tag {
        ChangeTag::Equal => format!(" {line}\n"),
        ChangeTag::Insert => format!("{ADDED}+{line}{ADDED:#}\n"),
        ChangeTag::Delete => format!("{REMOVED}-{line}{REMOVED:#}\n"),
    }
}

/// Returns the changes of a source as a patch for `patch -p1`, in the bytes of the source; empty when there
/// are none.
#[must_use]
pub fn patch(path: &str, old: &[u8], new: &[u8]) -> Vec<u8> {
    if old == new {
        return Vec::new();
    }
    let path = path.trim_start_matches("./").trim_start_matches('/');
    // As `diff` marks the end of a name with blanks in it.
    let end = if path.contains(' ') { "\t" } else { "" };
    let is_end = |&byte: &u8| byte == b'\n';
    let old: Vec<&[u8]> = old.split_inclusive(is_end).collect();
    let new: Vec<&[u8]> = new.split_inclusive(is_end).collect();
    let diff = similar::TextDiff::configure().newline_terminated(true).diff_slices(&old, &new);
    let mut out = format!("--- a/{path}{end}\n+++ b/{path}{end}\n").into_bytes();
    for hunk in diff.unified_diff().iter_hunks() {
        // Writing to memory cannot fail. The writer of the whole diff would replace what is not UTF-8.
        let _ = hunk.to_writer(&mut out);
    }
    out
}

/// Colours the lines of a patch.
#[must_use]
pub fn coloured(patch: &[u8]) -> Vec<u8> {
    let line = |line: &[u8]| {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let style = match text.first() {
            _ if text.starts_with(b"---") || text.starts_with(b"+++") => BOLD,
            Some(b'+') => ADDED,
            Some(b'-') => REMOVED,
            Some(b'@') => DIM,
            _ => return line.to_vec(),
        };
        [format!("{style}").as_bytes(), text, format!("{style:#}\n").as_bytes()].concat()
    };
    patch.split_inclusive(|&byte| byte == b'\n').flat_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::fdt::{NewNode, build};

    fn blob(size: u32) -> Vec<u8> {
        let camera = NewNode::new("camera@1000").prop_cells("reg", &[0x1000, size]);
        build(&NewNode::new("").child(camera), 0, &[]).unwrap()
    }

    #[test]
    fn a_change_stands_under_its_node() {
        let text = render("b.dtb", &blob(0x100), &blob(0x200)).unwrap();
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(text.contains("-\t\treg = <0x1000 0x100>;\n+\t\treg = <0x1000 0x200>;\n"), "{text}");
        assert!(text.contains("\tcamera@1000 {"), "{text}");
    }

    #[test]
    fn no_change_is_no_text() {
        assert_eq!(render("b.dtb", &blob(1), &blob(1)), Ok(String::new()));
    }
}
