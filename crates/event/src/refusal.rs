//! Why an event was refused: which field, what is wrong with it, and where in the bytes.

use std::fmt;

use crate::{IdError, TimeError, TrailNameError};

/// One event, or one item of a stream of them, that is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The field: a path such as `actor.auth.method` or `targets[3].id`, a JSON Pointer such as
    /// `/details/a/0` inside free JSON, or empty where it is the event as a whole.
    pub field: String,
    /// What is wrong with it.
    pub reason: RefusalKind,
    /// The byte of the event at which it showed, from 0.
    pub offset: usize,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = if self.field.is_empty() { "event" } else { &self.field };
        write!(f, "{field}: {} (byte {})", self.reason, self.offset)
    }
}

impl std::error::Error for Refusal {}

/// What can be wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusalKind {
    /// The bytes are not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// The bytes begin with a byte order mark.
    #[error("begins with a byte order mark; send plain UTF-8")]
    ByteOrderMark,
    /// Longer than its limit.
    #[error("is longer than {bytes_max} bytes")]
    TooLong {
        /// The limit.
        bytes_max: usize,
    },
    /// The JSON ends before it is complete.
    #[error("the JSON ends too early")]
    Truncated,
    /// The JSON is broken here.
    #[error("expected {expected}, found {}", byte_shown(*.found))]
    Syntax {
        /// What could have stood there.
        expected: &'static str,
        /// What stands there.
        found: u8,
    },
    /// Something other than white space follows the event.
    #[error("something follows the end of the event")]
    TrailingBytes,
    /// A number that JSON does not allow.
    #[error("is not a number as JSON writes it (no leading zeros, plus signs, NaN or hex)")]
    BadNumber,
    /// A backslash with something JSON does not know.
    #[error("has an escape that JSON does not know")]
    BadEscape,
    /// Half a surrogate pair: not a character.
    #[error("has a lone surrogate, which is no character")]
    LoneSurrogate,
    /// A control character that must be escaped in a string.
    #[error("has a control character that is not escaped")]
    ControlCharacter,
    /// Nested too deeply.
    #[error("is nested deeper than {} levels", crate::limits::DEPTH_MAX)]
    TooDeep,
    /// Too many object keys.
    #[error("is the key beyond the {} that an event may have", crate::limits::KEYS_MAX)]
    TooManyKeys,
    /// Too many elements in a list.
    #[error("has more than {max} elements")]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// A key that stands twice in its object.
    #[error("is given twice")]
    DuplicateKey,
    /// U+0000 in a key.
    #[error("has U+0000 in a key")]
    NulInKey,
    /// A member that events do not have.
    #[error("is not a member of an event; what is your own goes into details")]
    UnknownMember,
    /// A value of the wrong type.
    #[error("must be {expected}, found {found}")]
    WrongType {
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A word that is not one of the few allowed.
    #[error("must be one of {allowed}")]
    NotOneOf {
        /// The words.
        allowed: &'static str,
    },
    /// A text that does not have its form.
    #[error("must be {form}")]
    Form {
        /// The form.
        form: &'static str,
    },
    /// Not a UUID.
    #[error(transparent)]
    Id(#[from] IdError),
    /// Not a time.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// Not a trail's name.
    #[error(transparent)]
    TrailName(#[from] TrailNameError),
    /// Given in both forms, with different values.
    #[error("differs from {other}, which means the same")]
    Differs {
        /// The other member.
        other: &'static str,
    },
    /// A member that must be there.
    #[error("is missing{why}")]
    Missing {
        /// Why it must be there, as the rest of the sentence.
        why: &'static str,
    },
    /// A member that must not be there.
    #[error("must not be given: {why}")]
    Unwanted {
        /// Why not.
        why: &'static str,
    },
}

fn byte_shown(byte: u8) -> String {
    match byte {
        b' '..=b'~' => format!("`{}`", char::from(byte)),
        _ => format!("byte 0x{byte:02x}"),
    }
}
