//! A record read once, from its entry to the last value of its parts.

use std::borrow::Cow;
use std::net::IpAddr;

use indelible_event::Part;
use indelible_event::limits::DEPTH_MAX;

use super::PathValue;
use super::scan::Scan;
use super::text::fold_into;
use crate::doc::{Doc, Field};
use crate::facet::Facet;

/// Takes the values of a record. All texts are folded and whole, but for facets, which are as written.
pub(crate) trait Visit {
    /// A value of a field.
    fn field(&mut self, field: Field, value: &str);
    /// A value of [`Field::Ip`] or [`Field::Ref`].
    fn bytes(&mut self, field: Field, value: &[u8; 16]);
    /// A text whose words can be searched.
    fn text(&mut self, text: &str);
    /// A value in the parts.
    fn path(&mut self, path: &str, value: PathValue<'_>);
    /// A facet's value.
    fn facet(&mut self, facet: Facet, value: &str);
    /// Whether nothing more is wanted.
    fn is_done(&self) -> bool;
}

/// Shows a record's values. False if its parts could not be read to their end.
pub(crate) fn walk<V: Visit>(doc: &Doc<'_>, visit: &mut V) -> bool {
    let mut folded = String::new();
    entry(doc, visit, &mut folded);
    let mut path = String::with_capacity(96);
    let mut whole = true;
    for part in Part::ALL {
        let Some(bytes) = doc.parts[part as usize] else { continue };
        path.clear();
        let (path, folded) = (&mut path, &mut folded);
        let mut walk = Walk { scan: Scan::new(bytes), visit, path, folded, depth: 0 };
        let read = match part {
            Part::Who => walk.who(),
            Part::Where => walk.where_(),
            Part::What => walk.what(),
        };
        whole &= read.is_some() && walk.scan.is_at_end();
        if visit.is_done() {
            break;
        }
    }
    whole
}

fn entry<V: Visit>(doc: &Doc<'_>, visit: &mut V, buffer: &mut String) {
    let entry = &doc.entry;
    let named = [
        (Field::Action, Some(Facet::Action), Some(entry.action)),
        (Field::Category, Some(Facet::Category), entry.category),
        (Field::Outcome, Some(Facet::Outcome), Some(entry.outcome.name())),
        (Field::Phase, None, entry.phase.map(|phase| phase.name())),
        (Field::Key, None, entry.recorded_by),
    ];
    for (field, facet, value) in named {
        let Some(value) = value else { continue };
        let folded = fold_into(value, buffer);
        visit.field(field, folded);
        if let Some(facet) = facet {
            visit.facet(facet, value);
            visit.text(folded);
        }
    }
    if let Some(source) = entry.source {
        let id = source.id_text();
        visit.field(Field::Source, std::str::from_utf8(&id).unwrap_or_default());
    }
    if let Some(reference) = entry.reference {
        visit.bytes(Field::Ref, &reference.0);
    }
}

/// Where a value of a known member goes, besides its words.
struct Known {
    fields: &'static [Field],
    facet: Option<Facet>,
    /// Whether it is also found by its path: not where a field of its own says just the same.
    by_path: bool,
}

impl Known {
    const fn field(fields: &'static [Field]) -> Known {
        Known { fields, facet: None, by_path: false }
    }

    const fn counted(fields: &'static [Field], facet: Facet) -> Known {
        Known { fields, facet: Some(facet), by_path: false }
    }

    const fn both(fields: &'static [Field]) -> Known {
        Known { fields, facet: None, by_path: true }
    }
}

/// The ways to be in a list: what its items are.
#[derive(Clone, Copy, PartialEq)]
enum List {
    Targets,
    Subjects,
}

struct Walk<'w, 'a, V> {
    scan: Scan<'a>,
    visit: &'w mut V,
    /// The way to the value being read.
    path: &'w mut String,
    folded: &'w mut String,
    /// How many objects and arrays are open.
    depth: usize,
}

impl<'a, V: Visit> Walk<'_, 'a, V> {
    fn who(&mut self) -> Option<()> {
        self.object(|walk, key| match key {
            "actor" => walk.actor(false),
            "subjects" => walk.list(List::Subjects),
            _ => walk.free(),
        })
    }

