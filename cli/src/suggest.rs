//! Finds the word that somebody probably meant.

/// The known word nearest to `word`, when one is near enough to be worth a question.
#[must_use]
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(word, known), known))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

/// `did you mean …?`, or else the list of what is known.
#[must_use]
pub fn question(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("known here: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_a_stranger_is_not() {
        assert_eq!(question("aligment", &["size", "alignment"]), "did you mean `alignment`?");
        assert_eq!(question("colour", &["size", "alignment"]), "known here: size, alignment");
    }
}
