//! The entry: the bytes of an event that are hashed into the tree.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::id::ID_BYTES;
use crate::json::{parse_u64, write_escaped, write_u64};
use crate::time::TIME_BYTES;
use crate::words::{is_action, is_category, is_recorded_by};
use crate::{EventId, Micros, Outcome, Phase, Source, limits};

const HEAD: &[u8] = b"{\"v\":1,\"id\":\"";
const RECORDED_AT: &[u8] = b"\",\"recorded_at\":\"";
const PARTS: &[u8] = b"\",\"parts\":\"";

/// The base64url characters of a parts hash.
const PARTS_HASH_CHARS: usize = 43;

/// Where `recorded_at` stands in every entry: the id before it has one length, so a sequencer may
/// overwrite these 27 bytes in place.
pub const ENTRY_RECORDED_AT: Range<usize> = {
    let start = HEAD.len() + ID_BYTES + RECORDED_AT.len();
    start..start + TIME_BYTES
};

/// What an entry says, borrowed from wherever its words lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The event's id.
    pub id: EventId,
    /// When the server took it in.
    pub recorded_at: Micros,
    /// When it happened, if the caller said so.
    pub occurred_at: Option<Micros>,
    /// What was done.
    pub action: &'a str,
    /// Its kind.
    pub category: Option<&'a str>,
    /// How it ended.
    pub outcome: Outcome,
    /// Which part of a story it tells.
    pub phase: Option<Phase>,
    /// The id of the event it belongs to; the key is `ref`.
    pub reference: Option<EventId>,
    /// The recorder and its counter.
    pub source: Option<Source>,
    /// The opaque id of the credential that wrote it.
    pub recorded_by: Option<&'a str>,
    /// The hash over the commitments to the sealed parts, see [`crate::seal::parts_hash`].
    pub parts_hash: [u8; 32],
}

/// Bytes that are not an entry exactly as [`Entry::encode`] writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an entry of format v1: {what} (byte {offset})")]
pub struct EntryError {
    /// What is wrong.
    pub what: &'static str,
    /// The first byte that could not be read.
    pub offset: usize,
}