    fn where_(&mut self) -> Option<()> {
        self.object(|walk, key| match key {
            "context" => walk.object(|walk, key| walk.context(key)),
            _ => walk.free(),
        })
    }

    fn what(&mut self) -> Option<()> {
        self.object(|walk, key| match key {
            "targets" => walk.list(List::Targets),
            "changes" => {
                walk.visit.field(Field::Has, key);
                // `before.price` is short for `changes.before.price`, and the only spelling.
                walk.path.clear();
                walk.object(|walk, key| {
                    if matches!(key, "before" | "after") {
                        walk.visit.field(Field::Has, key);
                    }
                    walk.free()
                })
            }
            "details" | "error" => {
                walk.visit.field(Field::Has, key);
                walk.free()
            }
            _ => walk.free(),
        })
    }

    /// The actor, or one on whose behalf another acted.
    fn actor(&mut self, behalf: bool) -> Option<()> {
        self.object(|walk, key| {
            let known = match (key, behalf) {
                ("on_behalf_of", _) => {
                    if !behalf {
                        walk.visit.field(Field::Has, key);
                    }
                    return walk.actor(true);
                }
                ("id", false) => Known::counted(&[Field::Actor], Facet::Actor),
                ("id", true) => Known::both(&[Field::Actor, Field::OnBehalfOf]),
                ("email", false) => Known::field(&[Field::Email]),
                ("email", true) => Known::both(&[Field::Email]),
                ("type", false) => Known::field(&[Field::ActorType]),
                ("name", false) => Known::field(&[Field::Name]),
                _ => return walk.free(),
            };
            walk.known(&known)
        })
    }

    fn context(&mut self, key: &str) -> Option<()> {
        let known = match key {
            "ip" => return self.ip(),
            "correlation_id" => Known::field(&[Field::Correlation]),
            "request_id" => Known::field(&[Field::Request]),
            "session_id" => Known::field(&[Field::Session]),
            "trace_id" => Known::field(&[Field::Trace]),
            "service" => Known::counted(&[Field::Service], Facet::Service),
            "host" => Known::field(&[Field::Host]),
            _ => return self.free(),
        };
        self.known(&known)
    }

    fn ip(&mut self) -> Option<()> {
        if self.scan.peek() != b'"' {
            return self.free();
        }
        let text = self.scan.string()?;
        self.visit.facet(Facet::Ip, &text);
        match text.parse::<IpAddr>() {
            // The numbers of an address are no words: nobody looks for one of them, and a query for the whole
            // of it or for a network asks for the address.
            Ok(address) => self.visit.bytes(Field::Ip, &ip_bytes(address)),
            Err(_) => self.say(&text, &Known::both(&[])),
        }
        Some(())
    }

    /// The targets or the subjects.
    fn list(&mut self, list: List) -> Option<()> {
        self.visit.field(Field::Has, if list == List::Targets { "targets" } else { "subjects" });
        let mut first = true;
        self.array(|walk| {
            let [mut kind, mut id] = [None, None];
            walk.object(|walk, key| {
                let known = match (key, list) {
                    ("type", List::Targets) => Known::field(&[Field::ResourceType]),
                    ("id", List::Targets) => Known::field(&[Field::ResourceId]),
                    ("name", List::Targets) => Known::field(&[Field::Name]),
                    ("id", List::Subjects) => Known::both(&[Field::Subject]),
                    ("type", List::Subjects) => Known::both(&[]),
                    _ => return walk.free(),
                };
                let text = walk.known_text(&known)?;
                match key {
                    "type" => kind = text,
                    "id" => id = text,
                    _ => {}
                }
                Some(())
            })?;
            walk.joined(list, first, kind, id);
            first = false;
            Some(())
        })
    }

    /// `type/id` of a target or subject, which stands nowhere in the parts.
    fn joined(
        &mut self,
        list: List,
        first: bool,
        kind: Option<Cow<'a, str>>,
        id: Option<Cow<'a, str>>,
    ) {
        let Some(kind) = kind else { return };
        let counted = first && list == List::Targets;
        if counted {
            self.visit.facet(Facet::ResourceType, &kind);
        }
        let Some(id) = id else { return };
        let mut joined = String::with_capacity(kind.len() + 1 + id.len());
        joined.push_str(&kind);
        joined.push('/');
        joined.push_str(&id);
        if counted {
            self.visit.facet(Facet::Resource, &joined);
        }
        let field = if list == List::Targets { Field::Resource } else { Field::Subject };
        self.visit.field(field, fold_into(&joined, self.folded));
    }

