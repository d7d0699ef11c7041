//! SARIF 2.1.0, for code scanning services and editors.

use ringfence::finding::{LabelledSpan, Severity};
use ringfence::rules::{DOCS, Doc};
use serde_json::{Value, json};

use super::{Format, Results};
use crate::input::{Place, Positions};
use crate::report::source_fix::Replacement;
use crate::report::{Diagnostic, Report};
use crate::terminal::prose::unwrapped;

pub(super) const FORMAT: Format =
    Format { name: "sarif", help: "SARIF 2.1.0, for code scanning", render, ..Format::DOCUMENT };

/// Returns the reports as one run. What is suppressed is marked, not dropped.
fn render(results: &Results<'_>) -> String {
    let notifications: Vec<Value> = results.reports.iter().filter_map(notification).collect();
    let results: Vec<Value> = results
        .reports
        .iter()
        .flat_map(|report| report.findings.iter().map(move |shown| result(report, shown)))
        .collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "ringfence",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": DOCS.iter().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": notifications.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

/// Returns an input that cannot be read.
fn notification(report: &Report) -> Option<Value> {
    let failure = report.failure.as_ref()?;
    Some(json!({
        "level": "error",
        "message": { "text": failure.message() },
        "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(&report.file) } } }],
    }))
}

fn rule(doc: &Doc) -> Value {
    let why = unwrapped(doc.why);
    let mut markdown = why.clone();
    for (title, language, text) in
        [("Wrong", "dts", doc.bad), ("Right", "dts", doc.good), ("Under the policy", "toml", doc.policy)]
    {
        if !text.is_empty() {
            markdown += &format!("\n\n{title}:\n\n```{language}\n{}\n```", text.trim_end());
        }
    }
    let mut rule = json!({
        "id": doc.id.to_string(),
        "name": doc.name,
        "shortDescription": { "text": doc.title },
        "fullDescription": { "text": why },
        "help": { "text": why, "markdown": markdown },
        "defaultConfiguration": { "level": level(doc.severity) },
    });
    // A link needs a place to lead to: without a repository the help text is all there is.
    let repository = env!("CARGO_PKG_REPOSITORY");
    if !repository.is_empty() {
        let uri = format!("{repository}/blob/v{}/docs/rules.md", env!("CARGO_PKG_VERSION"));
        set(&mut rule, "helpUri", uri.into());
    }
    rule
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn result(report: &Report, shown: &Diagnostic) -> Value {
    let finding = &shown.finding;
    let mut text = format!("{}: {}", finding.node, finding.message);
    if !finding.help.is_empty() {
        text += &format!("\n{}", finding.help);
    }
    let mut location = json!({
        "physicalLocation": { "artifactLocation": { "uri": uri(&report.file) } },
        "logicalLocations": [{ "fullyQualifiedName": finding.node, "kind": "object" }],
    });
    if let Some(located) = &shown.place {
        set(&mut location, "physicalLocation", physical(report.positions.as_ref(), &located.place));
    }
    let spans: Vec<Value> = finding
        .spans
        .iter()
        .map(|LabelledSpan { span, label }| {
            let (base, end) = (format!("{:#x}", span.base()), format!("{:#x}", span.end()));
            json!({ "base": base, "end": end, "what": label.text() })
        })
        .collect();
    let mut properties = json!({ "input": report.path, "property": finding.property, "spans": spans });
    if !shown.kernels.is_empty() {
        set(&mut properties, "kernels", shown.kernels.clone().into());
    }
    let mut result = json!({
        "ruleId": finding.rule.to_string(),
        "level": level(finding.severity),
        "message": { "text": text },
        "locations": [location],
        "partialFingerprints": {
            "ruleNodeProperty/v1": format!(
                "{}:{}:{}:{}",
                report.path,
                finding.rule,
                finding.node,
                finding.property.as_deref().unwrap_or_default()
            ),
        },
        "properties": properties,
        // An empty list says that suppressions were looked for, and there are none.
        "suppressions": [],
    });
    if !shown.related.is_empty() {
        let related = shown.related.iter().map(|related| {
            let place = physical(report.positions.as_ref(), &related.place);
            json!({ "physicalLocation": place, "message": { "text": related.text } })
        });
        let related: Vec<Value> = related.collect();
        set(&mut result, "relatedLocations", related.into());
    }
    if let Some(index) = DOCS.iter().position(|doc| doc.id == finding.rule) {
        set(&mut result, "ruleIndex", index.into());
    }
    if let Some(suppressed) = &shown.suppressed {
        let why = json!([{ "kind": "external", "status": "accepted", "justification": suppressed.reason }]);
        set(&mut result, "suppressions", why);
    }
    if let Some(fix) = &shown.fix {
        let changes = changes(report.positions.as_ref(), &fix.replacements);
        let text = &fix.description;
        set(&mut result, "fixes", json!([{ "description": { "text": text }, "artifactChanges": changes }]));
    }
    result
}

/// Sets a key of an object.
fn set(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(map) = object {
        map.insert(key.to_owned(), value);
    }
}

fn physical(positions: Option<&Positions>, place: &Place) -> Value {
    json!({ "artifactLocation": { "uri": uri(&place.file) }, "region": region(positions, place) })
}

/// Replacements by file; those of one file follow each other.
fn changes(positions: Option<&Positions>, replacements: &[Replacement]) -> Vec<Value> {
    let files = replacements.chunk_by(|a, b| a.place.file == b.place.file);
    files
        .filter_map(|of_file| {
            let replaced = |replacement: &Replacement| {
                json!({
                    "deletedRegion": region(positions, &replacement.place),
                    "insertedContent": { "text": replacement.text },
                })
            };
            let all: Vec<Value> = of_file.iter().map(replaced).collect();
            let uri = uri(&of_file.first()?.place.file);
            Some(json!({ "artifactLocation": { "uri": uri }, "replacements": all }))
        })
        .collect()
}

fn region(positions: Option<&Positions>, place: &Place) -> Value {
    let text = positions.and_then(|positions| positions.text(&place.file));
    let column = |line: u32, column: u32| {
        let line = text.and_then(|text| text.lines().nth((line as usize).checked_sub(1)?));
        let before = line.and_then(|line| line.get(..(column as usize).checked_sub(1)?));
        before.map_or(u64::from(column), |before| before.chars().count() as u64 + 1)
    };
    json!({
        "startLine": place.line,
        "startColumn": column(place.line, place.column),
        "endLine": place.end_line,
        "endColumn": column(place.end_line, place.end_column),
    })
}

/// Returns a path as a URI: relative as it is, absolute with its scheme.
fn uri(path: &str) -> String {
    let kept = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._~@+,=".contains(byte);
    let encoded = path
        .bytes()
        .map(|byte| if kept(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    let encoded: String = encoded.collect();
    if path.starts_with('/') { format!("file://{encoded}") } else { encoded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("boards/a b.dts"), "boards/a%20b.dts");
        assert_eq!(uri("/boards/ä#1.dts"), "file:///boards/%C3%A4%231.dts");
    }
}
