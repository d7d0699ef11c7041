//! The load options: what an EFI program is told, which to Linux' EFI stub is the command line.

use crate::fdt::{Edits, FdtError, NewNode, Tree, rewrite};
use alloc::vec::Vec;

/// Puts load options in the place of `bootargs`, as the EFI stub does (`update_fdt` in
/// drivers/firmware/efi/libstub/fdt.c, 6.12). Returns the new blob, and the line that was replaced.
///
/// White space becomes blanks: the stub ends a command line at a line feed, and systemd's stub, for one, does
/// not.
///
/// # Errors
/// [`FdtError`] when the blob cannot be written.
pub fn take_load_options(tree: &Tree<'_>, line: &[u8]) -> Result<(Vec<u8>, Option<Vec<u8>>), FdtError> {
    let value: Vec<u8> = one_line(line).chain([0]).collect();
    let chosen = tree.find("/chosen");
    let old = chosen.and_then(|chosen| chosen.prop("bootargs")).map(|prop| prop.value);
    if old == Some(&value) {
        return Ok((tree.blob().bytes().to_vec(), None));
    }
    let mut edits = Edits::new();
    match chosen {
        Some(chosen) => edits.set(chosen.id(), "bootargs", value),
        None => edits.add_node(tree.root().id(), NewNode::new("chosen").prop("bootargs", value)),
    }
    let replaced = old.map(|old| old.split(|&byte| byte == 0).next().unwrap_or_default().to_vec());
    Ok((rewrite(tree, &edits)?, replaced))
}

/// Returns a command line in which every white space is a blank.
pub fn one_line(line: &[u8]) -> impl Iterator<Item = u8> + '_ {
    line.iter().map(|&byte| if byte.is_ascii_whitespace() { b' ' } else { byte })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fdt::build;

    fn taken(root: NewNode, line: &str) -> (Vec<u8>, Option<Vec<u8>>) {
        let blob = build(&root, 0, &[]).unwrap();
        take_load_options(&Tree::parse(&blob).unwrap(), line.as_bytes()).unwrap()
    }

    #[test]
    fn the_line_that_was_there_is_replaced_and_returned() {
        let chosen = NewNode::new("chosen").prop_str("bootargs", "cma=64M quiet").prop_u32("kept", 1);
        for (root, expected) in
            [(NewNode::new(""), None), (NewNode::new("").child(chosen), Some(b"cma=64M quiet".to_vec()))]
        {
            let (blob, replaced) = taken(root, "console=ttyAMA0");
            assert_eq!(replaced, expected);
            let tree = Tree::parse(&blob).unwrap();
            let bootargs = tree.find("/chosen").unwrap().prop("bootargs").unwrap();
            assert_eq!(bootargs.as_str(), Some("console=ttyAMA0"));
            assert_eq!(take_load_options(&tree, b"console=ttyAMA0").unwrap(), (blob.clone(), None));
        }
    }

    #[test]
    fn a_line_feed_ends_no_command_line() {
        let (blob, _) = taken(NewNode::new(""), "console=ttyAMA0\r\nquiet\t1");
        let tree = Tree::parse(&blob).unwrap();
        let bootargs = tree.find("/chosen").unwrap().prop("bootargs").unwrap();
        assert_eq!(bootargs.as_str(), Some("console=ttyAMA0  quiet 1"));
    }
}
