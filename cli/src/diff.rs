//! Shows what a repair changed, as source.

use ringfence::fdt::{FdtError, Tree};
use similar::{ChangeTag, TextDiff};

use crate::dts::{self, Line};
use crate::style::{ADDED, BOLD, DIM, REMOVED};

/// Unchanged lines shown around a change.
const CONTEXT: usize = 2;

/// The changes from `old` to `new` as lines of source, each place under the path of its node; empty when both
/// say the same.
///
/// # Errors
/// When one of them is no device tree.
pub fn render(path: &str, old: &[u8], new: &[u8]) -> Result<String, FdtError> {
    let (old, new) = (dts::lines(&Tree::parse(old)?), dts::lines(&Tree::parse(new)?));
    let text = |lines: &[Line]| lines.iter().map(|line| line.text.clone()).collect::<Vec<_>>();
    let (old_text, new_text) = (text(&old), text(&new));
    let diff = TextDiff::from_slices(
        &old_text.iter().map(String::as_str).collect::<Vec<_>>(),
        &new_text.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .grouped_ops(CONTEXT)
    .iter()
    .map(|group| {
        let mut out = String::new();
        for (index, op) in group.iter().enumerate() {
            if index == 0 {
                let first = new.get(op.new_range().start).or(old.get(op.old_range().start));
                let node = first.map_or("/", |line| line.path.as_str());
                out += &format!("{DIM}@@ {node} @@{DIM:#}\n");
            }
            for change in op.iter_slices(&old_text, &new_text) {
                for line in change.1 {
                    out += &shown(change.0, line);
                }
            }
        }
        out
    })
    .collect::<String>();
    if diff.is_empty() {
        return Ok(diff);
    }
    Ok(format!("{BOLD}--- {path}\n+++ {path} (repaired){BOLD:#}\n{diff}"))
}

fn shown(tag: ChangeTag, line: &str) -> String {
    match tag {
        ChangeTag::Equal => format!(" {line}\n"),
        ChangeTag::Insert => format!("{ADDED}+{line}{ADDED:#}\n"),
        ChangeTag::Delete => format!("{REMOVED}-{line}{REMOVED:#}\n"),
    }
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
