//! Code actions: the repairs that can be written into the source, as SARIF carries them.

use std::collections::HashMap;
use std::path::Path;

use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, Range, TextEdit, Uri, WorkspaceEdit,
};

use super::diagnostics::range;
use super::documents::Documents;
use super::judged::Judged;
use super::position::normal;
use crate::report::Diagnostic;
use crate::report::source_fix::Fix;

/// Returns the repairs of the findings in a range.
pub(super) fn actions(documents: &mut Documents<'_>, params: &CodeActionParams) -> Vec<CodeActionOrCommand> {
    let wanted = |only: &Vec<CodeActionKind>| {
        only.iter().any(|kind| [CodeActionKind::QUICKFIX, CodeActionKind::EMPTY].contains(kind))
    };
    if !params.context.only.as_ref().is_none_or(wanted) {
        return Vec::new();
    }
    let uri = &params.text_document.uri;
    // A header is not judged itself: the findings in it are those of the sources that include it.
    let Some(path) = documents.judged(uri) else { return Vec::new() };
    let mut out: Vec<CodeAction> = Vec::new();
    for judged in documents.all() {
        for shown in judged.report.findings.iter().filter(|shown| shown.counts()) {
            let Some(fix) = &shown.fix else { continue };
            let action = is_at(documents, judged, shown, &path, params.range)
                .then(|| action(documents, judged, shown, fix))
                .flatten();
            // Boards that share a file may find the same in it.
            out.extend(action.filter(|action| !out.contains(action)));
        }
    }
    out.into_iter().map(CodeActionOrCommand::CodeAction).collect()
}

/// Tells whether a finding is shown in a range of a file.
fn is_at(documents: &Documents<'_>, judged: &Judged, shown: &Diagnostic, path: &Path, wanted: Range) -> bool {
    shown.place.as_ref().is_some_and(|located| {
        let at = range(documents.encoding, &judged.report, &located.place);
        normal(Path::new(&*located.place.file)) == path && at.start <= wanted.end && wanted.start <= at.end
    })
}

fn action(documents: &Documents<'_>, judged: &Judged, shown: &Diagnostic, fix: &Fix) -> Option<CodeAction> {
    // The order of edits of the same file is of no matter: all are of the text before.
    #[expect(clippy::mutable_key_type, reason = "the type is the protocol's, and nothing changes the keys")]
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for replacement in &fix.replacements {
        let uri = documents.uri(&normal(Path::new(&*replacement.place.file)))?;
        let range = range(documents.encoding, &judged.report, &replacement.place);
        changes.entry(uri).or_default().push(TextEdit { range, new_text: replacement.text.clone() });
    }
    Some(CodeAction {
        title: format!("{}: {}", shown.finding.rule, fix.description),
        kind: Some(CodeActionKind::QUICKFIX),
        edit: Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }),
        is_preferred: Some(true),
        ..CodeAction::default()
    })
}
