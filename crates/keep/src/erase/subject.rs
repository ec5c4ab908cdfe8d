//! Whom or what an erasure is about, and whether a record speaks of it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::PathBuf;

use hmac::{Hmac, KeyInit as _, Mac as _};
use indelible_event::{EventId, Part, TrailName};
use indelible_index::fold;
use indelible_log::hex;
use indelible_log::storage::{Storage, read_whole};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::model::ErasureNote;
use crate::error::KeepError;
use crate::limits::{ERASURE_IDS_MAX, TEXT_BYTES_MAX};

/// What is to be erased, as somebody asks for it. Exactly one of `subject`, `resource` and `ids` is given.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewErasure {
    /// Only this trail; all of them if none. `_system` is searched in either case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trail: Option<String>,
    /// A person: the id, e-mail address or name of an actor or of whom one acted for, the id or name of a target, the id
    /// of a subject, or the subject of a credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// A target: its id, or `type/id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Single events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// Which parts go: `who`, `where`, `what`; all three if none is named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// By whose or which authority. It is recorded, so it must not name the subject.
    pub authority: String,
    /// Also records that only mention it: in a text, in details, in changes.
    pub mentions: bool,
    /// Also records that somebody holds.
    pub despite_hold: bool,
    /// Spools outside of the data directory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub spools: Vec<PathBuf>,
}

/// Whom it is about must not come into a log of the program.
impl std::fmt::Debug for NewErasure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewErasure").field("parts", &self.parts).finish_non_exhaustive()
    }
}

/// What is asked for, checked.
pub(super) struct Asked {
    pub trail: Option<TrailName>,
    pub wanted: Wanted,
    pub parts: [bool; 3],
    pub authority: String,
    pub mentions: bool,
    pub despite_hold: bool,
    pub spools: Vec<PathBuf>,
}

impl Asked {
    pub fn check(new: &NewErasure) -> Result<Asked, KeepError> {
        let bad = |why: &str| KeepError::Bad(why.into());
        let wanted = Wanted::of(new)?;
        let mut parts = [new.parts.is_empty(); 3];
        for name in &new.parts {
            let part = Part::from_name(name)
                .ok_or_else(|| KeepError::Bad(format!("{name} is no part: who, where or what")))?;
            parts[part as usize] = true;
        }
        let trail = match &new.trail {
            None => None,
            Some(name) if name == TrailName::system().as_str() => Some(TrailName::system()),
            Some(name) => Some(TrailName::parse(name).map_err(|e| KeepError::Bad(e.to_string()))?),
        };
        let authority = new.authority.trim().to_owned();
        if authority.is_empty() {
            return Err(bad("an erasure names the authority it is done by"));
        }
        if authority.len() > TEXT_BYTES_MAX {
            return Err(KeepError::Bad(format!(
                "the authority is longer than {TEXT_BYTES_MAX} bytes"
            )));
        }
        if wanted.is_in_text(&authority) {
            return Err(bad("the authority is recorded for ever, so it must not name the subject"));
        }
        let (mentions, despite_hold, spools) = (new.mentions, new.despite_hold, new.spools.clone());
        Ok(Asked { trail, wanted, parts, authority, mentions, despite_hold, spools })
    }

    /// The names of the parts that go.
    pub fn part_names(&self) -> Vec<String> {
        names(self.parts)
    }
}

/// The names of these parts.
pub(super) fn names(parts: [bool; 3]) -> Vec<String> {
    let named = Part::ALL.into_iter().filter(|part| parts[*part as usize]);
    named.map(|part| part.name().to_owned()).collect()
}

/// The parts of these names; those that are unknown are none.
pub(super) fn mask(names: &[String]) -> [bool; 3] {
    Part::ALL.map(|part| names.iter().any(|name| name == part.name()))
}

/// Whom or what it is about.
pub(super) enum Wanted {
    Subject(Needle),
    Resource(Needle),
    Ids(BTreeSet<EventId>),
}

/// The parts of a record, as far as they are readable.
pub(super) type Parts<'a> = [Option<&'a [u8]>; 3];

