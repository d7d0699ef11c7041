//! `ringfence.toml`: the settings of a project for all of its boards.

mod base;
mod find;
mod pattern;
mod read;
mod when;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ringfence::facts::BootFacts;
use ringfence::fdt::Tree;
use ringfence::finding::{RuleId, Severity};
use ringfence::policy::{CmaWant, Policy};
use ringfence::profile::KernelProfile;
use ringfence::span::Span;

use crate::failure::Failure;
use crate::input::Layer;
use crate::project::date::Date;
use crate::project::rule::Selector;

pub use base::Base;
pub use find::{Lookup, NAME};
pub use pattern::Pattern;
pub use read::KEYS;
pub use when::When;

/// A configuration, read and checked.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The file it was read from.
    pub path: PathBuf,
    /// What is checked by default: files, directories, or patterns of them, relative to the configuration.
    pub inputs: Vec<String>,
    /// Kernels to hold every tree against, unless its board says otherwise.
    pub kernels: Vec<KernelProfile>,
    /// Directories with headers of sources, after their own directories.
    pub includes: Vec<PathBuf>,
    /// Severities in place of the rules' own; `None` turns a rule off.
    pub severities: Vec<(Selector, Option<Severity>)>,
    /// Findings that do not count.
    pub suppressions: Vec<Suppression>,
    /// What holds for some boards; the first that matches is taken.
    pub boards: Vec<Board>,
}

/// What holds for a board.
#[derive(Clone, Debug)]
pub struct Board {
    /// Files it holds for; empty for any.
    pub files: Vec<Pattern>,
    /// Root `compatible` it holds for; empty for any.
    pub compatible: Vec<Pattern>,
    /// The tree that overlays are applied to.
    pub base: Option<Base>,
    /// The board's policy.
    pub policy: Option<Policy>,
    /// Kernels to hold the board against.
    pub kernels: Vec<KernelProfile>,
    /// RAM banks, in place of those in the tree.
    pub ram: Vec<Span>,
    /// Where its boot loader puts kernel, initrd, DTB, stage and bundle.
    pub boot: BootFacts,
    /// CMA requirements by RAM size; the first that applies is used.
    pub cma: Vec<(When, CmaWant)>,
}

impl Board {
    /// Tells whether one of the root's `compatible` of a tree matches.
    fn is_of(&self, tree: &Layer) -> bool {
        let Ok(tree) = Tree::parse(tree.blob()) else { return false };
        tree.board_names().any(|name| self.compatible.iter().any(|pattern| pattern.matches(name)))
    }
}

/// Findings that were accepted.
#[derive(Clone, Debug)]
pub struct Suppression {
    /// The rules.
    pub rule: Selector,
    /// Paths of nodes.
    pub node: Pattern,
    /// Files; empty for any.
    pub files: Vec<Pattern>,
    /// Why.
    pub reason: String,
    /// Last day on which it holds.
    pub until: Option<Date>,
    /// Whether any finding was suppressed by it.
    pub used: Arc<AtomicBool>,
}

impl Config {
    /// Returns the board that a tree belongs to, by its file and by its root `compatible`.
    #[must_use]
    pub fn board(&self, file: &Path, compatibles: &[&str]) -> Option<&Board> {
        self.boards.iter().find(|board| {
            let by_file = board.files.is_empty() || self.is_any(&board.files, file);
            let is_named = |pattern: &Pattern| compatibles.iter().any(|name| pattern.matches(name));
            by_file && (board.compatible.is_empty() || board.compatible.iter().any(is_named))
        })
    }

    /// Returns the base of the overlay `file`: that of the first board that matches. `compatible` is that of
    /// the base, since an overlay need not have one; a board that has one and no base is passed over.
    /// `includes` gives the directories for what a base includes.
    ///
    /// # Errors
    /// When a base cannot be read.
    pub fn base(
        &self,
        file: &Path,
        includes: impl Fn(&Path) -> Result<Vec<PathBuf>, Failure>,
    ) -> Result<Option<Arc<Layer>>, Failure> {
        for board in &self.boards {
            if !board.files.is_empty() && !self.is_any(&board.files, file) {
                continue;
            }
            let base = board.base.as_ref().map(|base| base.read(&includes)).transpose()?;
            if board.compatible.is_empty() || base.as_deref().is_some_and(|base| board.is_of(base)) {
                return Ok(base);
            }
        }
        Ok(None)
    }

    /// Returns the files and directories that the project says its inputs are, by name.
    ///
    /// # Errors
    /// When there are none, or a pattern matches nothing.
    pub fn inputs(&self) -> Result<Vec<PathBuf>, Failure> {
        let home = self.path.parent().unwrap_or(Path::new(""));
        let mut found = Vec::new();
        for wanted in &self.inputs {
            let failure = |why: &str| Failure::of(&self.path, format!("inputs: {why} `{wanted}`"));
            // The directory is not part of the pattern, whatever its name.
            let whole = Path::new(&glob::Pattern::escape(&home.to_string_lossy())).join(wanted);
            let options = glob::MatchOptions { require_literal_leading_dot: true, ..Default::default() };
            let paths = glob::glob_with(&whole.to_string_lossy(), options);
            let mut paths: Vec<_> =
                paths.map_err(|_| failure("no pattern:"))?.filter_map(Result::ok).collect();
            if paths.is_empty() {
                return Err(failure("nothing matches"));
            }
            paths.sort();
            found.append(&mut paths);
        }
        match found.is_empty() {
            true => Err(Failure::of(&self.path, "has no `inputs`, and no INPUT was given")),
            false => Ok(found),
        }
    }

    /// Returns the severity that a rule has here: its own, another one, or none at all.
    #[must_use]
    pub fn severity(&self, rule: RuleId, own: Severity) -> Option<Severity> {
        let set = self.severities.iter().filter(|(rules, _)| rules.matches(rule));
        // What names the rule most exactly wins.
        let set = set.max_by_key(|(rules, _)| rules.exactness());
        set.map_or(Some(own), |(_, severity)| *severity)
    }

    /// Returns every suppression that matches a finding, including expired ones.
    pub fn suppressions<'c>(
        &'c self,
        file: &'c Path,
        rule: RuleId,
        node: &'c str,
    ) -> impl Iterator<Item = &'c Suppression> {
        self.suppressions.iter().filter(move |suppression| {
            suppression.rule.matches(rule)
                && suppression.node.matches(node)
                && (suppression.files.is_empty() || self.is_any(&suppression.files, file))
        })
    }

    /// Returns the suppressions by which no finding was suppressed, and that still hold on `today`.
    pub fn unused(&self, today: Date) -> impl Iterator<Item = &Suppression> {
        let holds = move |suppression: &&Suppression| suppression.until.is_none_or(|until| until >= today);
        let unused = |suppression: &&Suppression| !suppression.used.load(Ordering::Relaxed);
        self.suppressions.iter().filter(holds).filter(unused)
    }

    /// Tells whether a file matches: by its path from the configuration on, or by its name alone where the
    /// pattern has no directory.
    fn is_any(&self, patterns: &[Pattern], file: &Path) -> bool {
        let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
        let home = std::path::absolute(&self.path).ok();
        let home = home.as_deref().and_then(Path::parent);
        let relative = home.and_then(|home| absolute.strip_prefix(home).ok()).unwrap_or(&absolute);
        let name = absolute.file_name().unwrap_or_default().to_string_lossy();
        let (path, name) = (relative.to_string_lossy(), name);
        patterns.iter().any(|pattern| pattern.matches(if pattern.has_directory() { &path } else { &name }))
    }
}
