//! Reads `ringfence.toml`, as strictly as a policy is read.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ringfence::facts::BootFacts;
use ringfence::finding::Severity;
use ringfence::policy::CmaWant;
use ringfence::profile::KernelProfile;
use ringfence::span::Span;
use toml::de::DeValue;

use super::{Board, Config, Pattern, Suppression, When};
use crate::failure::Failure;
use crate::input;
use crate::project::boot_map::{self, Place};
use crate::project::date::{self, Date};
use crate::project::policy_file::build::{CMA_KEYS, cma_want};
use crate::project::policy_file::reader::{Fault, Section, Value, document, text, wrong_type};
use crate::project::rule::Selector;
use crate::project::{kernel, policy_file};
use crate::{args, suggest};

/// Every table with the keys it knows, for the reference and for the schema that editors use.
pub const KEYS: &[Table] = &[ROOT, SUPPRESS, BOARD, CMA, BOOT_MAP];

/// The name of a table and its keys.
type Table = (&'static str, &'static [&'static str]);

const ROOT: Table = ("the configuration", &["inputs", "kernels", "include", "severity", "suppress", "board"]);
const SUPPRESS: Table = ("[[suppress]]", &["rule", "node", "match", "reason", "until"]);
const BOARD: Table = ("[[board]]", &["match", "compatible", "policy", "kernels", "ram", "boot-map", "cma"]);
const CMA: Table = ("[[board.cma]]", &["when", "size", "alignment", "range", "via"]);
const BOOT_MAP: Table = ("[board.boot-map]", &["kernel", "initrd", "dtb", "stage", "bundle"]);

/// Why a configuration cannot be read: something in it, or a file that it names.
enum Trouble {
    Here(Fault),
    There(Failure),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Here(fault)
    }
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// A [`Failure`] that points at the line.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let bytes = input::read_any(path)?;
        let text = String::from_utf8(bytes).map_err(|_| Failure::of(path, "this is not text"))?;
        Self::parse(path, &text)
    }

    /// Reads a configuration from text; files that it names are looked for beside `path`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, Failure> {
        config(path, text).map_err(|trouble| match trouble {
            Trouble::There(failure) => failure,
            Trouble::Here(fault) => Failure::new(format!("configuration: {}", fault.message)).at(
                &path.display().to_string(),
                text,
                fault.span,
                fault.label,
            ),
        })
    }
}

fn config(path: &Path, text: &str) -> Result<Config, Trouble> {
    let document = document(text)?;
    let root = Section::root(ROOT.0, &document);
    root.only(ROOT.1)?;
    let home = path.parent().unwrap_or(Path::new(""));
    let severities = match root.get("severity") {
        None => Vec::new(),
        Some(value) => severities(&Section::of("[severity]", value)?)?,
    };
    let suppressions = root.list("suppress", SUPPRESS.0)?;
    let boards = root.list("board", BOARD.0)?;
    Ok(Config {
        path: path.to_path_buf(),
        inputs: root.texts("inputs")?.into_iter().map(|(text, _)| text.to_string()).collect(),
        kernels: kernels(&root)?,
        includes: root.texts("include")?.into_iter().map(|(text, _)| home.join(text)).collect(),
        severities,
        suppressions: suppressions.iter().map(suppression).collect::<Result<_, _>>()?,
        boards: boards.iter().map(|section| board(section, home)).collect::<Result<_, _>>()?,
    })
}

fn severities(section: &Section<'_, '_>) -> Result<Vec<(Selector, Option<Severity>)>, Fault> {
    const WORDS: &[(&str, Option<Severity>)] = &[
        ("error", Some(Severity::Error)),
        ("warning", Some(Severity::Warning)),
        ("note", Some(Severity::Note)),
        ("off", None),
    ];
    let one = |(key, value): (&toml::Spanned<toml::de::DeString<'_>>, Value<'_, '_>)| {
        let id = rule(key.get_ref(), key.span())?;
        let word = text(value, key.get_ref())?;
        let known: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
        let severity = WORDS.iter().find(|(name, _)| *name == word).map(|(_, severity)| *severity);
        let fault = || Fault::new(value.span(), "unknown severity", suggest::question(word, &known));
        Ok((id, severity.ok_or_else(fault)?))
    };
    section.entries().map(one).collect()
}

