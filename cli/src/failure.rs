//! Errors that end a command: a sentence, the place in a file if there is one, and what to do.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// An error that ends a command with exit code 2: wrong usage, or input that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    message: String,
    place: Option<Place>,
    help: Option<String>,
    /// What else is wrong.
    more: Vec<Failure>,
}

/// Most failures of one file that are shown.
const MAX_SHOWN: usize = 20;

/// Describes an I/O error without its number.
#[must_use]
pub fn io(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::IsADirectory => "this is a directory".to_owned(),
        ErrorKind::NotADirectory => "a part of the path is not a directory".to_owned(),
        ErrorKind::StorageFull => "no space is left".to_owned(),
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        _ => {
            let text = error.to_string();
            let text = text.split_once(" (os error ").map_or(text.as_str(), |(text, _)| text);
            text.to_lowercase()
        }
    }
}

/// A place in a file that people write.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    path: String,
    source: String,
    span: Range<usize>,
    label: String,
}

impl Failure {
    /// Creates an error from one sentence.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Inner { message: message.into(), place: None, help: None, more: Vec::new() }))
    }

    /// Creates an error about the file at `path`.
    #[must_use]
    pub fn of(path: &Path, why: impl std::fmt::Display) -> Self {
        Self::new(format!("{}: {why}", path.display()))
    }

    /// Makes one failure of all that is wrong with a file. Of very many the first are shown.
    #[must_use]
    pub fn all(failures: impl IntoIterator<Item = Self>) -> Self {
        let mut failures = failures.into_iter();
        let mut all = failures.next().unwrap_or_else(|| Self::new("no reason is known"));
        all.0.more.extend(failures.by_ref().take(MAX_SHOWN - 1));
        match failures.count() {
            0 => {}
            1 => all.0.more.push(Self::new("1 further error")),
            count => all.0.more.push(Self::new(format!("{count} further errors"))),
        }
        all
    }

    /// Adds a help line.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Adds a place: bytes of a source file.
    #[must_use]
    pub fn at(mut self, path: &str, source: &str, span: Range<usize>, label: impl Into<String>) -> Self {
        let span = span.start.min(source.len())..span.end.min(source.len());
        self.0.place = Some(Place { path: path.into(), source: source.into(), span, label: label.into() });
        self
    }

    /// Returns the sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the help line.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// Returns the file, its text and the bytes of it that are at fault.
    #[must_use]
    pub fn place(&self) -> Option<(&str, &str, Range<usize>)> {
        let place = self.0.place.as_ref()?;
        Some((&place.path, &place.source, place.span.clone()))
    }

    /// Renders in the style of rustc, with colours; the stream removes them if they are not wanted.
    #[must_use]
    pub fn render(&self) -> String {
        let mut error = Group::with_title(Level::ERROR.primary_title(&self.0.message));
        if let Some(place) = &self.0.place {
            let mark = AnnotationKind::Primary.span(place.span.clone()).label(place.label.as_str());
            error = error.element(Snippet::source(&place.source).path(&place.path).annotation(mark));
        }
        let error = Renderer::styled().render(&[error]);
        let mut text = match &self.0.help {
            None => error,
            Some(help) => {
                let help = Group::with_title(Level::HELP.secondary_title(help));
                error + "\n" + &Renderer::styled().render(&[help])
            }
        };
        for failure in &self.0.more {
            text += "\n";
            text += &failure.render();
        }
        text
    }
}

/// As [`Failure::render`], without colours.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", anstream::adapter::strip_str(&self.render()))
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_with_its_line() {
        let failure = Failure::new("unknown key `siez`")
            .at("p.toml", "mode = \"fix\"\nsiez = 1\n", 13..17, "did you mean `size`?")
            .with_help("see the reference");
        let text = failure.to_string();
        assert!(text.contains("p.toml:2:1"), "{text}");
        assert!(text.contains("^^^^ did you mean `size`?"), "{text}");
        assert!(text.contains("help: see the reference"), "{text}");
    }

    #[test]
    fn a_place_behind_the_end_is_no_panic() {
        assert!(Failure::new("x").at("p", "ab", 5..9, "").render().contains('x'));
    }
}