    fn known(&mut self, known: &Known) -> Option<()> {
        self.known_text(known).map(drop)
    }

    /// The value of a known member; its text, if it is one, as it must be.
    fn known_text(&mut self, known: &Known) -> Option<Option<Cow<'a, str>>> {
        if self.scan.peek() != b'"' {
            return self.free().map(|()| None);
        }
        let text = self.scan.string()?;
        self.say(&text, known);
        Some(Some(text))
    }

    #[inline]
    fn say(&mut self, text: &str, known: &Known) {
        if let Some(facet) = known.facet {
            self.visit.facet(facet, text);
        }
        let folded = fold_into(text, self.folded);
        for field in known.fields {
            self.visit.field(*field, folded);
        }
        if known.by_path {
            self.visit.path(self.path, PathValue::Text(folded));
        }
        self.visit.text(folded);
    }

    /// Any value, by its path alone.
    fn free(&mut self) -> Option<()> {
        match self.scan.peek() {
            b'"' => {
                let text = self.scan.string()?;
                self.say(&text, &Known::both(&[]));
            }
            b'{' => self.object(|walk, _| walk.free())?,
            b'[' => self.array(Walk::free)?,
            b'-' | b'0'..=b'9' => {
                let (token, number) = self.scan.number()?;
                self.visit.path(self.path, PathValue::Number(number));
                if !is_plain_number(token) {
                    self.visit.path(self.path, PathValue::Text(fold_into(token, self.folded)));
                }
                self.visit.text(fold_into(token, self.folded));
            }
            _ => {
                let literal = self.scan.literal()?;
                self.visit.path(self.path, PathValue::Literal(literal));
            }
        }
        (!self.visit.is_done()).then_some(())
    }

    /// An object: shows each key, with the path leading to its value, which must be read then.
    #[inline]
    fn object(&mut self, mut member: impl FnMut(&mut Self, &str) -> Option<()>) -> Option<()> {
        self.open(b'{')?;
        let len = self.path.len();
        if self.scan.eat(b'}').is_none() {
            loop {
                let key = self.scan.string()?;
                self.scan.eat(b':')?;
                // A zero byte ends the path in a term, so no key can have one; none passes the check.
                if len > 0 {
                    self.path.push('.');
                }
                if key.contains('\0') {
                    return None;
                }
                self.path.push_str(&key);
                member(self, &key)?;
                self.path.truncate(len);
                if self.scan.eat(b',').is_none() {
                    self.scan.eat(b'}')?;
                    break;
                }
            }
        }
        self.depth -= 1;
        Some(())
    }

    /// An array, whose items have its own path.
    #[inline]
    fn array(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.open(b'[')?;
        if self.scan.eat(b']').is_none() {
            loop {
                item(self)?;
                if self.scan.eat(b',').is_none() {
                    self.scan.eat(b']')?;
                    break;
                }
            }
        }
        self.depth -= 1;
        Some(())
    }

    fn open(&mut self, bracket: u8) -> Option<()> {
        self.scan.eat(bracket)?;
        self.depth += 1;
        // Deeper than any event that was let in, and than the stack should be trusted with.
        (self.depth <= DEPTH_MAX).then_some(())
    }
}

/// An address as [`Field::Ip`] has it.
pub(crate) fn ip_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// Digits that any number with so many keeps through a float.
pub(crate) const FLOAT_DIGITS: usize = 15;

/// Whether a number's token is just what a float of it prints as, so that the float says it all.
#[inline]
fn is_plain_number(token: &str) -> bool {
    let bytes = token.as_bytes();
    let (mut digits, mut fraction) = (0, false);
    for byte in bytes {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'.' => fraction = true,
            b'-' => {}
            _ => return false,
        }
    }
    digits <= FLOAT_DIGITS && !(fraction && bytes.last() == Some(&b'0')) && token != "-0"
}
