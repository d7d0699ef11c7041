//! Running text: the words of the rules, whose line breaks are those of their source.

/// Width in columns that running text is wrapped to.
const WIDTH: usize = 90;

/// Returns the paragraphs of a text, each on one line.
pub fn paragraphs(text: &str) -> impl Iterator<Item = String> {
    let blank = |line: &str| line.trim().is_empty();
    let lines: Vec<&str> = text.lines().collect();
    let joined = |lines: &[&str]| {
        let words: Vec<&str> = lines.iter().flat_map(|line| line.split_whitespace()).collect();
        words.join(" ")
    };
    let all: Vec<String> = lines.split(|line| blank(line)).map(joined).collect();
    all.into_iter().filter(|paragraph| !paragraph.is_empty())
}

/// Returns a text with one line a paragraph, and an empty line between two.
#[must_use]
pub fn unwrapped(text: &str) -> String {
    paragraphs(text).collect::<Vec<_>>().join("\n\n")
}

/// Returns a text broken at blanks into lines that a terminal shows whole, with an empty line between
/// paragraphs.
#[must_use]
pub fn wrapped(text: &str) -> String {
    let wrapped = |paragraph: String| {
        let mut lines = vec![String::new()];
        for word in paragraph.split(' ') {
            match lines.last_mut() {
                Some(line) if line.is_empty() => line.push_str(word),
                Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_string()),
            }
        }
        lines.join("\n")
    };
    paragraphs(text).map(wrapped).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_taken_apart_at_empty_lines_and_nowhere_else() {
        let text = "\n    One two\n    three.\n\n    \n    Four.\n";
        assert_eq!(unwrapped(text), "One two three.\n\nFour.");
        assert_eq!(wrapped(&format!("{}\n\nx", "word ".repeat(20))).lines().count(), 4);
        assert!(wrapped(&"word ".repeat(50)).lines().all(|line| line.len() <= WIDTH));
    }
}
