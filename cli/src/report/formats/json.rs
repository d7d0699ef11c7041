//! Output for programs. The form is versioned by `schema`; keys are only ever added to it.

use ringfence::finding::LabelledSpan;
use ringfence::rules;
use ringfence::span::Span;
use serde::Serialize;

use super::{Format, Results};
use crate::failure::Failure;
use crate::input::Place;
use crate::memmap::entries::Entry;
use crate::report::{Counts, Diagnostic, Report};
use crate::terminal::text;

/// The version of the form.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Document<'r> {
    schema: u32,
    inputs: Vec<Input<'r>>,
    summary: Summary,
}

#[derive(Serialize)]
struct Input<'r> {
    path: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'r str>,
    findings: Vec<Finding<'r>>,
    map: Vec<Claim<'r>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    repairs: Vec<Done<'r>>,
}

#[derive(Serialize)]
struct Finding<'r> {
    rule: String,
    name: &'r str,
    severity: String,
    node: &'r str,
    property: Option<&'r str>,
    message: &'r str,
    spans: Vec<Mark<'r>>,
    help: &'r str,
    repair: Option<Repair<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location<'r>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    kernels: &'r [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed: Option<Suppressed<'r>>,
}

/// Lines and columns count from 1, columns in bytes; the end column is the one after the last byte.
#[derive(Serialize)]
struct Location<'r> {
    file: &'r str,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Serialize)]
struct Suppressed<'r> {
    by: &'r str,
    reason: &'r str,
}

#[derive(Serialize)]
struct Mark<'r> {
    base: String,
    end: String,
    what: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'r str>,
}

#[derive(Serialize)]
struct Repair<'r> {
    kind: &'r str,
    safe: bool,
    description: &'r str,
}

#[derive(Serialize)]
struct Claim<'r> {
    base: Option<String>,
    end: Option<String>,
    size: String,
    kind: &'r str,
    node: &'r str,
    flags: &'r [&'static str],
}

#[derive(Serialize)]
struct Done<'r> {
    kind: &'r str,
    node: &'r str,
    description: &'r str,
}

#[derive(Serialize)]
struct Summary {
    errors: usize,
    warnings: usize,
    notes: usize,
    #[serde(skip_serializing_if = "is_zero")]
    suppressed: usize,
    #[serde(skip_serializing_if = "is_zero")]
    unreadable: usize,
}

pub(super) const FORMAT: Format = Format {
    name: "json",
    help: "For programs, by docs/schema/report.schema.json",
    render,
    ..Format::DOCUMENT
};

/// Returns the reports as one document.
fn render(results: &Results<'_>) -> String {
    let Counts { errors, warnings, notes, suppressed, unreadable } = Counts::of(results.reports);
    let document = Document {
        schema: SCHEMA,
        inputs: results.reports.iter().map(input).collect(),
        summary: Summary { errors, warnings, notes, suppressed, unreadable },
    };
    text::json(&document)
}

fn input(report: &Report) -> Input<'_> {
    Input {
        path: &report.path,
        error: report.failure.as_ref().map(Failure::message),
        findings: report.findings.iter().map(finding).collect(),
        map: report.map.iter().map(claim).collect(),
        repairs: report
            .repairs
            .iter()
            .map(|repair| Done { kind: repair.kind, node: &repair.node, description: &repair.what })
            .collect(),
    }
}

fn finding(shown: &Diagnostic) -> Finding<'_> {
    let finding = &shown.finding;
    Finding {
        rule: finding.rule.to_string(),
        name: rules::doc(finding.rule).map_or("", |doc| doc.name),
        severity: finding.severity.to_string(),
        node: &finding.node,
        property: finding.property.as_deref(),
        message: &finding.message,
        spans: finding
            .spans
            .iter()
            .map(|LabelledSpan { span, label }| Mark {
                base: hex(span.base()),
                end: hex(span.end()),
                what: label.text(),
                node: label.node(),
            })
            .collect(),
        help: &finding.help,
        repair: finding.repair.as_ref().map(|repair| Repair {
            kind: repair.kind.name(),
            safe: repair.kind.is_safe(),
            description: &repair.description,
        }),
        location: shown.place.as_ref().map(|located| location(&located.place)),
        kernels: &shown.kernels,
        suppressed: shown
            .suppressed
            .as_ref()
            .map(|suppressed| Suppressed { by: suppressed.by, reason: &suppressed.reason }),
    }
}

fn location(place: &Place) -> Location<'_> {
    let Place { file, line, column, end_line, end_column } = place;
    Location { file, line: *line, column: *column, end_line: *end_line, end_column: *end_column }
}

const fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn claim(entry: &Entry) -> Claim<'_> {
    Claim {
        base: entry.span.map(Span::base).map(hex),
        end: entry.span.map(Span::end).map(hex),
        size: hex(entry.size),
        kind: entry.kind,
        node: &entry.node,
        flags: &entry.flags,
    }
}

fn hex(number: u64) -> String {
    format!("{number:#x}")
}
