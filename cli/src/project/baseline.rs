//! Baselines: the findings that a tree had when it was adopted. Only new findings count.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ringfence::finding::Finding;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::report::Report;
use crate::{input, write_out};

/// The version of the form that is written.
const SCHEMA: u32 = 2;

/// The findings that are known, as a file holds them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: u32,
    findings: BTreeSet<Known>,
}

/// One finding: the same rule on the same property of the same node of the same file, whatever its words.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct Known {
    input: String,
    rule: String,
    node: String,
    /// `None` where the node as a whole is at fault.
    property: Option<String>,
}

/// Version 1: it has the words of a finding in place of the property.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentV1 {
    #[serde(rename = "schema")]
    _schema: u32,
    findings: BTreeSet<KnownV1>,
}

/// The words are left out of account: they are not those of this version.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct KnownV1 {
    input: String,
    rule: String,
    node: String,
    #[serde(rename = "message")]
    _message: String,
}

/// What is read first.
#[derive(Deserialize)]
struct Version {
    schema: u32,
}

/// A baseline, read.
#[derive(Clone, Debug)]
pub struct Baseline {
    home: PathBuf,
    findings: Findings,
    /// Inputs whose file is gone, once that was looked up.
    gone: OnceLock<BTreeSet<String>>,
}

#[derive(Clone, Debug)]
enum Findings {
    V1(BTreeSet<(String, String, String)>),
    V2(BTreeSet<Known>),
}

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    /// When it cannot be read, or is not a baseline.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        Self::parse(path, &input::read_text(path)?)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Failure> {
        let malformed = |error| {
            Failure::of(path, format!("not a baseline: {error}"))
                .with_help("`ringfence check --baseline FILE --write-baseline INPUT...` writes one")
        };
        let Version { schema } = serde_json::from_slice(bytes).map_err(malformed)?;
        let findings = match schema {
            1 => {
                let document: DocumentV1 = serde_json::from_slice(bytes).map_err(malformed)?;
                let key = |known: KnownV1| (known.input, known.rule, known.node);
                Findings::V1(document.findings.into_iter().map(key).collect())
            }
            SCHEMA => {
                let document: Document = serde_json::from_slice(bytes).map_err(malformed)?;
                Findings::V2(document.findings)
            }
            other => {
                let why = format!("a baseline of schema {other}; this version reads {SCHEMA} and older ones");
                return Err(Failure::of(path, why));
            }
        };
        Ok(Self { home: home(path), findings, gone: OnceLock::new() })
    }

    /// Tells whether a finding on an input is known. In a baseline of version 1, one finding of a rule on a
    /// node stands for all of them. An entry of a file that is gone stands for a file of the same name
    /// elsewhere.
    #[must_use]
    pub fn knows(&self, input: &str, finding: &Finding) -> bool {
        let known = known(&self.home, input, finding);
        let same = |entry: &Entry<'_>| {
            let same_node = entry.rule == known.rule && entry.node == known.node;
            same_node && entry.property.is_none_or(|property| property == &known.property)
        };
        let of_file = |name: &str| self.entries().filter(move |entry| entry.input == name).any(|e| same(&e));
        let name = |input: &str| Path::new(input).file_name().map(OsStr::to_os_string);
        let moved = || {
            let gone = self.gone().iter().filter(|gone| name(gone) == name(&known.input));
            gone.into_iter().any(|gone| of_file(gone))
        };
        of_file(&known.input) || moved()
    }

    /// Lists the entries that no finding of the reports matches any more, of the inputs that were read.
    #[must_use]
    pub fn stale(&self, reports: &[Report]) -> Vec<String> {
        let mut found = BTreeSet::new();
        let mut inputs = BTreeSet::new();
        for report in reports.iter().filter(|report| report.failure.is_none()) {
            inputs.insert(from(&self.home, &clean(Path::new(&report.path))).display().to_string());
            found.extend(report.findings.iter().map(|shown| known(&self.home, &report.path, &shown.finding)));
        }
        let is_found = |entry: &Entry<'_>| {
            found.iter().any(|known| {
                let same_node = entry.rule == known.rule && entry.node == known.node;
                let same_property = entry.property.is_none_or(|property| property == &known.property);
                entry.input == known.input && same_node && same_property
            })
        };
        let stale = self.entries().filter(|entry| inputs.contains(entry.input) && !is_found(entry));
        stale.map(|entry| format!("{} at {} in {}", entry.rule, entry.node, entry.input)).collect()
    }

    fn entries(&self) -> Box<dyn Iterator<Item = Entry<'_>> + '_> {
        match &self.findings {
            Findings::V1(findings) => Box::new(findings.iter().map(|(input, rule, node)| Entry {
                input,
                rule,
                node,
                property: None,
            })),
            Findings::V2(findings) => Box::new(findings.iter().map(|known| Entry {
                input: &known.input,
                rule: &known.rule,
                node: &known.node,
                property: Some(&known.property),
            })),
        }
    }

    /// Returns the inputs of entries whose file is gone.
    fn gone(&self) -> &BTreeSet<String> {
        self.gone.get_or_init(|| {
            let inputs: BTreeSet<&str> = self.entries().map(|entry| entry.input).collect();
            let is_gone = |input: &&str| {
                let file = input.split_once('#').map_or(*input, |(file, _)| file);
                !self.home.join(input).exists() && !self.home.join(file).exists()
            };
            inputs.into_iter().filter(is_gone).map(str::to_owned).collect()
        })
    }
}

