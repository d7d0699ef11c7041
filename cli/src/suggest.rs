//! Suggests a known word for an unknown one.

/// Returns the known word nearest to `word`, if one is near enough.
#[must_use]
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let likeness = |known: &str| strsim::jaro_winkler(word, known);
    // Of words that are equally similar, the one with fewer typing errors wins.
    let slips = |known: &str| strsim::damerau_levenshtein(word, known);
    known
        .into_iter()
        .filter(|known| likeness(known) > 0.75)
        .min_by(|a, b| likeness(b).total_cmp(&likeness(a)).then_with(|| slips(a).cmp(&slips(b))))
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
        assert_eq!(question("RF2O1", &["RF212", "RF201", "RF211"]), "did you mean `RF201`?");
        assert_eq!(question("colour", &["size", "alignment"]), "known here: size, alignment");
    }
}
