//! Reads `ringfence.toml`, as strictly as a policy is read.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ringfence::facts::BootFacts;
use ringfence::finding::Severity;
use ringfence::policy::CmaWant;
use ringfence::profile::KernelProfile;
use ringfence::span::Span;
use toml::de::{DeTable, DeValue};

use super::{Base, Board, Config, Pattern, Suppression, When};
use crate::failure::Failure;
use crate::input;
use crate::project::boot_map::{self, Place};
use crate::project::date::{self, Date};
use crate::project::policy_file::build::{CMA_KEYS, cma_want};
use crate::project::policy_file::reader::{Fault, Faults, Section, Value, document, text, wrong_type};
use crate::project::rule::Selector;
use crate::project::{kernel, policy_file};
use crate::{args, suggest};

/// Every table with the keys it knows, for the reference and for the schema that editors use.
pub const KEYS: &[Table] = &[ROOT, SUPPRESS, BOARD, CMA, BOOT_MAP];

/// The name of a table and its keys.
type Table = (&'static str, &'static [&'static str]);

const ROOT: Table = ("the configuration", &["inputs", "kernels", "include", "severity", "suppress", "board"]);
const SUPPRESS: Table = ("[[suppress]]", &["rule", "node", "match", "reason", "until"]);
const BOARD: Table =
    ("[[board]]", &["match", "compatible", "base", "policy", "kernels", "ram", "boot-map", "cma"]);
const CMA: Table = ("[[board.cma]]", &["when", "size", "alignment", "range", "via"]);
const BOOT_MAP: Table = ("[board.boot-map]", &["kernel", "initrd", "dtb", "stage", "bundle"]);

/// What is wrong: in the configuration, and with the files that it names.
#[derive(Default)]
struct Troubles {
    here: Faults,
    there: Vec<Failure>,
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// A [`Failure`] that points at every line with a mistake.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let bytes = input::read_text(path)?;
        let text = String::from_utf8(bytes).map_err(|_| Failure::of(path, "this is not text"))?;
        Self::parse(path, &text)
    }

    /// Reads a configuration from text; files that it names are looked for beside `path`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let failure = |fault: Fault| {
            let message = format!("configuration: {}", fault.message);
            Failure::new(message).at(&name, text, fault.span, fault.label)
        };
        let all = |faults: Vec<Fault>| faults.into_iter().map(failure);
        let document = document(text).map_err(|faults| Failure::all(all(faults)))?;
        let mut troubles = Troubles::default();
        let config = config(path, text, &document, &mut troubles);
        match (troubles.here.none_or(config), troubles.there) {
            (Ok(config), there) if there.is_empty() => Ok(config),
            (Ok(_), there) => Err(Failure::all(there)),
            (Err(faults), there) => Err(Failure::all(all(faults).chain(there))),
        }
    }
}

fn config(path: &Path, text: &str, document: &toml::Spanned<DeTable<'_>>, troubles: &mut Troubles) -> Config {
    let root = Section::root(ROOT.0, document);
    let home = path.parent().unwrap_or(Path::new(""));
    let of = (path.display().to_string().into(), text.into());
    let faults = &mut troubles.here;
    faults.extend(root.unknown(ROOT.1));
    let severity = root.get("severity").map(|value| Section::of("[severity]", value)).transpose();
    let suppressions = faults.take(root.list("suppress", SUPPRESS.0));
    let boards = faults.take(root.list("board", BOARD.0));
    let texts = |faults: &mut Faults, key| faults.take(root.texts(key)).into_iter().map(|(text, _)| text);
    Config {
        path: path.to_path_buf(),
        inputs: texts(faults, "inputs").map(str::to_owned).collect(),
        kernels: kernels(&root, faults),
        includes: texts(faults, "include").map(|text| home.join(text)).collect(),
        severities: faults.take(severity).map(|section| severities(&section, faults)).unwrap_or_default(),
        suppressions: suppressions.iter().filter_map(|section| suppression(section, faults)).collect(),
        boards: boards.iter().map(|section| board(section, home, &of, troubles)).collect(),
    }
}

fn severities(section: &Section<'_, '_>, faults: &mut Faults) -> Vec<(Selector, Option<Severity>)> {
    const WORDS: &[(&str, Option<Severity>)] = &[
        ("error", Some(Severity::Error)),
        ("warning", Some(Severity::Warning)),
        ("note", Some(Severity::Note)),
        ("off", None),
    ];
    let mut out = Vec::new();
    for (key, value) in section.entries() {
        let id = faults.ok(rule(key.get_ref(), key.span()));
        let Some(word) = faults.ok(text(value, key.get_ref())) else { continue };
        match WORDS.iter().find(|(name, _)| *name == word) {
            Some((_, severity)) => out.extend(id.map(|id| (id, *severity))),
            None => {
                let known: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
                faults.push(Fault::new(value.span(), "unknown severity", suggest::question(word, &known)));
            }
        }
    }
    out
}

