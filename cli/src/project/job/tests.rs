//! The bootargs that a user gives.

use super::*;
use ringfence::fdt::{NewNode, build};

fn job(cmdline: Option<&str>) -> Job {
    let boot = Boot { cmdline: cmdline.map(ToString::to_string), no_config: true, ..Boot::default() };
    Job::from_args(&boot).unwrap()
}

#[test]
fn a_given_command_line_stands_in_the_tree() {
    let bare = build(&NewNode::new(""), 0, &[]).unwrap();
    let chosen = NewNode::new("").child(NewNode::new("chosen").prop_str("bootargs", "quiet"));
    for blob in [bare, build(&chosen, 0, &[]).unwrap()] {
        let effective = job(Some("cma=64M")).effective(blob).unwrap();
        let tree = Tree::parse(&effective).unwrap();
        let bootargs = tree.find("/chosen").unwrap().prop("bootargs").unwrap();
        assert_eq!(bootargs.as_str(), Some("cma=64M"));
    }
}

#[test]
fn without_one_the_bytes_are_not_touched() {
    assert_eq!(job(None).effective(vec![1, 2, 3]), Ok(vec![1, 2, 3]));
}
