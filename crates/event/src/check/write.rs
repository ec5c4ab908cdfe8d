//! The canonical parts, put together in the one order they have.

use super::Parts;
use super::members::{Item, Members};
use super::scan::{Scan, Span};
use super::tables::*;
use crate::json::write_escaped;

/// The canonical bytes of the parts of an event that was read.
pub(super) fn parts(members: &Members<'_>, credential_subject: Option<&str>) -> Parts {
    let capacity = members.scan.bytes.len() + credential_subject.map_or(0, str::len) + 128;
    let mut writer =
        Writer { scan: &members.scan, slots: &members.slots, out: Vec::with_capacity(capacity) };
    writer.nest("", b'{', b'}', |w| {
        w.nest(",\"actor\":", b'{', b'}', Writer::actor);
        w.items(",\"subjects\":", &members.subjects);
    });
    let who = writer.out.len();
    writer.nest("", b'{', b'}', |w| {
        w.nest(",\"context\":", b'{', b'}', Writer::context);
        if let Some(subject) = credential_subject {
            w.out.extend_from_slice(b",\"credential_subject\":\"");
            write_escaped(&mut w.out, subject.as_bytes());
            w.out.push(b'"');
        }
    });
    let where_ = writer.out.len();
    writer.nest("", b'{', b'}', |w| {
        w.items(",\"targets\":", &members.targets);
        w.nest(",\"changes\":", b'{', b'}', |w| {
            w.raw(",\"before\":", BEFORE);
            w.raw(",\"after\":", AFTER);
        });
        w.raw(",\"details\":", DETAILS);
        w.nest(",\"error\":", b'{', b'}', |w| {
            w.text(",\"code\":\"", ERROR_CODE);
            w.text(",\"message\":\"", ERROR_MESSAGE);
        });
    });
    let what = writer.out.len();
    Parts { bytes: writer.out, ends: [who, where_, what] }
}

/// The canonical bytes of an actor, or none if nothing is known of it.
pub(super) fn actor_members(scan: &Scan<'_>, slots: &[Span]) -> Vec<u8> {
    let mut writer = Writer { scan, slots, out: Vec::new() };
    writer.nest("", b'{', b'}', Writer::actor);
    writer.out
}

struct Writer<'r> {
    scan: &'r Scan<'r>,
    slots: &'r [Span],
    out: Vec<u8>,
}

impl Writer<'_> {
    /// An object or array. Everything inside begins with a comma; the first comma becomes the
    /// opening bracket, and where there is none the whole is left out.
    #[inline]
    fn nest(&mut self, key: &str, opening: u8, closing: u8, inside: impl FnOnce(&mut Self)) {
        let start = self.out.len();
        self.out.extend_from_slice(key.as_bytes());
        let first = self.out.len();
        inside(self);
        if self.out.len() == first {
            self.out.truncate(start);
        } else {
            self.out[first] = opening;
            self.out.push(closing);
        }
    }

    /// A string member; `key` ends with the opening quote.
    #[inline]
    fn text(&mut self, key: &str, slot: usize) {
        self.text_of(key, self.slots[slot]);
    }

    #[inline]
    fn text_of(&mut self, key: &str, span: Span) {
        if span.is_given() {
            self.out.extend_from_slice(key.as_bytes());
            self.out.extend_from_slice(self.scan.get(span));
            self.out.push(b'"');
        }
    }

    /// A member whose value is canonical JSON already.
    #[inline]
    fn raw(&mut self, key: &str, slot: usize) {
        let span = self.slots[slot];
        if span.is_given() {
            self.out.extend_from_slice(key.as_bytes());
            self.out.extend_from_slice(self.scan.get(span));
        }
    }

    fn items(&mut self, key: &str, items: &[Item]) {
        self.nest(key, b'[', b']', |w| {
            for item in items {
                w.nest(",", b'{', b'}', |w| {
                    w.text_of(",\"type\":\"", item[ITEM_TYPE]);
                    w.text_of(",\"id\":\"", item[ITEM_ID]);
                    w.text_of(",\"name\":\"", item[ITEM_NAME]);
                });
            }
        });
    }

    fn actor(&mut self) {
        let is_user = self.slots[ACTOR_ID].is_given() || self.slots[ACTOR_EMAIL].is_given();
        if is_user && !self.slots[ACTOR_TYPE].is_given() {
            self.out.extend_from_slice(b",\"type\":\"user\"");
        }
        self.text(",\"type\":\"", ACTOR_TYPE);
        self.text(",\"id\":\"", ACTOR_ID);
        self.text(",\"name\":\"", ACTOR_NAME);
        self.text(",\"email\":\"", ACTOR_EMAIL);
        self.nest(",\"auth\":", b'{', b'}', |w| {
            w.text(",\"method\":\"", AUTH_METHOD);
            w.text(",\"token_id\":\"", AUTH_TOKEN_ID);
        });
        self.raw(",\"on_behalf_of\":", ON_BEHALF_OF);
    }

    fn context(&mut self) {
        self.text(",\"ip\":\"", IP);
        self.text(",\"user_agent\":\"", USER_AGENT);
        self.text(",\"request_id\":\"", REQUEST_ID);
        self.text(",\"correlation_id\":\"", CORRELATION_ID);
        self.text(",\"session_id\":\"", SESSION_ID);
        self.text(",\"trace_id\":\"", TRACE_ID);
        self.text(",\"span_id\":\"", SPAN_ID);
        self.text(",\"service\":\"", SERVICE);
        self.text(",\"host\":\"", HOST);
        self.nest(",\"http\":", b'{', b'}', |w| {
            w.text(",\"method\":\"", HTTP_METHOD);
            w.text(",\"path\":\"", HTTP_PATH);
            w.text(",\"route\":\"", HTTP_ROUTE);
            w.raw(",\"status\":", HTTP_STATUS);
            w.raw(",\"duration_ms\":", HTTP_DURATION);
        });
    }
}
