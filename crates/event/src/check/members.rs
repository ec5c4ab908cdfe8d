//! The known members of an event, read in whatever order they come, in either form.

use super::scan::{Path, Scan, Span, Step};
use super::tables::*;
use super::{Checked, PHASE, REF};
use crate::words::{is_action, is_category};
use crate::{EventId, Micros, Outcome, Phase, RefusalKind, Source, TrailName, json, limits};

/// The types an actor can have.
const ACTOR_TYPES: [&[u8]; 5] = [b"user", b"service", b"system", b"agent", b"anonymous"];

/// A target's or subject's type, id and name.
pub(super) type Item = [Span; ITEM_SLOTS];

/// What was read of an event so far.
pub(super) struct Members<'a> {
    pub scan: Scan<'a>,
    pub slots: [Span; SLOTS],
    pub targets: Vec<Item>,
    pub subjects: Vec<Item>,
    trail: Option<TrailName>,
    id: Option<EventId>,
    occurred_at: Option<Micros>,
    action: Option<Box<str>>,
    category: Option<Box<str>>,
    outcome: Option<Outcome>,
    phase: Option<Phase>,
    reference: Option<EventId>,
    source_id: Option<[u8; 16]>,
    source_seq: Option<u64>,
}

impl<'a> Members<'a> {
    pub fn new(scan: Scan<'a>) -> Members<'a> {
        Members {
            scan,
            slots: [Span::ABSENT; SLOTS],
            targets: Vec::new(),
            subjects: Vec::new(),
            trail: None,
            id: None,
            occurred_at: None,
            action: None,
            category: None,
            outcome: None,
            phase: None,
            reference: None,
            source_id: None,
            source_seq: None,
        }
    }

    /// Reads the whole event and sees that nothing follows it.
    pub fn read_event(&mut self) -> Step<()> {
        if self.scan.token() != b'{' {
            return Err(self.scan.wrong_type("an object"));
        }
        let mut slots = self.slots;
        self.object(&EVENT, &mut slots, &Path::EVENT, 1)?;
        self.slots = slots;
        self.scan.token();
        if self.scan.at < self.scan.bytes.len() {
            return Err(self.scan.fault(RefusalKind::TrailingBytes));
        }
        self.merge_resource()
    }

    /// The object here, whose brace is the `depth`th level.
    fn object(
        &mut self,
        table: &'static [Member],
        slots: &mut [Span],
        path: &Path<'_>,
        depth: usize,
    ) -> Step<()> {
        if depth > limits::DEPTH_MAX {
            return Err(self.scan.fault(RefusalKind::TooDeep).of(path));
        }
        self.scan.at += 1;
        if self.scan.token() == b'}' {
            self.scan.at += 1;
            return Ok(());
        }
        let (mut seen, mut guess) = (0_u64, 0);
        loop {
            let member = self.key(table, guess, &mut seen, path)?;
            guess = member + 1;
            let member = &table[member];
            let here = path.member(member.name);
            self.value(member, slots, &here, depth).map_err(|fault| fault.of(&here))?;
            match self.scan.token() {
                b',' => self.scan.at += 1,
                b'}' => {
                    self.scan.at += 1;
                    return Ok(());
                }
                _ => return Err(self.scan.unexpected("a comma or the end of the object").of(path)),
            }
        }
    }

    /// A key of a known object and its colon; the member's place in the table. The search begins
    /// at `guess`, because callers mostly send members in one order.
    #[inline]
    fn key(
        &mut self,
        table: &'static [Member],
        guess: usize,
        seen: &mut u64,
        path: &Path<'_>,
    ) -> Step<usize> {
        if self.scan.token() != b'"' {
            return Err(self.scan.unexpected("a key in quotes").of(path));
        }
        let key_at = self.scan.at;
        let key = self.scan.string().map_err(|fault| fault.of(path))?;
        self.scan.count_key(key, key_at).map_err(|fault| fault.of(path))?;
        let name = self.scan.get(key);
        let matches = |i: &usize| table[*i].name.as_bytes() == name;
        let Some(member) = (guess..table.len()).chain(0..guess.min(table.len())).find(matches)
        else {
            let mut fault = self.scan.fault_at(RefusalKind::UnknownMember, key_at);
            let dotted = path.dotted();
            let dot = if dotted.is_empty() { "" } else { "." };
            fault.field = Some(format!("{dotted}{dot}{}", self.scan.key_shown(key)));
            return Err(fault);
        };
        if *seen >> member & 1 == 1 {
            let fault = self.scan.fault_at(RefusalKind::DuplicateKey, key_at);
            return Err(fault.of(&path.member(table[member].name)));
        }
        *seen |= 1 << member;
        self.scan.expect(b':', "a colon after the key").map_err(|fault| fault.of(path))?;
        Ok(member)
    }

    /// The value of a member of the object at level `depth`.
    fn value(
        &mut self,
        member: &'static Member,
        slots: &mut [Span],
        path: &Path<'_>,
        depth: usize,
    ) -> Step<()> {
        let byte = self.scan.token();
        let value_at = self.scan.at;
        if byte == b'n' && !matches!(member.kind, Kind::Free) {
            return self.scan.literal("null");
        }
        let span = match member.kind {
            Kind::Text(bytes_max) => self.text(byte, bytes_max)?,
            Kind::ActorType => self.actor_type(byte)?,
            Kind::Id(bytes_max) => self.text_or_number(byte, bytes_max)?,
            Kind::Number => self.number(byte, "a number")?,
            Kind::Status => self.status(byte)?,
            // In either form the value ends up within `changes`, so both are allowed one depth.
            Kind::Free => self.scan.free(path, 2)?,
            Kind::FreeObject if byte == b'{' => self.scan.free(path, depth)?,
            Kind::Object(table) if byte == b'{' => {
                return self.object(table, slots, path, depth + 1);
            }
            Kind::Actor if byte == b'{' => self.nested_actor(path, depth + 1)?,
            Kind::FreeObject | Kind::Object(_) | Kind::Actor => {
                return Err(self.scan.wrong_type("an object"));
            }
            Kind::Targets => {
                self.targets = self.items(&TARGET, limits::TARGETS_MAX, path, depth)?;
                return Ok(());
            }
            Kind::Subjects => {
                self.subjects = self.items(&SUBJECT, limits::SUBJECTS_MAX, path, depth)?;
                return Ok(());
            }
            Kind::Head(field) => {
                let reason = self.head(field, byte, member.other)?;
                return reason.map_or(Ok(()), |reason| Err(self.scan.fault_at(reason, value_at)));
            }
        };
        let slot = &mut slots[member.slot];
        if slot.is_given() && self.scan.get(*slot) != self.scan.get(span) {
            return Err(self.scan.fault_at(RefusalKind::Differs { other: member.other }, value_at));
        }
        *slot = span;
        Ok(())
    }

    #[inline]
    fn text(&mut self, byte: u8, bytes_max: usize) -> Step<Span> {
        if byte != b'"' {
            return Err(self.scan.wrong_type("a string"));
        }
        let start = self.scan.at;
        let span = self.scan.string()?;
        if self.scan.get(span).len() > bytes_max {
            return Err(self.scan.fault_at(RefusalKind::TooLong { bytes_max }, start));
        }
        Ok(span)
    }

    fn text_or_number(&mut self, byte: u8, bytes_max: usize) -> Step<Span> {
        match byte {
            b'"' => self.text(byte, bytes_max),
            b'-' | b'0'..=b'9' => self.number(byte, "a string or a number"),
            _ => Err(self.scan.wrong_type("a string")),
        }
    }

    fn number(&mut self, byte: u8, expected: &'static str) -> Step<Span> {
        if !matches!(byte, b'-' | b'0'..=b'9') {
            return Err(self.scan.wrong_type(expected));
        }
        let start = self.scan.at;
        let span = self.scan.number()?;
        if self.scan.get(span).len() > limits::NUMBER_BYTES_MAX {
            let bytes_max = limits::NUMBER_BYTES_MAX;
            return Err(self.scan.fault_at(RefusalKind::TooLong { bytes_max }, start));
        }
        Ok(span)
    }

    fn status(&mut self, byte: u8) -> Step<Span> {
        let start = self.scan.at;
        let span = self.number(byte, "a whole number from 100 to 599")?;
        match self.scan.get(span) {
            [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] => Ok(span),
            _ => Err(self
                .scan
                .fault_at(RefusalKind::Form { form: "a whole number from 100 to 599" }, start)),
        }
    }

    fn actor_type(&mut self, byte: u8) -> Step<Span> {
        let start = self.scan.at;
        let span = self.text(byte, limits::KIND_BYTES_MAX)?;
        if ACTOR_TYPES.contains(&self.scan.get(span)) {
            return Ok(span);
        }
        let allowed = "user, service, system, agent, anonymous";
        Err(self.scan.fault_at(RefusalKind::NotOneOf { allowed }, start))
    }

    /// An actor on whose behalf another acted, canonical at once. It may name one in turn; the
    /// limit on depth bounds the recursion.
    fn nested_actor(&mut self, path: &Path<'_>, depth: usize) -> Step<Span> {
        let mut slots = [Span::ABSENT; ACTOR_SLOTS];
        self.object(&ACTOR, &mut slots, path, depth)?;
        let canonical = super::write::actor_members(&self.scan, &slots);
        if canonical.is_empty() {
            return Ok(Span::ABSENT);
        }
        let start = self.scan.scratch.len();
        self.scan.scratch.extend_from_slice(&canonical);
        Ok(Span::scratch(start, self.scan.scratch.len()))
    }

    fn items(
        &mut self,
        table: &'static [Member],
        items_max: usize,
        path: &Path<'_>,
        depth: usize,
    ) -> Step<Vec<Item>> {
        if self.scan.peek() != b'[' {
            return Err(self.scan.wrong_type("an array"));
        }
        self.scan.at += 1;
        let mut items = Vec::new();
        if self.scan.token() == b']' {
            self.scan.at += 1;
            return Ok(items);
        }
        loop {
            let here = path.element(items.len());
            let byte = self.scan.token();
            if items.len() == items_max {
                return Err(self.scan.fault(RefusalKind::TooMany { max: items_max }));
            }
            if byte != b'{' {
                return Err(self.scan.wrong_type("an object").of(&here));
            }
            let start = self.scan.at;
            let mut item = [Span::ABSENT; ITEM_SLOTS];
            self.object(table, &mut item, &here, depth + 2)?;
            if !item.iter().any(|span| span.is_given()) {
                let form = "an object with a type, an id or a name";
                return Err(self.scan.fault_at(RefusalKind::Form { form }, start).of(&here));
            }
            items.push(item);
            match self.scan.token() {
                b',' => self.scan.at += 1,
                b']' => {
                    self.scan.at += 1;
                    return Ok(items);
                }
                _ => return Err(self.scan.unexpected("a comma or the end of the array")),
            }
        }
    }

    /// A field of the entry. The outer error is one of reading, the inner one of what was read.
    fn head(&mut self, field: Head, byte: u8, other: &'static str) -> Step<Option<RefusalKind>> {
        let number = matches!(byte, b'-' | b'0'..=b'9');
        let span = match field {
            Head::SourceSeq => self.number(byte, "a whole number")?,
            Head::Trail if number => self.number(byte, "a string")?,
            Head::Id | Head::Ref if number => return Ok(Some(crate::IdError.into())),
            Head::Id | Head::Ref | Head::Trail | Head::SourceId => {
                self.text(byte, limits::TEXT_BYTES_MAX)?
            }
            Head::OccurredAt => self.text(byte, limits::TIME_BYTES_MAX)?,
            Head::Action => self.text(byte, limits::ACTION_BYTES_MAX)?,
            Head::Category => self.text(byte, limits::CATEGORY_BYTES_MAX)?,
            Head::Outcome | Head::Phase => self.text(byte, limits::KIND_BYTES_MAX)?,
        };
        // None of these values has a character that needs an escape, so a canonical body that
        // does have one fails its form like any other wrong character.
        let bytes = self.scan.get(span);
        let text = std::str::from_utf8(bytes).expect("a piece of UTF-8 between ASCII bytes");
        let form = |form| Err(RefusalKind::Form { form });
        let result = match field {
            Head::Id => EventId::parse(text)
                .map_err(Into::into)
                .and_then(|id| once(&mut self.id, id, other)),
            Head::Ref => EventId::parse(text)
                .map_err(Into::into)
                .and_then(|id| once(&mut self.reference, id, other)),
            Head::Trail => TrailName::parse(text)
                .map_err(Into::into)
                .and_then(|name| once(&mut self.trail, name, other)),
            Head::OccurredAt => Micros::parse(text)
                .map_err(Into::into)
                .and_then(|at| once(&mut self.occurred_at, at, other)),
            Head::Action if is_action(bytes) => once(&mut self.action, text.into(), other),
            Head::Action => form("words of a-z, 0-9 and _ joined by dots, such as backup.delete"),
            Head::Category if is_category(bytes) => once(&mut self.category, text.into(), other),
            Head::Category => form("a word of a-z, 0-9 and _, such as data_access"),
            Head::Outcome => {
                named(Outcome::from_name(text), "success, failure, denied, error, pending, unknown")
                    .and_then(|outcome| once(&mut self.outcome, outcome, other))
            }
            Head::Phase => named(Phase::from_name(text), "intent, outcome, correction")
                .and_then(|phase| once(&mut self.phase, phase, other)),
            Head::SourceId => match Source::parse_id(bytes) {
                Some(id) => once(&mut self.source_id, id, other),
                None => form("32 lower-case hex digits"),
            },
            Head::SourceSeq => match json::parse_u64(bytes) {
                Some(seq) => once(&mut self.source_seq, seq, other),
                None => form("a whole number from 0 to 18446744073709551615"),
            },
        };
        Ok(result.err())
    }

    /// Makes `resource_type` and `resource_id` the first target, or compares them with it.
    fn merge_resource(&mut self) -> Step<()> {
        let given = [
            (RESOURCE_TYPE, ITEM_TYPE, "resource_type", "targets[0].type"),
            (RESOURCE_ID, ITEM_ID, "resource_id", "targets[0].id"),
        ];
        for (slot, item_slot, name, other) in given {
            let span = self.slots[slot];
            if !span.is_given() {
                continue;
            }
            if self.targets.is_empty() {
                self.targets.push([Span::ABSENT; ITEM_SLOTS]);
            }
            let first = &mut self.targets[0][item_slot];
            if first.is_given() && self.scan.get(*first) != self.scan.get(span) {
                return Err(self.scan.fault(RefusalKind::Differs { other }).of(&Path::top(name)));
            }
            *first = span;
        }
        Ok(())
    }

    /// Sees that what belongs together is there, and puts the result together.
    pub fn finish(self, credential_subject: Option<&str>) -> Step<Checked> {
        let missing =
            |why, path: &Path<'_>| Err(self.scan.fault(RefusalKind::Missing { why }).of(path));
        if self.action.is_none() && self.category.is_none() {
            return missing(
                " (or give a category, which then names the action too)",
                &Path::top("action"),
            );
        }
        let source = match (self.source_id, self.source_seq) {
            (Some(id), Some(seq)) => Some(Source { id, seq }),
            (None, None) => None,
            (Some(_), None) => return missing(" beside source.id", &Path::top("source.seq")),
            (None, Some(_)) => return missing(" beside source.seq", &Path::top("source.id")),
        };
        match (self.phase, self.reference) {
            (Some(Phase::Outcome | Phase::Correction), None) => {
                return missing(
                    ": phases outcome and correction name the event they belong to",
                    &REF,
                );
            }
            (None, Some(_)) => {
                return missing(": ref says nothing without outcome or correction", &PHASE);
            }
            (Some(Phase::Intent), Some(_)) => {
                let why = "an intent comes first and refers to nothing";
                return Err(self.scan.fault(RefusalKind::Unwanted { why }).of(&REF));
            }
            (_, Some(_)) if self.reference == self.id => {
                return Err(self
                    .scan
                    .fault(RefusalKind::Unwanted { why: "it is the event's own id" })
                    .of(&REF));
            }
            _ => {}
        }
        if credential_subject
            .is_some_and(|subject| json::escaped_len(subject.as_bytes()) > limits::TEXT_BYTES_MAX)
        {
            let reason = RefusalKind::TooLong { bytes_max: limits::TEXT_BYTES_MAX };
            return Err(self.scan.fault(reason).of(&Path::top("credential_subject")));
        }
        let parts = super::write::parts(&self, credential_subject);
        let action =
            self.action.or_else(|| self.category.clone()).expect("one of both was seen above");
        Ok(Checked {
            trail: self.trail,
            id: self.id,
            occurred_at: self.occurred_at,
            action,
            category: self.category,
            outcome: self.outcome.unwrap_or_default(),
            phase: self.phase,
            reference: self.reference,
            source,
            parts,
        })
    }
}

/// Keeps a value that may come in two forms but must not come with two values.
fn once<T: PartialEq>(
    kept: &mut Option<T>,
    value: T,
    other: &'static str,
) -> Result<(), RefusalKind> {
    if kept.as_ref().is_some_and(|kept| *kept != value) {
        return Err(RefusalKind::Differs { other });
    }
    *kept = Some(value);
    Ok(())
}

fn named<T>(value: Option<T>, allowed: &'static str) -> Result<T, RefusalKind> {
    value.ok_or(RefusalKind::NotOneOf { allowed })
}
