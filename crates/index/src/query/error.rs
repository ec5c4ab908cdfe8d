//! What is wrong with a query, and where.

use std::fmt;

/// A query that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// What is wrong.
    pub message: String,
    /// The first character concerned, counted from 1.
    pub column: usize,
    /// How many characters are concerned; at least one.
    pub len: usize,
    /// What to write instead.
    pub hint: Option<String>,
    /// What was probably meant: a text for the place of the characters concerned.
    pub instead: Option<String>,
}

impl QueryError {
    /// An error over the bytes `start..end` of the text.
    pub(super) fn new(text: &str, start: usize, end: usize, message: impl Into<String>) -> Self {
        let chars = |part: Option<&str>| part.map_or(0, |part| part.chars().count());
        let column = chars(text.get(..start)) + 1;
        let len = chars(text.get(start..end)).max(1);
        QueryError { message: message.into(), column, len, hint: None, instead: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn instead(mut self, instead: impl Into<String>) -> Self {
        self.instead = Some(instead.into());
        self
    }

    /// The query with `^^^` under the place, the message and the hint, for a terminal.
    pub fn render(&self, text: &str) -> String {
        /// Characters shown before and after the place in a long query.
        const AROUND: usize = 60;
        let skipped = self.column.saturating_sub(1 + AROUND);
        let shown = 2 * AROUND + self.len.min(AROUND);
        let line: String = text
            .chars()
            .skip(skipped)
            .take(shown)
            .map(|character| if character.is_control() { ' ' } else { character })
            .collect();
        let carets = "^".repeat(self.len.min(shown));
        let indent = " ".repeat(self.column - 1 - skipped);
        let mut out = format!("  {line}\n  {indent}{carets} {}", self.message);
        if let Some(hint) = &self.hint {
            out.push_str("\n  ");
            out.push_str(hint);
        }
        out
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (column {})", self.message, self.column)?;
        match &self.hint {
            Some(hint) => write!(f, ": {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for QueryError {}