impl Wanted {
    fn of(new: &NewErasure) -> Result<Wanted, KeepError> {
        let one = "give one of subject, resource and ids";
        let text = |text: &str| match text.len() {
            1..=TEXT_BYTES_MAX => Ok(Needle::new(text)),
            _ => Err(KeepError::Bad(format!("a subject has 1 to {TEXT_BYTES_MAX} bytes"))),
        };
        match (&new.subject, &new.resource, &new.ids[..]) {
            (Some(subject), None, []) => Ok(Wanted::Subject(text(subject)?)),
            (None, Some(resource), []) => Ok(Wanted::Resource(text(resource)?)),
            (None, None, ids) if !ids.is_empty() => {
                if ids.len() > ERASURE_IDS_MAX {
                    let why = format!("more than {ERASURE_IDS_MAX} events at a time");
                    return Err(KeepError::Bad(why));
                }
                let parse = |id: &String| {
                    EventId::parse(id).map_err(|e| KeepError::Bad(format!("{id}: {e}")))
                };
                Ok(Wanted::Ids(ids.iter().map(parse).collect::<Result<_, _>>()?))
            }
            _ => Err(KeepError::Bad(one.into())),
        }
    }

    /// What kind of thing it is.
    pub fn kind(&self) -> &'static str {
        match self {
            Wanted::Subject(_) => "subject",
            Wanted::Resource(_) => "resource",
            Wanted::Ids(_) => "ids",
        }
    }

    /// The HMAC that stands for it in what is recorded: whoever knows it can tell that it was meant, whoever does not
    /// cannot try names, without the node's key.
    pub fn hmac(&self, key: &HmacKey) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key.0).expect("a key may be of any length");
        mac.update(self.kind().as_bytes());
        mac.update(&[0]);
        match self {
            Wanted::Subject(needle) | Wanted::Resource(needle) => {
                mac.update(needle.text.as_bytes())
            }
            Wanted::Ids(ids) => ids.iter().for_each(|id| mac.update(&id.text())),
        }
        hex::encode(&<[u8; 32]>::from(mac.finalize().into_bytes()))
    }

    /// Whether it is what these parts of a record are about.
    pub fn is_in(&self, id: EventId, parts: Parts<'_>) -> bool {
        match self {
            Wanted::Ids(ids) => ids.contains(&id),
            Wanted::Subject(needle) => {
                Part::ALL.into_iter().any(|part| needle.names(part, parts[part as usize], true))
            }
            Wanted::Resource(needle) => needle.names(Part::What, parts[Part::What as usize], false),
        }
    }

    /// Whether these parts mention it in any text.
    pub fn is_mentioned(&self, parts: Parts<'_>) -> bool {
        let Some(needle) = self.needle() else { return false };
        parts.into_iter().flatten().any(|bytes| needle.is_in_json(bytes))
    }

    /// Whether a text mentions it.
    pub fn is_in_text(&self, text: &str) -> bool {
        self.needle().is_some_and(|needle| needle.is_in_text(text))
    }

    /// Where some bytes mention it, whatever they are.
    pub fn places_in(&self, bytes: &[u8]) -> Vec<usize> {
        self.needle().map(|needle| needle.places_in(bytes)).unwrap_or_default()
    }

    /// Whether an event that is no record yet is about it.
    pub fn is_in_event(&self, event: &Value) -> bool {
        match self {
            Wanted::Ids(ids) => {
                let id = event["id"].as_str().and_then(|id| EventId::parse(id).ok());
                id.is_some_and(|id| ids.contains(&id))
            }
            Wanted::Subject(needle) => {
                Part::ALL.into_iter().any(|part| needle.is_named(part, event, true))
            }
            Wanted::Resource(needle) => needle.is_named(Part::What, event, false),
        }
    }

    pub fn needle(&self) -> Option<&Needle> {
        match self {
            Wanted::Subject(needle) | Wanted::Resource(needle) => Some(needle),
            Wanted::Ids(_) => None,
        }
    }
}

/// A text that is looked for.
pub(super) struct Needle {
    pub text: String,
    /// Its last piece as canonical bytes have it, in lower case: what has not even this does not name it.
    rare: String,
    /// As it is compared where it is only mentioned.
    folded: String,
}

