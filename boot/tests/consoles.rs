//! Counts the real boards on which the stage has a console.
//!
//! `RINGFENCE_CORPUS` names a directory of `.dtb` files, which is searched recursively, such as the
//! `usr/lib/linux-image-*` of Debian's arm64 kernel packages. Without it the test is skipped.

use ringfence::fdt::{Node, Tree};
use ringfence_boot::console;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn trees(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let trees = |path: PathBuf| match path {
        path if path.is_dir() => trees(&path),
        path if path.extension().is_some_and(|extension| extension == "dtb") => vec![path],
        _ => Vec::new(),
    };
    entries.flat_map(trees).collect()
}

/// Returns the node that `stdout-path` names.
fn stdout<'t, 'a>(tree: &'t Tree<'a>) -> Option<Node<'t, 'a>> {
    let path = tree.find("/chosen")?.prop("stdout-path")?.as_str()?;
    tree.resolve(path.split(':').next()?)
}

#[test]
fn at_least_99_percent_of_the_consoles_that_trees_name_are_driven() {
    let Some(dir) = std::env::var_os("RINGFENCE_CORPUS") else {
        println!("set RINGFENCE_CORPUS to a directory of device trees to count their consoles");
        return;
    };
    let (mut named, mut driven) = (0, 0);
    let mut mute: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    for path in trees(Path::new(&dir)) {
        let bytes = fs::read(&path).unwrap();
        let tree = Tree::parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let Some(node) = stdout(&tree) else { continue };
        named += 1;
        if console::find(&tree, None, |_, _| true).is_some() {
            driven += 1;
            continue;
        }
        let compatible =
            node.prop("compatible").into_iter().flat_map(|list| list.strings().map(str::to_owned));
        let board = path.file_stem().unwrap().to_string_lossy().into_owned();
        mute.entry(compatible.collect()).or_default().push(board);
    }
    println!("{driven} of {named} consoles are driven; the others: {mute:#?}");
    assert!(named > 0, "no tree names a console");
    assert!(driven * 100 >= named * 99, "{driven} of {named}");
}
