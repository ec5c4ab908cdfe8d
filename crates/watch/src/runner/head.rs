//! What the watch itself has to know of every record.

use std::borrow::Cow;

use indelible_event::{EventId, Micros};
use serde::Deserialize;

/// How an event begins, as the API shows it.
const TRAIL: &[u8] = b"{\"trail\":\"";
const RECORDED_AT: &[u8] = b"\"recorded_at\":\"";
/// In how many bytes the beginning is looked for.
const HEAD_BYTES: usize = 384;
const TIME_BYTES: usize = 27;
const ID: &[u8] = b"\"id\":\"";
const ID_BYTES: usize = 36;

/// The beginning of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Its id.
    pub id: EventId,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// Whether it is of `_system`.
    pub is_system: bool,
}

/// What of `_system` the watch takes in itself.
#[derive(Deserialize)]
pub(super) struct SystemEvent<'a> {
    /// What was done.
    #[serde(borrow)]
    pub action: Cow<'a, str>,
    /// To what.
    #[serde(default)]
    pub targets: Vec<SystemTarget>,
}

#[derive(Deserialize)]
pub(super) struct SystemTarget {
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub id: String,
}

impl Head {
    /// Reads it; `None` if it is no event.
    pub fn of(json: &[u8]) -> Option<Head> {
        Head::quick(json).or_else(|| Head::slow(json))
    }

    /// The members stand in this order, and nothing before the time is anybody's text.
    fn quick(json: &[u8]) -> Option<Head> {
        let rest = json.strip_prefix(TRAIL)?;
        let trail = &rest[..rest.iter().position(|byte| *byte == b'"')?];
        let head = &rest[..rest.len().min(HEAD_BYTES)];
        let recorded_at = Micros::parse(text(head, RECORDED_AT, TIME_BYTES)?).ok()?;
        let id = EventId::parse(text(head, ID, ID_BYTES)?).ok()?;
        Some(Head { id, recorded_at, is_system: trail == b"_system" })
    }

    fn slow(json: &[u8]) -> Option<Head> {
        #[derive(Deserialize)]
        struct Slow<'a> {
            #[serde(borrow)]
            trail: Cow<'a, str>,
            #[serde(borrow)]
            id: Cow<'a, str>,
            #[serde(borrow)]
            recorded_at: Cow<'a, str>,
        }
        let slow: Slow<'_> = serde_json::from_slice(json).ok()?;
        let recorded_at = Micros::parse(&slow.recorded_at).ok()?;
        let id = EventId::parse(&slow.id).ok()?;
        Some(Head { id, recorded_at, is_system: slow.trail == "_system" })
    }
}

/// So many bytes behind the first member of this name.
fn text<'a>(head: &'a [u8], name: &[u8], bytes: usize) -> Option<&'a str> {
    let at = head.windows(name.len()).position(|there| there == name)? + name.len();
    std::str::from_utf8(head.get(at..)?.get(..bytes)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_is_read_whatever_stands_behind_it() {
        let id = "0192aaaa-0000-7000-8000-000000000001";
        let at = "2026-11-22T05:00:00.000000Z";
        let plain =
            format!(r#"{{"trail":"_system","seq":1,"id":"{id}","recorded_at":"{at}","a":1}}"#);
        let other = format!(r#"{{"seq":1,"trail":"a","id":"{id}","z":"\"","recorded_at":"{at}"}}"#);
        let (id, recorded_at) = (EventId::parse(id).unwrap(), Micros::parse(at).unwrap());
        assert_eq!(Head::quick(plain.as_bytes()), Some(Head { id, recorded_at, is_system: true }));
        assert_eq!(Head::slow(plain.as_bytes()), Head::quick(plain.as_bytes()));
        assert_eq!(Head::of(other.as_bytes()), Some(Head { id, recorded_at, is_system: false }));
        for bad in ["", "{}", "{\"trail\":\"a", "[1]", "{\"trail\":\"a\",\"recorded_at\":\"x\"}"] {
            assert_eq!(Head::of(bad.as_bytes()), None, "{bad}");
        }
    }
}
