//! The way through an event's JSON: one pass over its text, which notes what to replace and copies nothing.
//! Numbers, white space, the order and even the doubling of keys stay, because only what is replaced is written.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;

use super::keys::{Matched, Words};
use super::paths::{Live, Treatment};
use super::shapes::Finder;
use super::text::{json_text, unescaped};
use super::{HMAC_MARK, Inner, REDACTED};
use crate::limits::{REDACT_DEPTH_MAX, REDACT_KEY_LOOKED_AT_MIN};

/// Where in an event a value stands, which says what may be done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The event itself.
    Event,
    /// It must keep its form: the members of the entry, and an actor's type.
    Kept,
    Actor,
    /// A text of the schema and what has only such below: ids among them, so that no cards are looked for.
    Text,
    /// A text in people's words, where cards may stand.
    Prose,
    Error,
    Context,
    Http,
    /// `changes`: its members are free.
    Changes,
    /// `details`: it must be an object; its members are free, and their keys count.
    Details,
    /// `details.bulk`, as [`Event::bulk`](crate::Event::bulk) fills it.
    Bulk,
    /// Its list of keys: free JSON, but ids, so that no cards are looked for.
    BulkKeys,
    /// Free JSON.
    Free,
}

impl Place {
    fn member(self, key: &str) -> Place {
        match (self, key) {
            (
                Place::Event,
                "id" | "trail" | "occurred_at" | "action" | "category" | "outcome" | "phase"
                | "ref" | "source",
            )
            | (Place::Actor, "type")
            | (Place::Kept, _) => Place::Kept,
            (Place::Event, "actor") | (Place::Actor, "on_behalf_of") => Place::Actor,
            (Place::Event, "targets" | "subjects") | (Place::Actor | Place::Text, _) => Place::Text,
            (Place::Event, "changes") => Place::Changes,
            (Place::Event, "details") => Place::Details,
            (Place::Event, "error") => Place::Error,
            (Place::Event, "context") => Place::Context,
            (Place::Context, "http") => Place::Http,
            (Place::Error, "message") | (Place::Context, "user_agent") | (Place::Http, "path") => {
                Place::Prose
            }
            (Place::Error | Place::Context | Place::Http, _) => Place::Text,
            (Place::Details, "bulk") => Place::Bulk,
            (Place::Bulk, "keys") => Place::BulkKeys,
            _ => Place::Free,
        }
    }

    /// Whether any JSON may stand here.
    fn is_free(self) -> bool {
        matches!(self, Place::Free | Place::Bulk | Place::BulkKeys)
    }

    /// Whether keys at this place are the application's own.
    fn has_free_keys(self) -> bool {
        self == Place::Details || self.is_free()
    }

    /// Whether a long number may be a card's.
    fn has_cards(self) -> bool {
        matches!(self, Place::Prose | Place::Free | Place::Bulk | Place::Details | Place::Changes)
    }
}

/// A string in the text, with its quotes.
struct Quoted {
    at: Range<usize>,
    is_escaped: bool,
}

impl Quoted {
    /// What it says.
    fn content<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let inner = &text[self.at.start + 1..self.at.end - 1];
        if self.is_escaped { Cow::Owned(unescaped(inner)) } else { Cow::Borrowed(inner) }
    }
}

struct Edit {
    at: Range<usize>,
    with: String,
}

/// Not JSON, or too deep. What it says is left to whoever checks events: this one will be refused.
struct Unreadable;

pub(super) struct Walk<'a> {
    redaction: &'a Inner,
    text: &'a str,
    at: usize,
    edits: Vec<Edit>,
    keys_replaced: usize,
    finder: Finder<'a>,
}

