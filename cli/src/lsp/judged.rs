//! What is known of a document: findings, the map, and the nodes behind its labels.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use lsp_types::Diagnostic;
use ringfence::fdt::Tree;

use super::diagnostics;
use super::position::Encoding;
use crate::args::Boot;
use crate::commands::judge;
use crate::failure::Failure;
use crate::input;
use crate::project::job::Job;
use crate::project::{adjust, date, in_source};
use crate::report::Report;

/// A document, judged.
#[derive(Default)]
pub(super) struct Judged {
    /// Its findings and its map; empty while it does not compile.
    pub(super) report: Report,
    /// The paths of nodes by their labels.
    pub(super) labels: HashMap<String, String>,
    /// What is shown in which file: in the document, in a file that it includes, or in its configuration.
    pub(super) diagnostics: BTreeMap<PathBuf, Vec<Diagnostic>>,
}

impl Judged {
    /// Judges a document as `check` would its file.
    pub(super) fn of(args: &Boot, encoding: Encoding, path: &Path, text: &str) -> Self {
        match judge(args, path, text) {
            Ok((report, labels)) => {
                let diagnostics = diagnostics::of_report(encoding, path, text, &report);
                Self { report, labels, diagnostics }
            }
            Err(failure) => {
                let diagnostics = diagnostics::of_failure(encoding, path, text, &failure);
                Self { diagnostics, ..Self::default() }
            }
        }
    }
}

fn judge(args: &Boot, path: &Path, text: &str) -> Result<(Report, HashMap<String, String>), Failure> {
    // Boards are open in the editor, too, and have no use for the base.
    let without_base = (!may_be_overlay(path, text)).then(|| Boot { base: None, ..args.clone() });
    let job = Job::from_args(without_base.as_ref().unwrap_or(args))?;
    let input = input::load_text(path, text, &job.options(path)?)?;
    let labels = labels(&input.dtb);
    let mut report = judge::one(&job, input)?;
    if let Some(config) = job.config_for(path)? {
        adjust::by_config(&mut report, &config, path, date::today());
    }
    in_source::apply(&mut report);
    Ok((report, labels))
}

/// Tells whether a source may be an overlay, by its name or its words.
fn may_be_overlay(path: &Path, text: &str) -> bool {
    let by_name = path.extension().is_some_and(|extension| extension == "dtso");
    by_name || text.contains("/plugin/") || text.contains("__overlay__")
}

/// Reads `/__symbols__`, which a source is compiled with.
fn labels(dtb: &[u8]) -> HashMap<String, String> {
    let Ok(tree) = Tree::parse(dtb) else { return HashMap::new() };
    let symbols = tree.find("/__symbols__");
    let pair = |prop: ringfence::fdt::Prop<'_>| Some((prop.name.to_owned(), prop.as_str()?.to_owned()));
    symbols.into_iter().flat_map(|node| node.props()).filter_map(pair).collect()
}