fn suppression(section: &Section<'_, '_>) -> Result<Suppression, Fault> {
    section.only(SUPPRESS.1)?;
    let rule_value = section.require("rule")?;
    let node = section.require("node")?;
    let reason = section.require("reason")?;
    let why = text(reason, "reason")?.trim();
    if why.is_empty() {
        return Err(Fault::new(reason.span(), "`reason` is empty", "say why this finding does not matter"));
    }
    Ok(Suppression {
        rule: rule(text(rule_value, "rule")?, rule_value.span())?,
        node: pattern((text(node, "node")?, node.span()))?,
        files: patterns(section, "match")?,
        reason: why.to_string(),
        until: section.get("until").map(date).transpose()?,
        used: Arc::default(),
    })
}

fn board(section: &Section<'_, '_>, home: &Path) -> Result<Board, Trouble> {
    section.only(BOARD.1)?;
    let policy = match section.text("policy")? {
        None => None,
        Some(file) => Some(policy_file::load(&home.join(file)).map_err(Trouble::There)?),
    };
    let cases = section.list("cma", CMA.0)?;
    Ok(Board {
        files: patterns(section, "match")?,
        compatible: patterns(section, "compatible")?,
        policy,
        kernels: kernels(section)?,
        ram: banks(section)?,
        boot: boot_facts(section, home)?,
        cma: cases.iter().map(cma_case).collect::<Result<_, _>>()?,
    })
}

fn cma_case(section: &Section<'_, '_>) -> Result<(When, CmaWant), Fault> {
    debug_assert!(CMA_KEYS.iter().all(|key| CMA.1.contains(key)));
    section.only(CMA.1)?;
    let when = match section.get("when") {
        None => When::Always,
        Some(value) => When::parse(text(value, "when")?)
            .map_err(|why| Fault::new(value.span(), "`when` is not usable", why))?,
    };
    Ok((when, cma_want(section)?))
}

fn boot_facts(section: &Section<'_, '_>, home: &Path) -> Result<BootFacts, Trouble> {
    let mut facts = BootFacts::default();
    let Some(value) = section.get("boot-map") else { return Ok(facts) };
    let table = Section::of(BOOT_MAP.0, value)?;
    table.only(BOOT_MAP.1)?;
    for &(name, item) in boot_map::ITEMS {
        let Some(value) = table.get(name) else { continue };
        let place = Place::parse(text(value, name)?)
            .map_err(|why| Fault::new(value.span(), format!("`{name}` is not usable"), why))?;
        place.enter(item, home, &mut facts).map_err(Trouble::There)?;
    }
    Ok(facts)
}

fn banks(section: &Section<'_, '_>) -> Result<Vec<Span>, Fault> {
    let bank = |(text, span): (&str, Range<usize>)| {
        args::span(text).map_err(|why| Fault::new(span, "`ram` is not usable", why))
    };
    section.texts("ram")?.into_iter().map(bank).collect()
}

fn kernels(section: &Section<'_, '_>) -> Result<Vec<KernelProfile>, Fault> {
    let one = |(text, span): (&str, Range<usize>)| {
        kernel::parse(text).map_err(|why| Fault::new(span, format!("unknown kernel `{text}`"), why))
    };
    section.texts("kernels")?.into_iter().map(one).collect()
}

fn patterns(section: &Section<'_, '_>, key: &str) -> Result<Vec<Pattern>, Fault> {
    section.texts(key)?.into_iter().map(pattern).collect()
}

fn pattern((text, span): (&str, Range<usize>)) -> Result<Pattern, Fault> {
    Pattern::new(text).map_err(|why| Fault::new(span, "the pattern is not usable", why))
}

fn rule(name: &str, span: Range<usize>) -> Result<Selector, Fault> {
    Selector::parse(name).map_err(|meant| Fault::new(span, format!("unknown rule `{name}`"), meant))
}

/// Returns a TOML date, or the same in quotes.
fn date(value: Value<'_, '_>) -> Result<Date, Fault> {
    let written = match value.get_ref() {
        DeValue::Datetime(date) => date.to_string(),
        DeValue::String(date) => date.to_string(),
        _ => return Err(wrong_type(value, "until", "a date such as 2027-03-31")),
    };
    let fault = || {
        Fault::new(
            value.span(),
            "`until` is not a date",
            "write 2027-03-31; it is the last day of the suppression",
        )
    };
    date::parse(&written).ok_or_else(fault)
}

#[cfg(test)]
mod tests;
