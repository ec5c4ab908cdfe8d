//! How a command can end other than well, and with which exit status.

use std::fmt::Display;
use std::process::ExitCode;

use indelible_log::LogError;
use indelible_store::StoreError;
use serde::Serialize;

use crate::out;

/// Why a command did not end well.
#[derive(Debug)]
pub enum Failure {
    /// Something was refused or does not verify, and that was told already.
    Told,
    /// It was refused, and perhaps what can be done about it.
    Refused { why: String, hint: Option<String> },
    /// What was to be verified does not hold.
    DoesNotHold(String),
    /// The options contradict each other.
    Usage(String),
    /// The query cannot be read, from this column on.
    Query { why: String, query: String, column: usize, length: usize, hint: Option<String> },
    /// It cannot be done, and perhaps what can be done about it.
    Cannot { why: String, hint: Option<String> },
    /// Whoever read our output wants no more of it.
    OutputClosed,
}

#[derive(Serialize)]
struct Told<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl Failure {
    /// It cannot be done.
    pub fn cannot(why: impl Display) -> Failure {
        Failure::Cannot { why: why.to_string(), hint: None }
    }

    /// A file or stream of the caller's failed.
    pub fn io(what: impl Display) -> impl FnOnce(std::io::Error) -> Failure {
        let what = what.to_string();
        move |e| Failure::cannot(format_args!("{what}: {e}"))
    }

    /// Says on standard error what went wrong, if it was not said yet, and gives the exit status.
    pub fn tell(&self, json: bool) -> ExitCode {
        let (code, why, hint) = match self {
            Failure::OutputClosed => return ExitCode::SUCCESS,
            Failure::Told => return ExitCode::from(1),
            Failure::Refused { why, hint } => (1, why, hint.as_deref()),
            Failure::DoesNotHold(why) => (1, why, None),
            Failure::Usage(why) => (2, why, None),
            Failure::Query { why, hint, .. } => (2, why, hint.as_deref()),
            Failure::Cannot { why, hint } => (3, why, hint.as_deref()),
        };
        if json {
            out::note_json(&Told { error: why, hint });
        } else {
            out::note(format_args!("error: {why}"));
            if let Failure::Query { query, column, length, .. } = self {
                let (query, mark) = marked(query, *column, *length);
                out::note(format_args!("  {query}\n  {mark}"));
            }
            if let Some(hint) = hint {
                out::note(format_args!("hint: {hint}"));
            }
        }
        ExitCode::from(code)
    }
}

/// The query on one line, and marks under the part that cannot be read. Marks count characters, so each
/// that a terminal would obey is shown as one other.
fn marked(query: &str, column: usize, length: usize) -> (String, String) {
    let query: String = query.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let from = column.saturating_sub(1).min(query.chars().count());
    let len = length.clamp(1, (query.chars().count() - from).max(1));
    (query, format!("{}{}", " ".repeat(from), "^".repeat(len)))
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Failure {
        let hint = match &error {
            LogError::Locked => Some("stop the other writer, or wait until it has ended".to_owned()),
            LogError::Corrupt { .. } | LogError::Mismatch { .. } => {
                Some("nothing was changed; keep a copy of the directory as evidence before you repair anything".into())
            }
            _ => None,
        };
        Failure::Cannot { why: error.to_string(), hint }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        match error {
            StoreError::Log(error) => error.into(),
            error => Failure::cannot(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::marked;

    #[test]
    fn marks_stand_under_what_they_mean() {
        let marks = |query, column, length| marked(query, column, length).1;
        assert_eq!(marks("actr:maria", 1, 4), "^^^^");
        assert_eq!(marks("ü:(a", 3, 1), "  ^");
        // At and beyond the end, as for a bracket that is missing.
        assert_eq!((marks("(a", 3, 0), marks("(a", 99, 99)), ("  ^".into(), "  ^".into()));
    }
}
