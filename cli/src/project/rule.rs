//! Rules as people name them: by number or by name.

use std::fmt;

use ringfence::rules::{self, DOCS, Doc};

use ringfence::finding::RuleId;

use crate::suggest;

/// Finds a rule by its number or its name.
///
/// # Errors
/// What was probably meant, and where to look.
pub fn find(text: &str) -> Result<&'static Doc, String> {
    let meant = || {
        let numbers: Vec<String> = DOCS.iter().map(|doc| doc.id.to_string()).collect();
        let names = DOCS.iter().map(|doc| doc.name);
        match suggest::nearest(text, numbers.iter().map(String::as_str).chain(names)) {
            Some(meant) => format!("did you mean `{meant}`? `ringfence rules` lists all"),
            None => "`ringfence rules` lists all".to_string(),
        }
    };
    rules::find(text).ok_or_else(meant)
}

/// Returns the number and the name of every rule.
#[must_use]
pub fn names() -> Vec<String> {
    DOCS.iter().flat_map(|doc| [doc.id.to_string(), doc.name.to_owned()]).collect()
}

/// Rules that are named together: one by its number or its name, or all whose number begins alike, as `RF2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// How the numbers begin, with the letters.
    prefix: String,
}

impl Selector {
    /// Parses a number, a name or a prefix.
    ///
    /// # Errors
    /// What was probably meant.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let upper = text.to_ascii_uppercase();
        let prefix = if upper.starts_with("RF") { upper } else { format!("RF{upper}") };
        let digits = prefix.strip_prefix("RF").unwrap_or_default();
        let is_prefix = digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_prefix
            && !text.trim().is_empty()
            && DOCS.iter().any(|doc| doc.id.to_string().starts_with(&prefix))
        {
            return Ok(Self { prefix });
        }
        let doc = find(text)?;
        Ok(Self { prefix: doc.id.to_string() })
    }
}

impl Selector {
    /// Tells whether it names a rule.
    #[must_use]
    pub fn matches(&self, rule: RuleId) -> bool {
        rule.to_string().starts_with(&self.prefix)
    }

    /// Returns how exactly it names rules: the more, the more exactly.
    #[must_use]
    pub fn exactness(&self) -> usize {
        self.prefix.len()
    }

    /// Returns the rules that it names, in the order of their numbers.
    pub fn rules(&self) -> impl Iterator<Item = &'static Doc> {
        DOCS.iter().filter(|doc| self.matches(doc.id))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.prefix)
    }
}

/// Tells whether a rule is reported: selected, where anything is, and not ignored, or selected more exactly
/// than ignored.
#[must_use]
pub fn is_reported(rule: RuleId, select: &[Selector], ignore: &[Selector]) -> bool {
    let exactness = |selectors: &[Selector]| {
        selectors.iter().filter(|selector| selector.matches(rule)).map(Selector::exactness).max()
    };
    match (exactness(select), exactness(ignore)) {
        (None, _) if !select.is_empty() => false,
        (selected, Some(ignored)) => selected.is_some_and(|selected| selected > ignored),
        (_, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_selected_by_number_name_and_prefix_and_the_more_exact_wins() {
        let selectors = |texts: &[&str]| -> Vec<Selector> {
            texts.iter().map(|text| Selector::parse(text).unwrap()).collect()
        };
        let reported = |rule, select: &[&str], ignore: &[&str]| {
            is_reported(RuleId(rule), &selectors(select), &selectors(ignore))
        };
        assert!(reported(201, &[], &[]) && reported(201, &["RF2"], &[]) && reported(201, &["overlap"], &[]));
        assert!(
            !reported(305, &["RF2"], &[]) && !reported(201, &[], &["rf2"]) && !reported(201, &[], &["201"])
        );
        assert!(reported(201, &["RF201"], &["RF2"]) && !reported(201, &["RF2"], &["RF201"]));
        assert!(!reported(201, &["RF2"], &["RF2"]), "what is named in both is left out");
        for text in ["", "RF999", "RF20x", "overlapp"] {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
        assert!(Selector::parse("overlapp").unwrap_err().contains("did you mean `overlap`?"));
    }
}