/// Reads one suppression. What is wrong with it is reported, and there is none then.
fn suppression(section: &Section<'_, '_>, faults: &mut Faults) -> Option<Suppression> {
    faults.extend(section.unknown(SUPPRESS.1));
    let mut required = |key| {
        let value = faults.ok(section.require(key))?;
        Some((faults.ok(text(value, key))?, value.span()))
    };
    let (named, node, why) = (required("rule"), required("node"), required("reason"));
    let named = named.and_then(|(name, span)| faults.ok(rule(name, span)));
    let node = node.and_then(|node| faults.ok(pattern(node)));
    let why = why.and_then(|(why, span)| match why.trim() {
        "" => {
            faults.push(Fault::new(span, "`reason` is empty", "say why this finding does not matter"));
            None
        }
        why => Some(why.to_owned()),
    });
    let files = patterns(section, "match", faults);
    let until = faults.take(section.get("until").map(date).transpose());
    Some(Suppression { rule: named?, node: node?, files, reason: why?, until, used: Arc::default() })
}

/// Reads one board; `of` is the name and the text of the configuration.
fn board(
    section: &Section<'_, '_>,
    home: &Path,
    of: &(Arc<str>, Arc<str>),
    troubles: &mut Troubles,
) -> Board {
    let faults = &mut troubles.here;
    faults.extend(section.unknown(BOARD.1));
    let base = faults.take(section.text("base")).zip(section.place("base"));
    let base = base.map(|(file, span)| Base::new(home.join(file), of.0.clone(), of.1.clone(), span));
    let policy = faults.take(section.text("policy")).map(|file| home.join(file));
    let policy = policy.map(|file| input::check_regular(&file).and_then(|()| policy_file::load(&file)));
    let cases = faults.take(section.list("cma", CMA.0));
    let boot = boot_facts(section, home, troubles);
    let Troubles { here: faults, there } = troubles;
    Board {
        files: patterns(section, "match", faults),
        compatible: patterns(section, "compatible", faults),
        base,
        policy: policy.and_then(|policy| policy.map_err(|failure| there.push(failure)).ok()),
        kernels: kernels(section, faults),
        ram: banks(section, faults),
        boot,
        cma: cases.iter().filter_map(|section| cma_case(section, faults)).collect(),
    }
}

fn cma_case(section: &Section<'_, '_>, faults: &mut Faults) -> Option<(When, CmaWant)> {
    debug_assert!(CMA_KEYS.iter().all(|key| CMA.1.contains(key)));
    faults.extend(section.unknown(CMA.1));
    let when = match section.get("when") {
        None => Some(When::Always),
        Some(value) => faults.ok(text(value, "when").and_then(|text| {
            When::parse(text).map_err(|why| Fault::new(value.span(), "`when` is not usable", why))
        })),
    };
    let want = faults.ok(cma_want(section));
    Some((when?, want?))
}

fn boot_facts(section: &Section<'_, '_>, home: &Path, troubles: &mut Troubles) -> BootFacts {
    let Troubles { here: faults, there } = troubles;
    let mut facts = BootFacts::default();
    let table = section.get("boot-map").map(|value| Section::of(BOOT_MAP.0, value)).transpose();
    let Some(table) = faults.take(table) else { return facts };
    faults.extend(table.unknown(BOOT_MAP.1));
    for &(name, item) in boot_map::ITEMS {
        let Some(value) = table.get(name) else { continue };
        let place = text(value, name).and_then(|text| {
            Place::parse(text).map_err(|why| Fault::new(value.span(), format!("`{name}` is not usable"), why))
        });
        let entered = faults.ok(place).map(|place| {
            let file = place.file().map(|(_, file)| home.join(file));
            file.as_deref().map_or(Ok(()), input::check_regular)?;
            place.enter(item, home, &mut facts)
        });
        there.extend(entered.and_then(Result::err));
    }
    facts
}

fn banks(section: &Section<'_, '_>, faults: &mut Faults) -> Vec<Span> {
    each(section, "ram", faults, |(text, span)| {
        args::span(text).map_err(|why| Fault::new(span, "`ram` is not usable", why))
    })
}

fn kernels(section: &Section<'_, '_>, faults: &mut Faults) -> Vec<KernelProfile> {
    each(section, "kernels", faults, |(text, span)| {
        kernel::parse(text).map_err(|why| Fault::new(span, format!("unknown kernel `{text}`"), why))
    })
}

fn patterns(section: &Section<'_, '_>, key: &str, faults: &mut Faults) -> Vec<Pattern> {
    each(section, key, faults, pattern)
}

/// Reads each string of a list; what is wrong with one is reported.
fn each<T>(
    section: &Section<'_, '_>,
    key: &str,
    faults: &mut Faults,
    read: impl Fn((&str, Range<usize>)) -> Result<T, Fault>,
) -> Vec<T> {
    let texts = faults.take(section.texts(key));
    texts.into_iter().filter_map(|text| faults.ok(read(text))).collect()
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
