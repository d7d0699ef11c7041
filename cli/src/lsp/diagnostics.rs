//! Findings and failures as the protocol shows them, by file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lsp_types::{
    Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, NumberOrString, Position, Range,
};
use ringfence::finding::Severity;

use super::compile_error;
use super::position::{Encoding, normal, uri};
use crate::failure::Failure;
use crate::input::Place;
use crate::report::{self, Report};

const SOURCE: &str = "ringfence";

/// What is shown in each file.
type ByFile = BTreeMap<PathBuf, Vec<Diagnostic>>;

/// Returns the findings that count. One without a place, for example about bootargs that the command line
/// gives, is shown at the first line of the document.
pub(super) fn of_report(encoding: Encoding, path: &Path, text: &str, report: &Report) -> ByFile {
    let mut out = ByFile::new();
    for shown in report.findings.iter().filter(|shown| shown.counts()) {
        let (file, range) = match &shown.place {
            Some(located) => {
                (normal(Path::new(&*located.place.file)), range(encoding, report, &located.place))
            }
            None => (path.to_path_buf(), first_line(encoding, text)),
        };
        out.entry(file).or_default().push(Diagnostic { range, ..of_finding(encoding, report, shown) });
    }
    for warning in &report.warnings {
        let range = first_line(encoding, text);
        let warning = diagnostic(range, DiagnosticSeverity::WARNING, warning.clone());
        out.entry(path.to_path_buf()).or_default().push(warning);
    }
    out
}

/// Returns the range of a place in one of the files of a report.
pub(super) fn range(encoding: Encoding, report: &Report, place: &Place) -> Range {
    encoding.range(report.positions.as_ref().and_then(|positions| positions.text(&place.file)), place)
}

fn of_finding(encoding: Encoding, report: &Report, shown: &report::Diagnostic) -> Diagnostic {
    let finding = &shown.finding;
    let mut message = format!("{}: {}", finding.node, finding.message);
    if !finding.help.is_empty() {
        message += &format!("\nhelp: {}", finding.help);
    }
    if let Some(repair) = finding.repair.as_ref().filter(|_| shown.fix.is_none()) {
        message += &format!("\nrepair: {}", repair.description);
    }
    if !shown.kernels.is_empty() {
        message += &format!("\nkernels: {}", shown.kernels.join(", "));
    }
    let severity = match finding.severity {
        Severity::Error => DiagnosticSeverity::ERROR,
        Severity::Warning => DiagnosticSeverity::WARNING,
        Severity::Note => DiagnosticSeverity::INFORMATION,
    };
    let related = shown.related.iter().filter_map(|related| {
        let uri = uri(&normal(Path::new(&*related.place.file)))?;
        let location = Location { uri, range: range(encoding, report, &related.place) };
        Some(DiagnosticRelatedInformation { location, message: related.text.clone() })
    });
    let related: Vec<DiagnosticRelatedInformation> = related.collect();
    Diagnostic {
        code: Some(NumberOrString::String(finding.rule.to_string())),
        related_information: (!related.is_empty()).then_some(related),
        ..diagnostic(Range::default(), severity, message)
    }
}

/// Returns why a document cannot be judged: at the places that the compiler names, or in the configuration,
/// else at the first line.
pub(super) fn of_failure(encoding: Encoding, path: &Path, text: &str, failure: &Failure) -> ByFile {
    let mut out = ByFile::new();
    for error in compile_error::parse(failure.message()) {
        let file = normal(Path::new(&*error.place.file));
        let text = if file == path { Some(text) } else { None };
        let range = encoding.range(text, &error.place);
        let error = diagnostic(range, DiagnosticSeverity::ERROR, error.message);
        out.entry(file).or_default().push(error);
    }
    if !out.is_empty() {
        return out;
    }
    let mut message = failure.message().to_owned();
    if let Some(help) = failure.help() {
        message += &format!("\nhelp: {help}");
    }
    let (file, range) = match failure.place() {
        Some((file, text, span)) => {
            let position = |at: usize| {
                let before = text.get(..at).unwrap_or(text);
                let line = before.matches('\n').count() as u32 + 1;
                (line, before.len() as u32 - before.rfind('\n').map_or(0, |at| at as u32 + 1) + 1)
            };
            let ((line, column), (end_line, end_column)) = (position(span.start), position(span.end));
            let place = Place { file: file.into(), line, column, end_line, end_column };
            (normal(Path::new(file)), encoding.range(Some(text), &place))
        }
        None => (path.to_path_buf(), first_line(encoding, text)),
    };
    out.entry(file).or_default().push(diagnostic(range, DiagnosticSeverity::ERROR, message));
    out
}

fn diagnostic(range: Range, severity: DiagnosticSeverity, message: String) -> Diagnostic {
    let source = Some(SOURCE.to_owned());
    Diagnostic { range, severity: Some(severity), source, message, ..Diagnostic::default() }
}

fn first_line(encoding: Encoding, text: &str) -> Range {
    let len = text.lines().next().unwrap_or_default().len() as u32;
    let place = Place { file: "".into(), line: 1, column: 1, end_line: 1, end_column: len + 1 };
    Range { start: Position::default(), ..encoding.range(Some(text), &place) }
}