impl Needle {
    fn new(text: &str) -> Needle {
        let last = text.rsplit('/').find(|piece| !piece.is_empty()).unwrap_or(text);
        let quoted = Value::from(last).to_string();
        let rare = quoted[1..quoted.len() - 1].to_ascii_lowercase();
        Needle { text: text.to_owned(), rare, folded: fold(text).into_owned() }
    }

    /// Whether a part names it where persons and targets are named.
    fn names(&self, part: Part, bytes: Option<&[u8]>, person: bool) -> bool {
        let Some(text) = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()) else {
            return false;
        };
        // Most records are passed over here.
        if !text.to_ascii_lowercase().contains(&self.rare) {
            return false;
        }
        serde_json::from_str::<Value>(text).is_ok_and(|said| self.is_named(part, &said, person))
    }

    fn is_named(&self, part: Part, said: &Value, person: bool) -> bool {
        let is = |value: &Value| value.as_str() == Some(&self.text);
        let items = |name: &str| said[name].as_array().map(Vec::as_slice).unwrap_or_default();
        match part {
            Part::Who => {
                let mut actor = &said["actor"];
                while actor.is_object() {
                    if is(&actor["id"]) || is(&actor["name"]) || self.is_address(&actor["email"]) {
                        return true;
                    }
                    actor = &actor["on_behalf_of"];
                }
                items("subjects").iter().any(|subject| is(&subject["id"]))
            }
            Part::Where => is(&said["credential_subject"]),
            Part::What => items("targets").iter().any(|target| {
                let joined = || match (target["type"].as_str(), target["id"].as_str()) {
                    (Some(kind), Some(id)) => {
                        self.text.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/'))
                            == Some(id)
                    }
                    _ => false,
                };
                is(&target["id"]) || if person { is(&target["name"]) } else { joined() }
            }),
        }
    }

    /// Addresses are written in either case, and mean the same.
    fn is_address(&self, value: &Value) -> bool {
        value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(&self.text))
    }

    fn is_in_json(&self, bytes: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        let folded = fold(text);
        let last = fold(&self.rare);
        if !folded.contains(&*last) && !folded.contains(['\\', '%']) {
            return false;
        }
        serde_json::from_str::<Value>(text).is_ok_and(|said| self.is_anywhere(&said))
    }

    fn is_anywhere(&self, said: &Value) -> bool {
        match said {
            Value::String(text) => self.is_in_text(text),
            Value::Number(number) => self.is_in_text(&number.to_string()),
            Value::Array(items) => items.iter().any(|item| self.is_anywhere(item)),
            Value::Object(members) => {
                members.iter().any(|(key, value)| self.is_in_text(key) || self.is_anywhere(value))
            }
            Value::Null | Value::Bool(_) => false,
        }
    }

    /// Whether a text mentions it, also as a query or an address on the web writes it.
    fn is_in_text(&self, text: &str) -> bool {
        self.is_within(text)
            || text.contains('\\') && self.is_within(&text.replace('\\', ""))
            || text.contains('%') && self.is_within(&percent_decoded(text))
    }

    fn is_within(&self, text: &str) -> bool {
        !whole_places(fold(text).as_bytes(), self.folded.as_bytes()).is_empty()
    }

    fn places_in(&self, bytes: &[u8]) -> Vec<usize> {
        let quoted = Value::from(self.text.as_str()).to_string();
        let needle = quoted[1..quoted.len() - 1].to_ascii_lowercase();
        whole_places(&bytes.to_ascii_lowercase(), needle.as_bytes())
    }
}

/// Where a needle stands that is not the middle of a longer word: `user-7` does not stand in `user-77`.
fn whole_places(hay: &[u8], needle: &[u8]) -> Vec<usize> {
    let word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
    let ends = |at: usize| {
        // Where the needle itself ends in no word, nothing longer can be meant.
        let before = at.checked_sub(1).and_then(|before| hay.get(before));
        let after = hay.get(at + needle.len());
        !(word(needle.first()) && word(before) || word(needle.last()) && word(after))
    };
    memchr::memmem::find_iter(hay, needle).filter(|at| ends(*at)).collect()
}

