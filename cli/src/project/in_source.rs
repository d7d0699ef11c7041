//! Suppressions in the source: a comment next to a node, `/* ringfence: allow(RF201) reason */`.

use ringfence::finding::RuleId;

use crate::input::{Place, Positions};
use crate::project::rule::Selector;
use crate::report::{Diagnostic, Report, Suppressed};

/// How a suppression begins in a comment.
const MARK: &str = "ringfence: allow(";

/// Applies the suppressions in the source of a report. One that cannot be read is a warning.
pub fn apply(report: &mut Report) {
    let Some(positions) = &report.positions else { return };
    let mut warnings = Vec::new();
    for shown in report.findings.iter_mut().filter(|shown| shown.suppressed.is_none()) {
        let rule = shown.finding.rule;
        let reason = lines(positions, shown).iter().find_map(|line| match allowed(&line.text, rule) {
            Ok(reason) => reason,
            Err(why) => {
                warnings.push(format!("{}:{}: the suppression is ignored: {why}", line.file, line.number));
                None
            }
        });
        if let Some(reason) = reason {
            shown.suppressed = Some(Suppressed { by: "source", reason });
        }
    }
    warnings.sort();
    warnings.dedup();
    report.warnings.extend(warnings);
}

/// A line that may have a suppression.
struct Line {
    file: String,
    number: u32,
    text: String,
}

/// Returns the lines next to what a finding is about: those of the property and of the node's name, and the
/// lines with nothing but a comment before each of them.
fn lines(positions: &Positions, shown: &Diagnostic) -> Vec<Line> {
    let Some(located) = &shown.place else { return Vec::new() };
    let mut out = Vec::new();
    for place in [Some(&located.place), located.node.as_ref()].into_iter().flatten() {
        out.extend(near(positions, place));
    }
    out
}

fn near(positions: &Positions, place: &Place) -> Vec<Line> {
    let Some(text) = positions.text(&place.file) else { return Vec::new() };
    let before: Vec<&str> = text.lines().take(place.line as usize).collect();
    let mut lines = (1..).zip(before).collect::<Vec<(u32, &str)>>().into_iter().rev();
    let own = lines.next();
    let comments = lines.take_while(|(_, line)| {
        let line = line.trim();
        ["/*", "*", "//"].iter().any(|start| line.starts_with(start)) || line.ends_with("*/")
    });
    let line = |(number, text): (u32, &str)| Line { file: place.file.to_string(), number, text: text.into() };
    own.into_iter().chain(comments).map(line).collect()
}

/// Returns the reason for which a line suppresses a rule, if it does.
fn allowed(line: &str, rule: RuleId) -> Result<Option<String>, String> {
    let Some((before, rest)) = line.split_once(MARK) else { return Ok(None) };
    if !["/*", "//", "*"].iter().any(|start| before.contains(start)) {
        return Ok(None);
    }
    let (rules, reason) = rest.split_once(')').ok_or("`)` is missing")?;
    let selectors = rules.split(',').map(Selector::parse).collect::<Result<Vec<_>, _>>()?;
    let reason = reason.split("*/").next().unwrap_or_default().trim();
    if reason.is_empty() {
        return Err("it gives no reason: `/* ringfence: allow(RF201) one firmware owns both */`".to_owned());
    }
    let named = selectors.iter().any(|selector| selector.matches(rule));
    Ok(named.then(|| reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_names_rules_and_a_reason() {
        let allowed = |line: &str| allowed(line, RuleId(201));
        let both = Ok(Some("one firmware owns both".to_owned()));
        assert_eq!(allowed("/* ringfence: allow(RF201) one firmware owns both */"), both);
        assert_eq!(allowed("\tcamera@1 { // ringfence: allow(RF305, overlap) one firmware owns both"), both);
        assert_eq!(allowed(" * ringfence: allow(RF2) one firmware owns both"), both);
        assert_eq!(allowed("/* ringfence: allow(RF305) another rule */"), Ok(None));
        assert_eq!(allowed("label = \"ringfence: allow(RF201) not a comment\";"), Ok(None));
        for wrong in
            ["/* ringfence: allow(RF201) */", "// ringfence: allow(RF999) x", "// ringfence: allow(RF201 x"]
        {
            assert!(allowed(wrong).is_err(), "{wrong}");
        }
    }
}
