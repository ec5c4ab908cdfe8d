//! Which rules an event matches.

use std::sync::Arc;

use indelible_event::Micros;

use crate::model::{EventRef, RuleNo, Seen};
use crate::set::RuleSet;

/// All that rules ask of an event, compiled. Has no state.
pub struct Matcher {
    _rules: Arc<RuleSet>,
}

/// What is kept from one event to the next so that nothing is allocated anew. One for each thread.
#[derive(Default)]
pub struct Scratch {}

/// What was seen of an event.
#[derive(Clone, Debug)]
pub struct Looked {
    /// Which event.
    pub event: EventRef,
    /// Its place in the log.
    pub pos: u64,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// When it happened; when it was recorded, where it says nothing or a time of the future.
    pub at: Micros,
    /// The rules of one event that it matches, ascending.
    pub rules: Vec<RuleNo>,
    /// The windows that it goes into.
    pub feeds: Vec<Feed>,
}

/// That an event goes into a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Of which correlation.
    pub correlation: RuleNo,
    /// As a match of which of the rules that it refers to.
    pub member: usize,
    /// The values that it groups by.
    pub group: Arc<[Box<str>]>,
    /// The value that it counts or has to know, where the correlation asks for one and the event has one.
    pub value: Option<Box<str>>,
}

/// An event that is none: its JSON cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record at {pos} is no event: {why}")]
pub struct Unreadable {
    /// Its place.
    pub pos: u64,
    /// Why.
    pub why: String,
}

impl Matcher {
    /// Compiles the rules.
    pub fn new(rules: &Arc<RuleSet>) -> Matcher {
        Matcher { _rules: Arc::clone(rules) }
    }

    /// Looks at an event.
    pub fn look(&self, seen: &Seen<'_>, scratch: &mut Scratch) -> Result<Looked, Unreadable> {
        let _ = scratch;
        Err(Unreadable { pos: seen.pos, why: "nothing is read yet".into() })
    }
}
