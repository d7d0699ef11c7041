//! The documents that are open in the editor, and what is known of each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lsp_types::{Diagnostic, PublishDiagnosticsParams, Uri};

use super::judged::Judged;
use super::position::{self, Encoding};
use crate::args::Boot;

/// An open document.
pub(super) struct Document {
    /// As the client wrote it.
    uri: Uri,
    version: i32,
    pub(super) text: String,
    /// Something that its judgement depends on may have changed.
    is_stale: bool,
    pub(super) judged: Judged,
}

/// All open documents, by their files.
pub(super) struct Documents<'a> {
    args: &'a Boot,
    pub(super) encoding: Encoding,
    open: BTreeMap<PathBuf, Document>,
    /// Files whose diagnostics are to be published.
    changed: BTreeSet<PathBuf>,
}

impl<'a> Documents<'a> {
    pub(super) const fn new(args: &'a Boot, encoding: Encoding) -> Self {
        Self { args, encoding, open: BTreeMap::new(), changed: BTreeSet::new() }
    }

    /// Takes the text of a document. A document that is no file is not judged: it includes nothing, and no
    /// configuration is near it.
    pub(super) fn set(&mut self, uri: &Uri, version: i32, text: String) {
        let Some(path) = position::path(uri) else { return };
        let judged = self.open.remove(&path).map(|document| document.judged).unwrap_or_default();
        // A header is judged with the sources that include it.
        let is_stale = is_source(&path, &text);
        self.open.insert(path, Document { uri: uri.clone(), version, text, is_stale, judged });
    }

    /// Drops a document and what it caused to be shown.
    pub(super) fn close(&mut self, uri: &Uri) {
        if let Some((path, document)) = position::path(uri).and_then(|path| self.open.remove_entry(&path)) {
            self.changed.extend(document.judged.diagnostics.into_keys());
            self.changed.insert(path);
        }
    }

    /// Lets every document be judged again: a file that one of them includes may have changed.
    pub(super) fn expire(&mut self) {
        for (path, document) in &mut self.open {
            document.is_stale = is_source(path, &document.text);
        }
    }

    /// Tells whether a document is to be judged.
    pub(super) fn is_stale(&self) -> bool {
        self.open.values().any(|document| document.is_stale)
    }

    /// Judges one document that is to be judged, if there is one.
    pub(super) fn judge_next(&mut self) {
        if let Some((path, document)) = self.open.iter_mut().find(|(_, document)| document.is_stale) {
            let judged = Judged::of(self.args, self.encoding, path, &document.text);
            self.changed.extend(judged.diagnostics.keys().cloned());
            self.changed.extend(document.judged.diagnostics.keys().cloned());
            // An empty list says that it was judged.
            self.changed.insert(path.clone());
            (document.judged, document.is_stale) = (judged, false);
        }
    }

    /// Brings the judgements of all documents up to date, and returns the file of an open document.
    pub(super) fn judged(&mut self, uri: &Uri) -> Option<PathBuf> {
        while self.is_stale() {
            self.judge_next();
        }
        position::path(uri).filter(|path| self.open.contains_key(path))
    }

    /// Returns the open document of a file.
    pub(super) fn get(&self, path: &Path) -> Option<&Document> {
        self.open.get(path)
    }

    /// Returns the judgement of every open document.
    pub(super) fn all(&self) -> impl Iterator<Item = &Judged> {
        self.open.values().map(|document| &document.judged)
    }

    /// Returns the URI of a file, as the client writes it where it is open.
    pub(super) fn uri(&self, path: &Path) -> Option<Uri> {
        self.open.get(path).map(|document| document.uri.clone()).or_else(|| position::uri(path))
    }

    /// Returns what is to be published since the last time. Boards that share a file may find the same in it,
    /// which is shown once.
    pub(super) fn published(&mut self) -> Vec<PublishDiagnosticsParams> {
        let changed = std::mem::take(&mut self.changed);
        let publish = |path: PathBuf| {
            let mut diagnostics: Vec<Diagnostic> = Vec::new();
            for found in self.all().filter_map(|judged| judged.diagnostics.get(&path)).flatten() {
                if !diagnostics.contains(found) {
                    diagnostics.push(found.clone());
                }
            }
            let version = self.open.get(&path).map(|document| document.version);
            Some(PublishDiagnosticsParams { uri: self.uri(&path)?, diagnostics, version })
        };
        changed.into_iter().filter_map(publish).collect()
    }
}

/// Tells whether a document is a whole source: by its name, or where it has another name, by its first tag.
fn is_source(path: &Path, text: &str) -> bool {
    let by_name = path.extension().is_some_and(|extension| extension == "dts" || extension == "dtso");
    by_name || text.contains("/dts-v1/")
}