fn percent_decoded(text: &str) -> Cow<'_, str> {
    let digit = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16));
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while at < bytes.len() {
        let pair = (digit(bytes.get(at + 1)), digit(bytes.get(at + 2)));
        match (bytes[at], pair) {
            (b'%', (Some(high), Some(low))) => {
                out.push((high << 4 | low) as u8);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned().into()
}

/// The key of the HMACs: derived from the node's own, so that a stranger cannot try names.
pub(super) struct HmacKey([u8; 32]);

impl HmacKey {
    /// `SHA-256("indelible/erasure/v1" ‖ 0 ‖ the bytes of node.key)`.
    pub fn load(storage: &dyn Storage) -> Result<HmacKey, KeepError> {
        let path = indelible_store::KEY;
        let bytes = read_whole(storage, path, 4096).map_err(|e| KeepError::Damaged {
            path: path.into(),
            reason: format!("without the node's key the subject cannot be recorded: {e}"),
        })?;
        let hash = Sha256::new().chain_update(b"indelible/erasure/v1\0").chain_update(bytes);
        Ok(HmacKey(hash.finalize().into()))
    }

    /// What shows that a note of an erasure is this node's own.
    pub fn note(&self, note: &ErasureNote) -> String {
        let ErasureNote { event, erasure, trail, parts, seqs, at, authority, mac: _ } = note;
        let said = serde_json::json!([event, erasure, trail, parts, seqs, at, authority]);
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key may be of any length");
        mac.update(b"note\0");
        mac.update(said.to_string().as_bytes());
        hex::encode(&<[u8; 32]>::from(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needle(text: &str) -> Needle {
        Needle::new(text)
    }

    #[test]
    fn a_mention_is_a_whole_word() {
        let user = needle("user-7");
        for text in ["user-7", "actor:user-7", "(USER-7)", "a user-7, b", "x\nuser-7"] {
            assert!(user.is_in_text(text), "{text}");
        }
        for text in ["user-77", "xuser-7", "user-8", "user\u{e9}-7"] {
            assert!(!user.is_in_text(text), "{text}");
        }
        assert!(needle("Ada Example").is_in_text(r"name:ada\ example"));
        assert!(needle("a@example.com").is_in_text("/q?email=a%40example.com&x"));
    }

    #[test]
    fn a_subject_is_named_where_persons_are() {
        let cases = [
            (Part::Who, r#"{"actor":{"id":"u"}}"#, true),
            (
                Part::Who,
                r#"{"actor":{"id":"x","on_behalf_of":{"id":"y","on_behalf_of":{"name":"u"}}}}"#,
                true,
            ),
            (Part::Who, r#"{"actor":{"email":"U"}}"#, true),
            (Part::Who, r#"{"actor":{"id":"U"}}"#, false),
            (Part::Who, r#"{"subjects":[{"type":"person","id":"u"}]}"#, true),
            (Part::Where, r#"{"credential_subject":"u"}"#, true),
            (Part::Where, r#"{"context":{"host":"u"}}"#, false),
            (Part::What, r#"{"targets":[{"id":"a"},{"type":"user","id":"u"}]}"#, true),
            (Part::What, r#"{"details":{"id":"u"}}"#, false),
        ];
        for (part, said, is) in cases {
            assert_eq!(needle("u").names(part, Some(said.as_bytes()), true), is, "{said}");
        }
    }

    #[test]
    fn a_resource_is_an_id_or_type_and_id() {
        let said = br#"{"targets":[{"type":"file","id":"a/b"}]}"#;
        for (text, is) in [("a/b", true), ("file/a/b", true), ("b", false), ("file/b", false)] {
            assert_eq!(needle(text).names(Part::What, Some(said), false), is, "{text}");
        }
    }

    #[test]
    fn what_is_escaped_is_found() {
        let odd = needle("a\"b\\c");
        let said = serde_json::json!({"actor": {"id": "a\"b\\c"}}).to_string();
        assert!(odd.names(Part::Who, Some(said.as_bytes()), true));
        assert_eq!(odd.places_in(said.as_bytes()).len(), 1);
    }
}
