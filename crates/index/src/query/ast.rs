//! A query, parsed.

use indelible_event::{EventId, Micros};

use crate::doc::Field;

/// A parsed query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The text it was parsed from.
    pub text: String,
    /// What it asks for.
    pub expr: Expr,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// Everything.
    All,
    /// One condition.
    Leaf(Leaf),
    /// Not that.
    Not(Box<Expr>),
    /// All of them; never empty.
    And(Vec<Expr>),
    /// Any of them; never empty.
    Or(Vec<Expr>),
}

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Leaf {
    /// A field's value, folded. Not for `Trail`, `Ip`, `Ref`, `Path` and `Word`.
    Field(Field, Test),
    /// A value in the parts, by its path: keys joined by dots, list items by their list's path, as in
    /// `details.store_id`.
    Path(String, Test),
    /// `context.ip` within a range, both ends included, as in [`Field::Ip`].
    Ip([u8; 16], [u8; 16]),
    /// One event.
    Id(EventId),
    /// What refers to an event.
    Ref(EventId),
    /// The trail's name.
    Trail(Test),
    /// `recorded_at`.
    Recorded(Span),
    /// `occurred_at`, or `recorded_at` where the event did not say.
    Occurred(Span),
    /// One free word, folded: a word of anything readable ([`Field::Word`]), or the whole value of one of
    /// [`WORD_FIELDS`](super::WORD_FIELDS), or with [`Test::Is`] also of a unique field's text
    /// ([`WORD_FIELDS_UNIQUE`](super::WORD_FIELDS_UNIQUE)).
    Word(Test),
    /// Words that follow each other in one value, folded, as [`words`](crate::words) cuts them; never
    /// empty. Those that are id-like ([`is_id_like`](crate::is_id_like)) are no terms of [`Field::Word`].
    Phrase(Vec<String>),
}

/// How a value is compared. Texts are folded.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// It is this. A number is, where it equals the number this is ([`Test::as_number`]).
    Is(String),
    /// It begins with this.
    Prefix(String),
    /// It matches this pattern: a `/regex/`, found anywhere in the value, or a text with `*` in it, the whole.
    Matches(Pattern),
    /// It is a number between these, each with whether it is itself included. Paths only.
    Number(std::ops::Bound<f64>, std::ops::Bound<f64>),
    /// There is one, whatever it is.
    Exists,
}

/// A time span, `from..to`, the end not included; `None` is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first moment in it.
    pub from: Option<Micros>,
    /// The first moment after it.
    pub to: Option<Micros>,
}

/// A compiled pattern, which takes linear time.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As written.
    pub text: String,
    /// What every match contains, folded: empty if nothing is known.
    pub contains: String,
    /// Compiled.
    pub regex: regex::Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.text == other.text
    }
}
