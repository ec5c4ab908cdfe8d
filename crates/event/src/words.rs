//! The fixed words of an event, and the names that have an alphabet.

use std::fmt;

use crate::id::{hex_byte, hex_digits};
use crate::limits;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was tried and did not succeed.
    Failure,
    /// It was not allowed.
    Denied,
    /// Something broke.
    Error,
    /// It is still going on.
    Pending,
    /// The caller did not say.
    #[default]
    Unknown,
}

impl Outcome {
    /// All outcomes, in order.
    pub const ALL: [Outcome; 6] = [
        Outcome::Success,
        Outcome::Failure,
        Outcome::Denied,
        Outcome::Error,
        Outcome::Pending,
        Outcome::Unknown,
    ];

    /// The word in an event.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
            Outcome::Denied => "denied",
            Outcome::Error => "error",
            Outcome::Pending => "pending",
            Outcome::Unknown => "unknown",
        }
    }

    /// The outcome with this name.
    pub fn from_name(name: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

/// Which part of a story an event tells, where it refers to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Said before the deed, so that a crash in between still shows.
    Intent,
    /// How an earlier intent ended; `ref` names it.
    Outcome,
    /// Sets an earlier event right; `ref` names it, and that event stays as it is.
    Correction,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Phase; 3] = [Phase::Intent, Phase::Outcome, Phase::Correction];

    /// The word in an event.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Intent => "intent",
            Phase::Outcome => "outcome",
            Phase::Correction => "correction",
        }
    }

    /// The phase with this name.
    pub fn from_name(name: &str) -> Option<Phase> {
        Phase::ALL.into_iter().find(|phase| phase.name() == name)
    }
}

/// A sealed part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The actor and the subjects.
    Who = 0,
    /// The context and the credential's subject.
    Where = 1,
    /// The targets, changes, details and error.
    What = 2,
}

impl Part {
    /// All parts, in order.
    pub const ALL: [Part; 3] = [Part::Who, Part::Where, Part::What];

    /// The name that is hashed into salt and commitment.
    pub fn name(self) -> &'static str {
        match self {
            Part::Who => "who",
            Part::Where => "where",
            Part::What => "what",
        }
    }

    /// The part with this name.
    pub fn from_name(name: &str) -> Option<Part> {
        Part::ALL.into_iter().find(|part| part.name() == name)
    }
}

/// The recorder process that saw the event first, and that process's own counter: a gap shows a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The random id of the process.
    pub id: [u8; 16],
    /// The process's own number of this event.
    pub seq: u64,
}

impl Source {
    /// The id as 32 lower-case hex digits.
    pub fn id_text(&self) -> [u8; 32] {
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.id) {
            (pair[0], pair[1]) = hex_digits(byte);
        }
        text
    }

    /// The id of a text of 32 lower-case hex digits.
    pub(crate) fn parse_id(text: &[u8]) -> Option<[u8; 16]> {
        let text: &[u8; 32] = text.try_into().ok()?;
        if text.iter().any(u8::is_ascii_uppercase) {
            return None;
        }
        let mut id = [0; 16];
        for (byte, pair) in id.iter_mut().zip(text.chunks_exact(2)) {
            *byte = hex_byte(pair[0], pair[1])?;
        }
        Some(id)
    }
}

/// The name of a trail: letters, digits and `._@:-`, beginning with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrailName(Box<str>);

/// Why a text is not a trail's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrailNameError {
    /// Empty, too long, or a character that no name has.
    #[error("must be 1 to 128 letters, digits or any of ._@:- and begin with a letter or digit")]
    Form,
    /// Names that begin with `_` are the node's own.
    #[error("begins with _, which is reserved for the node itself")]
    Reserved,
}

impl TrailName {
    /// Checks a name from outside.
    pub fn parse(name: &str) -> Result<TrailName, TrailNameError> {
        let bytes = name.as_bytes();
        if bytes.first() == Some(&b'_') {
            return Err(TrailNameError::Reserved);
        }
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._@:-".contains(byte);
        let starts_well = bytes.first().is_some_and(u8::is_ascii_alphanumeric);
        if !starts_well || bytes.len() > limits::TRAIL_NAME_BYTES_MAX || !bytes.iter().all(allowed)
        {
            return Err(TrailNameError::Form);
        }
        Ok(TrailName(name.into()))
    }

    /// The node's own trail, `_system`.
    pub fn system() -> TrailName {
        TrailName("_system".into())
    }

    /// The trail of events that name none, `default`.
    pub fn unnamed() -> TrailName {
        TrailName("default".into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrailName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the text is an action: `[a-z0-9_]+(\.[a-z0-9_]+)*`, at most 128 bytes.
pub(crate) fn is_action(text: &[u8]) -> bool {
    text.len() <= limits::ACTION_BYTES_MAX && text.split(|&byte| byte == b'.').all(is_word)
}

/// Whether the text is a category: `[a-z0-9_]+`, at most 64 bytes.
pub(crate) fn is_category(text: &[u8]) -> bool {
    text.len() <= limits::CATEGORY_BYTES_MAX && is_word(text)
}

/// Whether the text may stand in `recorded_by`: `[A-Za-z0-9._:-]{1,64}`.
pub fn is_recorded_by(text: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._:-".contains(byte);
    (1..=limits::RECORDED_BY_BYTES_MAX).contains(&text.len()) && text.iter().all(allowed)
}

fn is_word(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
