//! From received JSON to a checked event, in one pass.
//!
//! The scanner is written by hand because no JSON library does what the format needs at once:
//! number tokens kept verbatim (never through a float, so that two different events cannot hash
//! alike), duplicate keys refused on every level, lone surrogates refused, every error with field
//! and byte, and canonical bytes made while reading. A tree of values would also cost more than the
//! whole check does.
//!
//! `scan` reads tokens, `free` free JSON, `members` the known objects by the tables in `tables`,
//! and `write` puts the canonical parts together.

mod free;
mod members;
mod scan;
mod tables;
mod write;

use crate::{
    EventId, Micros, Outcome, Part, Phase, Refusal, RefusalKind, Source, TrailName, limits,
};

use members::Members;
use scan::{Fault, Path, Scan};

/// The canonical bytes of the sealed parts: one buffer, and where each part ends in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    bytes: Vec<u8>,
    ends: [usize; 3],
}

impl Parts {
    /// The bytes of a part, if the event has it.
    pub fn get(&self, part: Part) -> Option<&[u8]> {
        let i = part as usize;
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        let bytes = &self.bytes[start..self.ends[i]];
        (!bytes.is_empty()).then_some(bytes)
    }

    /// All parts, by [`Part`] order.
    pub fn all(&self) -> [Option<&[u8]>; 3] {
        Part::ALL.map(|part| self.get(part))
    }
}

/// An event that keeps every rule: the fields of its entry, and its parts as canonical bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The trail it names.
    pub trail: Option<TrailName>,
    /// The id it brings.
    pub id: Option<EventId>,
    /// When it happened.
    pub occurred_at: Option<Micros>,
    /// What was done.
    pub action: Box<str>,
    /// Its kind.
    pub category: Option<Box<str>>,
    /// How it ended.
    pub outcome: Outcome,
    /// Which part of a story it tells.
    pub phase: Option<Phase>,
    /// The event it belongs to.
    pub reference: Option<EventId>,
    /// The recorder that saw it first.
    pub source: Option<Source>,
    /// `who`, `where` and `what`.
    pub parts: Parts,
}

/// Checks one event, in the nested or the short form or a mixture of both.
pub fn check(json: &[u8]) -> Result<Checked, Refusal> {
    check_with_subject(json, None)
}

/// Checks one event that came under a credential with a subject (a JWT's `sub`), which is sealed
/// into `where`.
pub fn check_with_subject(
    json: &[u8],
    credential_subject: Option<&str>,
) -> Result<Checked, Refusal> {
    let whole = |reason, offset| Refusal { field: String::new(), reason, offset };
    if json.len() > limits::EVENT_BYTES_MAX {
        let bytes_max = limits::EVENT_BYTES_MAX;
        return Err(whole(RefusalKind::TooLong { bytes_max }, bytes_max));
    }
    if json.starts_with(b"\xef\xbb\xbf") {
        return Err(whole(RefusalKind::ByteOrderMark, 0));
    }
    let text = std::str::from_utf8(json)
        .map_err(|error| whole(RefusalKind::NotUtf8, error.valid_up_to()))?;
    let mut members = Members::new(Scan::new(text));
    let checked = members.read_event().and_then(|()| members.finish(credential_subject));
    checked.map_err(|fault| {
        let Fault { reason, offset, field } = *fault;
        Refusal { field: field.unwrap_or_default(), reason, offset }
    })
}

/// The paths of the two members that ask for each other, as refusals name them.
const PHASE: Path<'static> = Path::top("phase");
const REF: Path<'static> = Path::top("ref");

#[cfg(test)]
#[path = "check/tests.rs"]
mod tests;

#[cfg(test)]
#[path = "check/limit_tests.rs"]
mod limit_tests;

#[cfg(test)]
#[path = "check/compare_tests.rs"]
mod compare_tests;
