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

/// Returns the changes of a source as a patch for `patch -p1`; empty when there are none.
#[must_use]
pub fn patch(path: &str, old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let path = path.trim_start_matches("./").trim_start_matches('/');
    let diff = similar::TextDiff::from_lines(old, new);
    let diff = diff.unified_diff().header(&format!("a/{path}"), &format!("b/{path}")).to_string();
    let line = |line: &str| match line.as_bytes().first() {
        _ if line.starts_with("---") || line.starts_with("+++") => format!("{BOLD}{line}{BOLD:#}\n"),
        Some(b'+') => format!("{ADDED}{line}{ADDED:#}\n"),
        Some(b'-') => format!("{REMOVED}{line}{REMOVED:#}\n"),
        Some(b'@') => format!("{DIM}{line}{DIM:#}\n"),
        _ => format!("{line}\n"),
    };
    diff.lines().map(line).collect()
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
