//! Two directories of trees, as two releases of a kernel have them: which boards changed, and how.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::Pair;
use crate::args::{Diff, DiffFormat};
use crate::commands::Outcome;
use crate::draw::changes::{self, Board, Boards};
use crate::failure::Failure;
use crate::input::Wanted;
use crate::project::job::Job;
use crate::terminal::progress::Progress;
use crate::{input, terminal};

pub(super) fn run(args: &Diff, job: &Job) -> Result<Outcome, Failure> {
    if matches!(args.format, DiffFormat::Svg | DiffFormat::Html) {
        return Err(Failure::new("a picture is of two trees, not of two directories")
            .with_help("name the tree of one board in each"));
    }
    let (old, new) = (trees(&args.old)?, trees(&args.new)?);
    let (pairs, removed, added) = paired(&old, &new);
    let progress = Progress::new(pairs.len());
    let compare = |(name, old, new): &(String, PathBuf, PathBuf)| {
        let compared = Pair::read(job, old, new).and_then(|pair| pair.changes());
        progress.step();
        (name.clone(), compared)
    };
    let compared: Vec<_> = pairs.par_iter().map(compare).collect();
    drop(progress);
    let mut boards = Boards { removed, added, ..Boards::default() };
    for (name, changes) in compared {
        match changes {
            Ok(changes) => boards.boards.push(Board { name, changes }),
            Err(failure) => {
                terminal::err(&format!("{}\n", failure.render()));
                boards.unreadable.push((name, failure.message().to_owned()));
            }
        }
    }
    terminal::out(&match args.format {
        DiffFormat::Human => changes::boards_human(&boards, &args.fail_on),
        DiffFormat::Json => {
            let (old, new) = (args.old.display().to_string(), args.new.display().to_string());
            changes::boards_json(&old, &new, &boards, &args.fail_on)
        }
        // Refused above.
        DiffFormat::Svg | DiffFormat::Html => String::new(),
    })?;
    let mut all = boards.boards.iter().flat_map(|board| &board.changes);
    let failed = all.any(|change| args.fail_on.contains(&change.kind));
    Ok(match (boards.unreadable.is_empty(), failed) {
        (false, _) => Outcome::Unusable,
        (true, true) => Outcome::Findings,
        (true, false) => Outcome::Clean,
    })
}

/// Returns the trees of a directory, by their path in it.
fn trees(directory: &Path) -> Result<BTreeMap<PathBuf, PathBuf>, Failure> {
    let found = input::gather(&[directory.to_path_buf()], Wanted::Trees)?;
    let mut trees = BTreeMap::new();
    for found in found {
        if let Some(failure) = found.failure {
            return Err(failure);
        }
        let name = found.path.strip_prefix(directory).unwrap_or(&found.path).to_path_buf();
        trees.insert(name, found.path);
    }
    Ok(trees)
}

/// A board that both directories have, by its name and its two paths.
type Paired = (String, PathBuf, PathBuf);

/// Pairs trees by their path, then by their file name where that is unique: vendors' directories get renamed.
fn paired(
    old: &BTreeMap<PathBuf, PathBuf>,
    new: &BTreeMap<PathBuf, PathBuf>,
) -> (Vec<Paired>, Vec<String>, Vec<String>) {
    let shown = |name: &Path| name.display().to_string();
    let pair = |name: &PathBuf, before: &PathBuf| Some((shown(name), before.clone(), new.get(name)?.clone()));
    let mut pairs: Vec<Paired> = old.iter().filter_map(|(name, before)| pair(name, before)).collect();
    let left = |these: &'_ BTreeMap<PathBuf, PathBuf>, those: &BTreeMap<PathBuf, PathBuf>| {
        let left = these.keys().filter(|name| !those.contains_key(*name));
        left.cloned().collect::<Vec<_>>()
    };
    let (gone, fresh) = (left(old, new), left(new, old));
    let moved = |name: &PathBuf| {
        let same = |other: &&PathBuf| other.file_name() == name.file_name();
        let mut found = fresh.iter().filter(same);
        found.next().filter(|_| found.next().is_none() && gone.iter().filter(same).count() == 1)
    };
    let mut taken = BTreeSet::new();
    let mut removed = Vec::new();
    for name in &gone {
        match moved(name).and_then(|now| Some((now, old.get(name)?, new.get(now)?))) {
            Some((now, before, after)) => {
                taken.insert(now);
                pairs.push((shown(now), before.clone(), after.clone()));
            }
            None => removed.push(shown(name)),
        }
    }
    let added = fresh.iter().filter(|name| !taken.contains(name)).map(|name| shown(name)).collect();
    pairs.sort();
    (pairs, removed, added)
}

/// Tells whether a path is a directory, and not stdin.
pub(super) fn is_one(path: &Path) -> bool {
    path.as_os_str() != OsStr::new("-") && path.is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_pair_by_path_and_then_by_name() {
        let trees = |names: &[&str]| -> BTreeMap<PathBuf, PathBuf> {
            names.iter().map(|name| (PathBuf::from(name), PathBuf::from(name))).collect()
        };
        let old = trees(&["a/one.dtb", "a/two.dtb", "a/same.dtb", "b/same.dtb", "a/gone.dtb"]);
        let new = trees(&["a/one.dtb", "z/two.dtb", "z/same.dtb", "z/new.dtb"]);
        let (pairs, removed, added) = paired(&old, &new);
        let names: Vec<&str> = pairs.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, ["a/one.dtb", "z/two.dtb"]);
        assert_eq!(removed, ["a/gone.dtb", "a/same.dtb", "b/same.dtb"]);
        assert_eq!(added, ["z/new.dtb", "z/same.dtb"]);
    }
}
