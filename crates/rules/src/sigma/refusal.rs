//! Why a document is refused: where, what was found, what would do.

use crate::limits::SHOWN_CHARS_MAX;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    /// The line of the file, from 1.
    pub line: Option<usize>,
    /// Why, and what would do.
    pub reason: String,
}

impl Bad {
    /// Something in a line.
    pub(crate) fn at(line: usize, reason: impl Into<String>) -> Bad {
        Bad { line: Some(line), reason: reason.into() }
    }
}

/// A text of a file as a reason shows it: a reason is one line, whatever the file says.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}").trim_matches('"').to_owned()
}

/// `; did you mean …?` with what is nearest to what was said, if something is near.
pub(crate) fn meant<'a>(said: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    // The distance takes as long as both texts multiplied.
    if said.len() > 4 * SHOWN_CHARS_MAX {
        return String::new();
    }
    let said = said.to_lowercase();
    let distance = |known: &str| strsim::damerau_levenshtein(&known.to_lowercase(), &said);
    let known = known.into_iter().filter(|known| known.len() <= 4 * SHOWN_CHARS_MAX);
    let nearest = known.map(|known| (distance(known), known)).min();
    match nearest {
        Some((far, known)) if far <= 1 + known.len() / 4 => format!("; did you mean `{known}`?"),
        _ => String::new(),
    }
}

/// Names as a list for people.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What was perhaps meant; all that is known, if nothing is near.
pub(crate) fn meant_or_known(said: &str, known: &[&str]) -> String {
    match meant(said, known.iter().copied()) {
        none if none.is_empty() => format!("; known are {}", listed(known.iter().copied())),
        meant => meant,
    }
}
