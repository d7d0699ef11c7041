//! Rules as people name them: by number or by name.

use ringfence::rules::{self, DOCS, Doc};

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
