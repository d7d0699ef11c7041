//! Which configuration boots on a board.
//!
//! A configuration is for the boards that its own `compatible` names, else for those that the root of its
//! device tree names (Flattened Image Tree specification, "configurations"; U-Boot's `fit_conf_find_compat`
//! in boot/image-fit.c). U-Boot falls back to the default when none matches; a bundle that names boards, but
//! not this one, would boot another board's tree, and is refused here.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::config::Config;
use super::{Fit, FitError};
use crate::fdt::{Node, Tree};
use crate::policy::Policy;

/// Most bytes of device trees that are read to learn the names of their boards: a few bytes could ask for
/// terabytes, by naming one tree in thousands of configurations.
const MAX_READ: usize = 64 << 20;
/// Most names in an error.
const MAX_NAMES: usize = 4;

/// The choice among the configurations of one bundle.
pub(super) struct Choice<'f, 'a> {
    fit: &'f Fit<'a>,
    configurations: Node<'f, 'a>,
    /// Bytes of device trees that may still be read.
    left: usize,
}

impl<'f, 'a> Choice<'f, 'a> {
    pub(super) const fn new(fit: &'f Fit<'a>, configurations: Node<'f, 'a>) -> Self {
        Self { fit, configurations, left: MAX_READ }
    }

    /// Chooses the configuration for a board with these `compatibles`, the most specific first; the default
    /// one where there are none.
    pub(super) fn choose(mut self, compatibles: &[&str]) -> Result<Node<'f, 'a>, FitError> {
        if compatibles.is_empty() {
            return self.default();
        }
        // The best matches so far, and the place of what they match in the list.
        let (mut best, mut place): (Vec<Node<'f, 'a>>, usize) = (Vec::new(), compatibles.len());
        let mut boards: Vec<&'a str> = Vec::new();
        for config in self.configurations.children() {
            let names = self.boards(config)?;
            let matched = compatibles.iter().position(|wanted| names.contains(wanted));
            match matched {
                Some(at) if at < place => (best, place) = (alloc::vec![config], at),
                Some(at) if at == place => best.push(config),
                _ => {}
            }
            boards.extend(names.first());
        }
        match best.as_slice() {
            [] if boards.is_empty() => self.default(),
            [] => self.named_by_policy().ok_or_else(|| no_match(compatibles, &boards)),
            [only] => Ok(*only),
            several => {
                let default = self.default().ok().map(|default| default.id());
                let tied = several.iter().find(|config| Some(config.id()) == default);
                let names = || several.iter().map(|config| config.name());
                tied.copied().ok_or_else(|| FitError::Tie { configs: listed(names()) })
            }
        }
    }

    /// Returns the default configuration, else the only one.
    fn default(&self) -> Result<Node<'f, 'a>, FitError> {
        let all = self.configurations;
        if let Some(prop) = all.prop("default") {
            let name = prop.as_str().ok_or_else(|| FitError::malformed(all, "default"))?;
            let named = all.children().find(|node| node.name() == name);
            return named.ok_or_else(|| FitError::NoSuchConfiguration { name: name.to_string() });
        }
        let mut children = all.children();
        match (children.next(), children.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(FitError::NoDefault { count: all.children().count() }),
        }
    }

    /// Returns the default configuration if the policy in it is for the board of the tree in it: the bundle
    /// is right then, whatever the loader calls the board.
    fn named_by_policy(&mut self) -> Option<Node<'f, 'a>> {
        let config = self.default().ok()?;
        let policy = Config::policy(self.fit, config).ok()??;
        let board = Policy::from_blob(policy.data).ok()?.board?;
        self.boards(config).ok()?.contains(&board.as_str()).then_some(config)
    }

    /// Returns the names of the boards that a configuration is for.
    fn boards(&mut self, config: Node<'_, 'a>) -> Result<Vec<&'a str>, FitError> {
        if let Some(own) = config.prop("compatible") {
            return Ok(own.strings().collect());
        }
        // What cannot be read is reported when the configuration is chosen.
        let Ok(Some(image)) = Config::first(self.fit, config, "fdt") else { return Ok(Vec::new()) };
        if image.packing.is_some() {
            return Ok(Vec::new());
        }
        self.left = self.left.checked_sub(image.data.len()).ok_or_else(|| FitError::TooMany {
            what: "bytes of device trees",
            node: self.configurations.path(),
            limit: MAX_READ,
        })?;
        let Ok(tree) = Tree::parse(image.data) else { return Ok(Vec::new()) };
        Ok(tree.board_names().collect())
    }
}

fn no_match(compatibles: &[&str], boards: &[&str]) -> FitError {
    let board = compatibles.first().copied().unwrap_or_default();
    FitError::NoMatch { board: board.to_string(), boards: listed(boards.iter().copied()) }
}

/// Returns the first names of a list, with commas.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut text = String::new();
    for (index, name) in names.enumerate() {
        match index {
            0 => {}
            MAX_NAMES => {
                text.push_str(", …");
                break;
            }
            _ => text.push_str(", "),
        }
        text.push_str(name);
    }
    text
}
