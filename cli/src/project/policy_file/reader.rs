//! Reads a TOML table strictly: every value has a type and a place, every key must be known. Policies and the
//! configuration are read through it.

use std::ops::Range;

use ringfence::policy::Word;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::{number, suggest};

/// What is wrong at one place of a TOML file.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The bytes of the file it is about.
    pub(crate) span: Range<usize>,
    /// What is wrong, in one sentence.
    pub(crate) message: String,
    /// What to write under the bytes.
    pub(crate) label: String,
}

impl Fault {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { span, message: message.into(), label: label.into() }
    }
}

/// Parses a file.
///
/// # Errors
/// Every syntax error.
pub(crate) fn document(text: &str) -> Result<Spanned<DeTable<'_>>, Vec<Fault>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let end = text.len();
    let fault = |error: &toml::de::Error| {
        Fault::new(error.span().unwrap_or(end..end), "the file is not valid TOML", error.message())
    };
    if errors.is_empty() { Ok(table) } else { Err(errors.iter().map(fault).collect()) }
}

/// What is wrong in a file, in the order in which it was found.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Returns what could be read, or else keeps the fault.
    pub(crate) fn ok<T>(&mut self, read: Result<T, Fault>) -> Option<T> {
        read.map_err(|fault| self.push(fault)).ok()
    }

    /// Returns what could be read, or else keeps the fault and returns the default.
    pub(crate) fn take<T: Default>(&mut self, read: Result<T, Fault>) -> T {
        self.ok(read).unwrap_or_default()
    }

    /// Returns `value` when nothing is wrong, else what is, in the order of the file.
    pub(crate) fn none_or<T>(mut self, value: T) -> Result<T, Vec<Fault>> {
        self.0.sort_by_key(|fault| fault.span.start);
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}

impl Extend<Fault> for Faults {
    fn extend<I: IntoIterator<Item = Fault>>(&mut self, faults: I) {
        self.0.extend(faults);
    }
}

/// A value with its place.
pub(crate) type Value<'t, 'i> = &'t Spanned<DeValue<'i>>;

/// A table with its place and the name that messages use.
pub(crate) struct Section<'t, 'i> {
    table: &'t DeTable<'i>,
    /// The bytes of the file it takes.
    pub(crate) span: Range<usize>,
    name: &'static str,
}

impl<'t, 'i> Section<'t, 'i> {
    pub(crate) fn root(name: &'static str, table: &'t Spanned<DeTable<'i>>) -> Self {
        Self { table: table.get_ref(), span: table.span(), name }
    }

    pub(crate) fn of(name: &'static str, value: Value<'t, 'i>) -> Result<Self, Fault> {
        let table = value.get_ref().as_table().ok_or_else(|| wrong_type(value, name, "a table"))?;
        Ok(Self { table, span: value.span(), name })
    }

    /// Returns a fault for every key that is not in `known`.
    pub(crate) fn unknown(&self, known: &[&str]) -> impl Iterator<Item = Fault> {
        let strangers = self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref()));
        strangers.map(|key| {
            let (word, name) = (key.get_ref(), self.name);
            Fault::new(key.span(), format!("unknown key `{word}` in {name}"), suggest::question(word, known))
        })
    }

    /// Returns the place of the value of a key, or of `table.key`.
    pub(crate) fn place(&self, key: &str) -> Option<Range<usize>> {
        let mut value = None;
        for (depth, key) in key.split('.').enumerate() {
            let table = if depth == 0 { Some(self.table) } else { value.and_then(as_table) };
            value = table.and_then(|table| table.get(key));
        }
        value.map(Spanned::span)
    }

    /// Returns every key with its value, in the order of the names.
    pub(crate) fn entries(
        &self,
    ) -> impl Iterator<Item = (&'t Spanned<DeString<'i>>, Value<'t, 'i>)> + use<'t, 'i> {
        self.table.iter()
    }

    /// Returns the tables of `[[key]]`.
    pub(crate) fn list(&self, key: &'static str, name: &'static str) -> Result<Vec<Section<'t, 'i>>, Fault> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let list = value.get_ref().as_array().ok_or_else(|| {
            let label = format!("write {name}, in double brackets");
            Fault::new(value.span(), format!("`{key}` must be a list of tables"), label)
        })?;
        list.iter().map(|value| Section::of(name, value)).collect()
    }

    /// Returns strings, one alone or a list.
    pub(crate) fn texts(&self, key: &str) -> Result<Vec<(&'t str, Range<usize>)>, Fault> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let one = |value: Value<'t, 'i>| text(value, key).map(|text| (text, value.span()));
        match value.get_ref() {
            DeValue::Array(list) => list.iter().map(one).collect(),
            DeValue::String(_) => Ok(vec![one(value)?]),
            _ => Err(wrong_type(value, key, "a string or a list of strings")),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Value<'t, 'i>> {
        self.table.get(key)
    }

    pub(crate) fn require(&self, key: &str) -> Result<Value<'t, 'i>, Fault> {
        let fault = || Fault::new(self.span.clone(), format!("{} lacks `{key}`", self.name), "in this table");
        self.get(key).ok_or_else(fault)
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<String>, Fault> {
        self.get(key).map(|value| text(value, key).map(ToString::to_string)).transpose()
    }

    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, Fault> {
        let flag = |value: Value<'t, 'i>| {
            value.get_ref().as_bool().ok_or_else(|| wrong_type(value, key, "true or false"))
        };
        self.get(key).map(flag).transpose()
    }

    pub(crate) fn word<T: Word>(&self, key: &str) -> Result<Option<T>, Fault> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let word = text(value, key)?;
        let known: Vec<&str> = T::WORDS.iter().map(|&(name, _)| name).collect();
        let fault = || Fault::new(value.span(), format!("unknown `{key}`"), suggest::question(word, &known));
        T::from_word(word).map(Some).ok_or_else(fault)
    }

    pub(crate) fn address(&self, key: &str) -> Result<Option<u64>, Fault> {
        self.get(key).map(|value| address(value, key)).transpose()
    }

    pub(crate) fn size(&self, key: &str) -> Result<Option<u64>, Fault> {
        self.get(key).map(|value| self::number(value, key, number::size)).transpose()
    }
}

fn as_table<'t, 'i>(value: Value<'t, 'i>) -> Option<&'t DeTable<'i>> {
    value.get_ref().as_table()
}

pub(crate) fn address(value: Value<'_, '_>, key: &str) -> Result<u64, Fault> {
    number(value, key, number::address)
}

pub(crate) fn text<'t>(value: Value<'t, '_>, key: &str) -> Result<&'t str, Fault> {
    value.get_ref().as_str().ok_or_else(|| wrong_type(value, key, "a string"))
}

fn number(value: Value<'_, '_>, key: &str, read: fn(&str) -> Result<u64, String>) -> Result<u64, Fault> {
    let fault = |why: String| Fault::new(value.span(), format!("`{key}` is not usable"), why);
    match value.get_ref() {
        DeValue::String(text) => read(text).map_err(fault),
        DeValue::Integer(integer) => u64::from_str_radix(integer.as_str(), integer.radix())
            .map_err(|_| fault("not between 0 and 2^64".to_string())),
        _ => Err(wrong_type(value, key, "a number, or a string such as \"5 MiB\" or \"0x84300000\"")),
    }
}

pub(crate) fn wrong_type(value: Value<'_, '_>, key: &str, wanted: &str) -> Fault {
    let found = value.get_ref().type_str();
    Fault::new(value.span(), format!("`{key}` must be {wanted}"), format!("this is of type {found}"))
}
