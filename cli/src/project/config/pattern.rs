//! Patterns of paths, as shells and ignore files have them.

use glob::MatchOptions;

/// A pattern: `*` stands for anything but `/`, `**` for directories, `?` for one character.
#[derive(Clone, Debug)]
pub struct Pattern(glob::Pattern);

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        glob::Pattern::new(text).map(Self).map_err(|error| error.to_string())
    }

    /// Tells whether it matches the whole of `text`.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::default() };
        self.0.matches_with(text, options)
    }

    /// Returns the pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Tells whether it contains directories.
    #[must_use]
    pub fn has_directory(&self) -> bool {
        self.0.as_str().contains('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stops_at_a_directory() {
        let matches = |pattern: &str, text: &str| Pattern::new(pattern).unwrap().matches(text);
        assert!(matches("/reserved-memory/camera@*", "/reserved-memory/camera@84300000"));
        assert!(!matches("/reserved-memory/*", "/reserved-memory/a/b"));
        assert!(matches("/reserved-memory/**", "/reserved-memory/a/b"));
        assert!(matches("boards/**/*.dtb", "boards/acme/rev2/a.dtb"));
        assert!(matches("acme,*", "acme,board-2"));
        assert!(Pattern::new("a[").is_err());
    }
}