impl<'a> Entry<'a> {
    /// Appends the entry's bytes. They are a valid entry if the words keep to their alphabets, as
    /// those of [`crate::check`] do. Other words are escaped, so that no edited column can borrow
    /// the bytes of its neighbours: two different entries never encode alike.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(480);
        out.extend_from_slice(HEAD);
        out.extend_from_slice(&self.id.text());
        out.extend_from_slice(RECORDED_AT);
        self.recorded_at.write_to(out);
        if let Some(at) = self.occurred_at {
            out.extend_from_slice(b"\",\"occurred_at\":\"");
            at.write_to(out);
        }
        out.extend_from_slice(b"\",\"action\":\"");
        write_escaped(out, self.action.as_bytes());
        if let Some(category) = self.category {
            out.extend_from_slice(b"\",\"category\":\"");
            write_escaped(out, category.as_bytes());
        }
        out.extend_from_slice(b"\",\"outcome\":\"");
        out.extend_from_slice(self.outcome.name().as_bytes());
        if let Some(phase) = self.phase {
            out.extend_from_slice(b"\",\"phase\":\"");
            out.extend_from_slice(phase.name().as_bytes());
        }
        if let Some(reference) = self.reference {
            out.extend_from_slice(b"\",\"ref\":\"");
            out.extend_from_slice(&reference.text());
        }
        if let Some(source) = self.source {
            out.extend_from_slice(b"\",\"source\":{\"id\":\"");
            out.extend_from_slice(&source.id_text());
            out.extend_from_slice(b"\",\"seq\":");
            write_u64(out, source.seq);
            // The members around it all end in a quote; this one ends in a brace.
            out.push(b'}');
        }
        self.encode_tail(out);
    }

    fn encode_tail(&self, out: &mut Vec<u8>) {
        let after_source = self.source.is_some();
        if let Some(recorded_by) = self.recorded_by {
            out.extend_from_slice(&b"\",\"recorded_by\":\""[usize::from(after_source)..]);
            write_escaped(out, recorded_by.as_bytes());
        }
        out.extend_from_slice(&PARTS[usize::from(after_source && self.recorded_by.is_none())..]);
        let at = out.len();
        out.resize(at + PARTS_HASH_CHARS, 0);
        URL_SAFE_NO_PAD
            .encode_slice(self.parts_hash, &mut out[at..])
            .expect("32 bytes are 43 characters");
        out.extend_from_slice(b"\"}");
    }

    /// Reads an entry. It accepts exactly the bytes [`Entry::encode`] writes for valid words, so an
    /// entry that was read can be rebuilt from its fields byte for byte.
    pub fn decode(bytes: &'a [u8]) -> Result<Entry<'a>, EntryError> {
        let entry = Entry::read(bytes)?;
        // The reader is strict, but only this makes it certain that nothing is read that would be
        // written differently (upper-case hex, a `t`, stray bits in the base64).
        let mut again = Vec::with_capacity(bytes.len());
        entry.encode(&mut again);
        if again != bytes {
            let offset = again.iter().zip(bytes).take_while(|(a, b)| a == b).count();
            return Err(EntryError { what: "not in the one form that is written", offset });
        }
        Ok(entry)
    }

    /// Like [`Entry::decode`], but does not make certain of the one form, which costs as much as the rest:
    /// for bytes that a checksum vouches for, where what is made of them is compared with the leaf later.
    pub fn read(bytes: &'a [u8]) -> Result<Entry<'a>, EntryError> {
        if bytes.len() > limits::ENTRY_BYTES_MAX {
            return Err(EntryError {
                what: "longer than an entry may be",
                offset: limits::ENTRY_BYTES_MAX,
            });
        }
        Reader { bytes, at: 0 }.entry()
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn entry(mut self) -> Result<Entry<'a>, EntryError> {
        self.expect(HEAD, "an entry begins with its version 1 and its id")?;
        let id = self.id()?;
        self.expect(RECORDED_AT, "recorded_at follows the id")?;
        let recorded_at = self.time()?;
        let occurred_at = self.eat(b"\",\"occurred_at\":\"").then(|| self.time()).transpose()?;
        self.expect(b"\",\"action\":\"", "an entry has an action")?;
        let action = self.word(is_action, "not an action")?;
        let category = self
            .eat(b"\",\"category\":\"")
            .then(|| self.word(is_category, "not a category"))
            .transpose()?;
        self.expect(b"\",\"outcome\":\"", "an entry has an outcome")?;
        let outcome = self.named(Outcome::from_name, "not an outcome")?;
        let phase = self
            .eat(b"\",\"phase\":\"")
            .then(|| self.named(Phase::from_name, "not a phase"))
            .transpose()?;
        let reference = self.eat(b"\",\"ref\":\"").then(|| self.id()).transpose()?;
        let source = self.eat(b"\",\"source\":{\"id\":\"").then(|| self.source()).transpose()?;
        if source.is_some() {
            // After the source's brace stands no quote; the keys below expect the one before it.
            self.at -= 1;
        }
        let skip = usize::from(source.is_some());
        let has_recorded_by = self.eat_after(skip, b"\",\"recorded_by\":\"");
        let recorded_by = has_recorded_by
            .then(|| self.word(is_recorded_by, "not a credential id"))
            .transpose()?;
        let skip = if has_recorded_by { 0 } else { skip };
        if !self.eat_after(skip, PARTS) {
            return Err(self.error("an entry ends with the hash of its parts"));
        }
        let parts_hash = self.hash()?;
        self.expect(b"\"}", "nothing follows the hash of the parts")?;
        if self.at != self.bytes.len() {
            return Err(self.error("bytes after the end"));
        }
        Ok(Entry {
            id,
            recorded_at,
            occurred_at,
            action,
            category,
            outcome,
            phase,
            reference,
            source,
            recorded_by,
            parts_hash,
        })
    }

    fn error(&self, what: &'static str) -> EntryError {
        EntryError { what, offset: self.at }
    }

    fn eat(&mut self, literal: &[u8]) -> bool {
        self.eat_after(0, literal)
    }

    /// Eats a literal whose first `skip` bytes are taken as read: they stand for the closing quote
    /// where the member before ended in a brace instead.
    fn eat_after(&mut self, skip: usize, literal: &[u8]) -> bool {
        let at = self.at + skip;
        let found = self.bytes.get(at..).is_some_and(|rest| rest.starts_with(&literal[skip..]));
        if found {
            self.at += literal.len();
        }
        found
    }

    fn expect(&mut self, literal: &[u8], what: &'static str) -> Result<(), EntryError> {
        if self.eat(literal) { Ok(()) } else { Err(self.error(what)) }
    }

    /// The text up to, not including, the next quote.
    fn text(&mut self) -> Result<&'a str, EntryError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let len = memchr::memchr(b'"', rest).ok_or(self.error("ends too early"))?;
        let text = std::str::from_utf8(&rest[..len]).map_err(|_| self.error("not UTF-8"))?;
        Ok(text)
    }

    fn word(&mut self, is: fn(&[u8]) -> bool, what: &'static str) -> Result<&'a str, EntryError> {
        let text = self.text()?;
        if !is(text.as_bytes()) {
            return Err(self.error(what));
        }
        self.at += text.len();
        Ok(text)
    }

    fn named<T>(
        &mut self,
        from: fn(&str) -> Option<T>,
        what: &'static str,
    ) -> Result<T, EntryError> {
        let text = self.text()?;
        let value = from(text).ok_or(self.error(what))?;
        self.at += text.len();
        Ok(value)
    }

    fn id(&mut self) -> Result<EventId, EntryError> {
        let text = self.text()?;
        let id = EventId::parse(text).map_err(|_| self.error("not an id"))?;
        self.at += text.len();
        Ok(id)
    }

    fn time(&mut self) -> Result<Micros, EntryError> {
        let text = self.text()?;
        let at = Micros::parse(text).map_err(|_| self.error("not a time"))?;
        self.at += text.len();
        Ok(at)
    }

    fn source(&mut self) -> Result<Source, EntryError> {
        let text = self.text()?;
        let id = Source::parse_id(text.as_bytes()).ok_or(self.error("not the id of a source"))?;
        self.at += text.len();
        self.expect(b"\",\"seq\":", "a source has a seq")?;
        let rest = &self.bytes[self.at..];
        let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let seq = parse_u64(&rest[..len]).ok_or(self.error("not the seq of a source"))?;
        self.at += len;
        self.expect(b"}", "a source ends after its seq")?;
        Ok(Source { id, seq })
    }

    fn hash(&mut self) -> Result<[u8; 32], EntryError> {
        let text = self.text()?;
        let hash = decode_hash(text.as_bytes()).ok_or(self.error("not a hash in base64url"))?;
        self.at += text.len();
        Ok(hash)
    }
}

/// The 32 bytes of 43 base64url characters.
pub(crate) fn decode_hash(text: &[u8]) -> Option<[u8; 32]> {
    // The decoder wants room for whole groups of four characters.
    let mut room = [0; 33];
    if text.len() != PARTS_HASH_CHARS || URL_SAFE_NO_PAD.decode_slice(text, &mut room).ok()? != 32 {
        return None;
    }
    room.first_chunk().copied()
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