impl<'a> Walk<'a> {
    /// The redacted text, if that is another one, and how many values were replaced.
    pub(super) fn through(redaction: &'a Inner, text: &'a str) -> (Option<String>, usize) {
        let finder = Finder { keys: &redaction.keys, words: Words::default() };
        let mut walk = Walk { redaction, text, at: 0, edits: Vec::new(), keys_replaced: 0, finder };
        walk.skip_space();
        let place = if walk.peek() == Some(b'{') { Place::Event } else { Place::Free };
        let read = walk.value(place, Treatment::Look, &redaction.paths.live(), 0);
        walk.skip_space();
        if read.is_err() || walk.at < text.len() || walk.edits.is_empty() {
            return (None, 0);
        }
        let mut redacted = String::with_capacity(text.len());
        let mut rest = 0;
        for edit in &walk.edits {
            redacted.push_str(&text[rest..edit.at.start]);
            redacted.push_str(&edit.with);
            rest = edit.at.end;
        }
        redacted.push_str(&text[rest..]);
        (Some(redacted), walk.edits.len())
    }

    fn value(
        &mut self,
        place: Place,
        how: Treatment,
        live: &Live,
        depth: usize,
    ) -> Result<(), Unreadable> {
        let outdone = self.redaction.paths.outdo(live, how);
        let opens = self.peek().ok_or(Unreadable)?;
        let is_container = matches!(opens, b'{' | b'[');
        let is_left = place == Place::Kept || how == Treatment::Allow;
        if (is_left && !outdone) || depth == REDACT_DEPTH_MAX {
            return self.skip().map(drop);
        }
        let goes_whole = place.is_free() && !(is_container && outdone);
        match (opens, how) {
            (_, Treatment::Secret | Treatment::SecretHmac | Treatment::Deny | Treatment::Hmac)
                if goes_whole =>
            {
                self.replace(how)
            }
            (b'{', _) => self.object(place, how, live, depth),
            (b'[', _) => self.array(place, how, live, depth),
            (b'"', Treatment::Look) if place != Place::Kept => self.look_at(place),
            (b'"', Treatment::Deny | Treatment::Hmac) if place != Place::Kept => self.replace(how),
            _ => self.skip().map(drop),
        }
    }