/// An entry of either version.
struct Entry<'b> {
    input: &'b str,
    rule: &'b str,
    node: &'b str,
    /// `None` where the version does not say.
    property: Option<&'b Option<String>>,
}

/// Writes every finding of the reports that counts as the baseline at `path`; says how many there are.
///
/// # Errors
/// When the file is there and is not a baseline, or cannot be written.
pub fn write(path: &Path, reports: &[Report]) -> Result<usize, Failure> {
    write_out::keep_apart(path)?;
    if path.is_file() {
        Baseline::parse(path, &input::read_target(path)?)
            .map_err(|failure| failure.with_help("a file that is not a baseline is not overwritten"))?;
    }
    let home = home(path);
    let findings: BTreeSet<Known> = reports
        .iter()
        .flat_map(|report| report.findings.iter().map(move |shown| (report, shown)))
        .filter(|(_, shown)| shown.counts())
        .map(|(report, shown)| known(&home, &report.path, &shown.finding))
        .collect();
    let count = findings.len();
    let text = serde_json::to_string_pretty(&Document { schema: SCHEMA, findings });
    let text = text.map_err(|error| Failure::of(path, error))?;
    write_out::write(path, format!("{text}\n").as_bytes())?;
    Ok(count)
}

/// Returns where inputs are counted from, so that it does not matter from where the tool is run.
fn home(path: &Path) -> PathBuf {
    clean(path).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Returns the path without `..` and links on the way to it. What follows `#` in the name of a tree from a
/// bundle is part of the last component, and of no file.
fn clean(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let parent = absolute.parent().and_then(|parent| parent.canonicalize().ok());
    match (parent, absolute.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => absolute,
    }
}

fn known(home: &Path, input: &str, finding: &Finding) -> Known {
    Known {
        input: from(home, &clean(Path::new(input))).display().to_string(),
        rule: finding.rule.to_string(),
        node: finding.node.clone(),
        property: finding.property.clone(),
    }
}

/// Returns the relative path from a directory to a file, so that a baseline is valid wherever the project is.
fn from(home: &Path, file: &Path) -> PathBuf {
    let shared = home.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    let up = home.components().skip(shared).map(|_| Path::new(".."));
    up.chain(file.components().skip(shared).map(|part| Path::new(part.as_os_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_goes_up_and_down() {
        let way = |home, file| from(Path::new(home), Path::new(file)).display().to_string();
        assert_eq!(way("/src/project", "/src/project/boards/a.dtb"), "boards/a.dtb");
        assert_eq!(way("/src/project/ci", "/src/project/boards/a.dtb"), "../boards/a.dtb");
        assert_eq!(way("/a/b", "/c"), "../../c");
    }
}