    fn object(
        &mut self,
        place: Place,
        how: Treatment,
        live: &Live,
        depth: usize,
    ) -> Result<(), Unreadable> {
        self.at += 1;
        self.skip_space();
        while self.peek().ok_or(Unreadable)? != b'}' {
            let quoted = self.string()?;
            let key = quoted.content(self.text);
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(Unreadable);
            }
            self.at += 1;
            self.skip_space();
            let (below, mut what) = self.redaction.paths.step(live, how, Some(&key));
            if place.has_free_keys() {
                if what < Treatment::Allow {
                    what =
                        what.max(match self.redaction.keys.matched(&key, &mut self.finder.words) {
                            Some(Matched::Hmac) => Treatment::SecretHmac,
                            Some(Matched::Secret) => Treatment::Secret,
                            None => Treatment::Look,
                        });
                }
                if key.len() >= REDACT_KEY_LOOKED_AT_MIN && what != Treatment::Allow {
                    self.look_at_key(quoted.at, &key);
                }
            }
            self.value(place.member(&key), what, &below, depth + 1)?;
            self.next_or(b'}')?;
        }
        self.at += 1;
        Ok(())
    }

    fn array(
        &mut self,
        place: Place,
        how: Treatment,
        live: &Live,
        depth: usize,
    ) -> Result<(), Unreadable> {
        self.at += 1;
        self.skip_space();
        while self.peek().ok_or(Unreadable)? != b']' {
            let (below, what) = self.redaction.paths.step(live, how, None);
            self.value(place, what, &below, depth + 1)?;
            self.next_or(b']')?;
        }
        self.at += 1;
        Ok(())
    }

    /// Goes on to the next member or element, or to the end.
    fn next_or(&mut self, close: u8) -> Result<(), Unreadable> {
        self.skip_space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.skip_space();
                // A comma before the end is no JSON.
                if self.peek() == Some(close) { Err(Unreadable) } else { Ok(()) }
            }
            Some(byte) if byte == close => Ok(()),
            _ => Err(Unreadable),
        }
    }

    /// Looks for shapes in the text that begins here.
    fn look_at(&mut self, place: Place) -> Result<(), Unreadable> {
        let quoted = self.string()?;
        if let Some(redacted) = self.finder.redacted(&quoted.content(self.text), place.has_cards())
        {
            self.edits.push(Edit { at: quoted.at, with: json_text(&redacted) });
        }
        Ok(())
    }

    /// A key that holds a secret is replaced whole, and numbered: two alike would be no event.
    fn look_at_key(&mut self, at: Range<usize>, key: &str) {
        if self.finder.redacted(key, true).is_some() {
            self.keys_replaced += 1;
            let with = json_text(&format!("[redacted key {}]", self.keys_replaced));
            self.edits.push(Edit { at, with });
        }
    }

    /// Replaces the value that begins here.
    fn replace(&mut self, how: Treatment) -> Result<(), Unreadable> {
        let (at, content) = match self.peek() {
            Some(b'"') => {
                let quoted = self.string()?;
                let content = quoted.content(self.text);
                (quoted.at, content)
            }
            _ => {
                let at = self.skip()?;
                (at.clone(), Cow::Borrowed(&self.text[at]))
            }
        };
        let value = &self.text[at.clone()];
        // That a secret was absent is none. Yes and no are too few to be a password, but can be what a path hides.
        let stays = value == "null" || (matches!(value, "true" | "false") && how < Treatment::Deny);
        if stays || (value.starts_with('"') && is_replaced(&content)) {
            return Ok(());
        }
        let hmac = match how {
            Treatment::Hmac | Treatment::SecretHmac => self.redaction.hmac_of(&content),
            _ => None,
        };
        let with = json_text(hmac.as_deref().unwrap_or(REDACTED));
        self.edits.push(Edit { at, with });
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Goes behind a string.
    fn string(&mut self) -> Result<Quoted, Unreadable> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(Unreadable);
        }
        let bytes = self.text.as_bytes();
        let (mut at, mut is_escaped) = (start + 1, false);
        loop {
            at += quote_or_escape(bytes.get(at..).ok_or(Unreadable)?).ok_or(Unreadable)?;
            if bytes[at] == b'"' {
                self.at = at + 1;
                return Ok(Quoted { at: start..self.at, is_escaped });
            }
            is_escaped = true;
            // What is escaped is ASCII; where it is not, this is no JSON and the next step stays between characters.
            at += 1 + usize::from(bytes.get(at + 1).is_some_and(u8::is_ascii));
        }
    }

    /// Goes behind a value, whatever is in it, at any depth.
    fn skip(&mut self) -> Result<Range<usize>, Unreadable> {
        let (start, mut open) = (self.at, 0_usize);
        loop {
            match self.peek().ok_or(Unreadable)? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    open += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    open = open.checked_sub(1).ok_or(Unreadable)?;
                    self.at += 1;
                }
                b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if open > 0 => self.at += 1,
                _ => self.plain()?,
            }
            if open == 0 {
                return Ok(start..self.at);
            }
        }
    }

    /// Goes behind a number or a word.
    fn plain(&mut self) -> Result<(), Unreadable> {
        let rest = &self.text.as_bytes()[self.at..];
        let is_plain =
            |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        match rest.iter().take_while(is_plain).count() {
            0 => Err(Unreadable),
            length => {
                self.at += length;
                Ok(())
            }
        }
    }
}

/// Where the first quote or backslash is. Most strings of an event are shorter than what pays for the call of a
/// function with wide registers, so the first eight bytes are looked at here.
#[inline]
fn quote_or_escape(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    if let Some(word) = bytes.first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        // The lowest byte that is zero gets its high bit; those above it may by mistake.
        let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
        let hits = zeros(word ^ (ONES * b'"' as u64)) | zeros(word ^ (ONES * b'\\' as u64));
        if hits != 0 {
            return Some(hits.trailing_zeros() as usize / 8);
        }
    }
    memchr2(b'"', b'\\', bytes)
}

fn is_replaced(text: &str) -> bool {
    let is_hmac = text.strip_prefix(HMAC_MARK).is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    });
    text == REDACTED || is_hmac
}
