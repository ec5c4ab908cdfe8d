//! Which column becomes which member, and a row that becomes an event by it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use crate::draft::{Draft, Text, Thing, Unmapped, Who, foreign_id};

use super::cell::{Cell, Column, Row};
use super::details::{self, Details};
use super::members::{COUNT, Member, USUAL, usual};
use super::time::{self, Zone};
use super::words;

/// What a member is taken of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Take {
    /// Columns, by their places; several are joined.
    pub columns: Vec<usize>,
    /// The same in every event; beside a column, where that says nothing.
    pub constant: Option<String>,
    /// What values of the column are here.
    pub values: BTreeMap<String, String>,
    /// For an action: the column that says to what, where the column says no more than a verb.
    pub entity: Option<usize>,
}

impl Take {
    pub(super) fn columns(columns: Vec<usize>) -> Take {
        Take { columns, ..Take::default() }
    }
}

/// Which column becomes which member.
#[derive(Clone, Debug)]
pub struct Map {
    pub(super) source: String,
    pub(super) columns: Vec<Column>,
    /// The name of each column in `details`: its own, made different where two have the same.
    keys: Vec<String>,
    pub(super) zone: Zone,
    pub(super) takes: [Option<Take>; COUNT],
}

/// A line of an explanation: where something comes from, and what it becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The column, the columns, or a text in quotes.
    pub from: String,
    /// The member.
    pub member: String,
}

/// The row that is being read, and which of its values are placed whole.
struct Reading<'a> {
    map: &'a Map,
    row: &'a Row<'a>,
    placed: Vec<bool>,
}

impl Map {
    pub(super) fn empty(source: &str, columns: &[Column]) -> Map {
        let mut taken = HashSet::new();
        let keys = columns.iter().enumerate().map(|(i, column)| {
            let name = column.name.replace('\0', "");
            let name = if name.is_empty() { format!("column_{}", i + 1) } else { name };
            let mut key = name.clone();
            let mut count = 2;
            while !taken.insert(key.clone()) {
                key = format!("{name}_{count}");
                count += 1;
            }
            key
        });
        let keys = keys.collect();
        let takes = [const { None }; COUNT];
        Map { source: source.into(), columns: columns.to_vec(), keys, zone: Zone::utc(), takes }
    }

    pub(super) fn take(&self, member: Member) -> Option<&Take> {
        self.takes[member as usize].as_ref()
    }

    pub(super) fn take_mut(&mut self, member: Member) -> Option<&mut Take> {
        self.takes[member as usize].as_mut()
    }

    pub(super) fn has(&self, member: Member) -> bool {
        self.take(member).is_some()
    }

    pub(super) fn set(&mut self, member: Member, take: Take) {
        self.takes[member as usize] = Some(take);
    }

    pub(super) fn has_key(&self, key: &str) -> bool {
        self.keys.iter().any(|one| one == key)
    }

    /// The name under which ids are made.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The columns it was made for.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Takes no trail of a column: the caller says where all of it goes.
    pub fn without_trail(mut self) -> Map {
        self.takes[Member::Trail as usize] = None;
        self
    }

    /// What has to be said in a file before anything can be read by this map; `None` if nothing is missing.
    pub fn missing(&self) -> Option<String> {
        (!self.has(Member::Action)).then(|| {
            let names: Vec<&str> = self.columns.iter().map(|column| &*column.name).collect();
            format!(
                "no column says what was done (there are {}): say it in a map, `action: COLUMN` or \
                 `action: {{ const: NAME }}`",
                names.join(", ")
            )
        })
    }

    /// What becomes what, member by member, then what goes to `details`.
    pub fn explain(&self) -> Vec<Explained> {
        let name = |i: &usize| self.columns[*i].name.clone();
        let mut lines = Vec::new();
        let mut used = vec![false; self.columns.len()];
        for one in &USUAL {
            let Some(take) = self.take(one.0) else { continue };
            take.columns.iter().for_each(|&i| used[i] = one.0 != Member::Id);
            let mut from = take.columns.iter().map(name).collect::<Vec<_>>().join(", ");
            let constant = take.constant.iter().map(|text| format!("\"{text}\""));
            let said: Vec<String> = match one.0 {
                Member::Action if from.is_empty() && take.entity.is_some() => {
                    vec!["what was there before and after".into()]
                }
                _ => constant.collect(),
            };
            for more in said {
                let or = if from.is_empty() { "" } else { ", else " };
                from = format!("{from}{or}{more}");
            }
            if let Some(entity) = &take.entity {
                from = format!("{from}, of {}", name(entity));
            }
            for (value, ours) in &take.values {
                from = format!("{from}; {value} is {ours}");
            }
            lines.push(Explained { from, member: one.1.into() });
        }
        for (i, column) in self.columns.iter().enumerate() {
            if !used[i] {
                let member = format!("details.{}", self.keys[i]);
                lines.push(Explained { from: column.name.clone(), member });
            }
        }
        lines
    }

    /// Makes an event of a row. The field of what is refused is the column's name.
    pub fn event<'a>(&'a self, row: &'a Row<'a>) -> Result<Draft<'a>, Unmapped> {
        let placed = vec![false; self.columns.len()];
        Reading { map: self, row, placed }.event()
    }
}

impl<'a> Reading<'a> {
    fn event(mut self) -> Result<Draft<'a>, Unmapped> {
        let occurred_at = self.occurred_at()?;
        let targets = self.thing(Member::TargetType, Member::TargetId, Some(Member::TargetName));
        let (before, after) = self.changes();
        let action = self.action(before.is_some(), after.is_some())?;
        let mut draft = Draft {
            id: Some(self.id().into()),
            trail: self.text(Member::Trail),
            occurred_at,
            action,
            category: self.word(Member::Category, words::category),
            outcome: self.word(Member::Outcome, |text| words::outcome(text).map(str::to_owned)),
            actor: self.actor(),
            targets,
            subjects: self.thing(Member::SubjectType, Member::SubjectId, None),
            before,
            after,
            error_code: self.text(Member::ErrorCode),
            error_message: self.text(Member::ErrorMessage),
            ..Draft::default()
        };
        self.context(&mut draft);
        draft.details = self.details().map(Cow::Owned);
        Ok(draft)
    }

    fn cell(&self, column: usize) -> &'a Cell<'a> {
        self.row.cells.get(column).unwrap_or(&Cell::Null)
    }

    /// The text of a member, and the column whose whole value it is. What is too long for its member is none.
    fn taken(&self, member: Member) -> Option<(Text<'a>, Option<usize>)> {
        let take = self.map.take(member)?;
        let constant = || take.constant.as_deref().map(|text| (Cow::Borrowed(text), None));
        let meant = |text: Text<'a>| match take.values.get(text.trim()) {
            Some(ours) => (Cow::Borrowed(&**ours), true),
            None => (text, false),
        };
        let found = match take.columns[..] {
            [] => None,
            [column] => self.cell(column).text().map(|text| {
                let (text, changed) = meant(text);
                (text, (!changed).then_some(column))
            }),
            _ => {
                let texts = take.columns.iter().filter_map(|&i| self.cell(i).text());
                let texts: Vec<Text<'_>> = texts.map(|text| meant(text).0).collect();
                let joint = if member == Member::Action { "." } else { "/" };
                (!texts.is_empty()).then(|| (Cow::Owned(texts.join(joint)), None))
            }
        };
        found.or_else(constant).filter(|(text, _)| text.len() <= usual(member).2)
    }

    /// The text of a member, as it is.
    fn text(&mut self, member: Member) -> Option<Text<'a>> {
        let (text, column) = self.taken(member)?;
        column.into_iter().for_each(|column| self.placed[column] = true);
        Some(text)
    }

    /// The word that a text stands for. The text stays in `details` where it is another.
    fn word(&mut self, member: Member, word: fn(&str) -> Option<String>) -> Option<Text<'a>> {
        let (text, column) = self.taken(member)?;
        let ours = word(text.trim())?;
        if let Some(column) = column {
            self.placed[column] = ours == *text || matches!(self.cell(column), Cell::Bool(_));
        }
        Some(Cow::Owned(ours))
    }

    fn occurred_at(&mut self) -> Result<Option<Text<'a>>, Unmapped> {
        let Some(take) = self.map.take(Member::OccurredAt) else { return Ok(None) };
        let joined;
        let cell = match take.columns[..] {
            [column] => self.cell(column),
            // A date and a time.
            _ => {
                let texts: Vec<_> =
                    take.columns.iter().filter_map(|&i| self.cell(i).text()).collect();
                joined = Cell::Text(texts.join(" ").into());
                &joined
            }
        };
        let name = |i: &usize| self.map.columns[*i].name.clone();
        let read = time::read(cell, &self.map.zone).map_err(|message| {
            Unmapped::new(take.columns.first().map(name).unwrap_or_default(), message)
        })?;
        let Some((at, exact)) = read else { return Ok(None) };
        if let [column] = take.columns[..] {
            self.placed[column] = exact;
        }
        Ok(Some(Cow::Owned(at.to_string())))
    }

    /// The key is kept in `details` too: no id can be turned back into what it was made of.
    fn id(&self) -> String {
        let take = self.map.take(Member::Id);
        let columns = take.map_or(&[][..], |take| &take.columns);
        let texts: Vec<_> = columns.iter().filter_map(|&i| self.cell(i).text()).collect();
        if !texts.is_empty() && texts.len() == columns.len() {
            return foreign_id(&self.map.source, &texts.join("\u{1f}"));
        }
        let mut whole = Details::new();
        for (key, cell) in self.map.keys.iter().zip(self.row.cells) {
            whole.put(key, cell);
        }
        self.row.more.iter().for_each(|(key, cell)| whole.put(key, cell));
        let whole = whole.finish().unwrap_or_default();
        foreign_id(&self.map.source, &format!("{}\u{1f}{whole}", self.row.position))
    }

    fn action(&mut self, before: bool, after: bool) -> Result<Text<'a>, Unmapped> {
        let take = self.map.take(Member::Action);
        let entity = take.and_then(|take| take.entity).and_then(|i| self.cell(i).text());
        let (text, column) = match self.taken(Member::Action) {
            Some(taken) => taken,
            None if take.is_some_and(|take| take.columns.is_empty() && take.entity.is_some()) => {
                let verb = match (before, after) {
                    (false, true) => "create",
                    (true, false) => "delete",
                    (true, true) | (false, false) => "update",
                };
                (Cow::Borrowed(verb), None)
            }
            None => {
                let column = take.and_then(|take| take.columns.first());
                let name = column.map_or("action", |&i| &*self.map.columns[i].name);
                return Err(Unmapped::new(name, "says not what was done: it is empty"));
            }
        };
        let action = words::deed(&text, entity.as_deref());
        if action.is_empty() {
            let name = column.map_or("action", |i| &*self.map.columns[i].name);
            return Err(Unmapped::new(
                name,
                "has no letter or digit of which an action could be made",
            ));
        }
        if let Some(column) = column {
            self.placed[column] = action == *text;
        }
        Ok(Cow::Owned(action))
    }

    fn actor(&mut self) -> Option<Who<'a>> {
        let other = Who {
            id: self.text(Member::BehalfId),
            name: self.text(Member::BehalfName),
            ..Who::default()
        };
        let is_somebody =
            |who: &Who<'_>| who.id.is_some() || who.name.is_some() || who.email.is_some();
        let on_behalf_of = is_somebody(&other).then(|| Box::new(other));
        let mut who = Who {
            id: self.text(Member::ActorId),
            name: self.text(Member::ActorName),
            email: self.text(Member::ActorEmail),
            auth_method: self.text(Member::AuthMethod),
            on_behalf_of,
            ..Who::default()
        };
        let from_column = self.taken(Member::ActorType).is_some_and(|(_, column)| column.is_some());
        if is_somebody(&who) || from_column {
            who.kind = self.word(Member::ActorType, |text| words::actor(text).map(str::to_owned));
        }
        let is_empty = who.kind.is_none() && !is_somebody(&who);
        (!is_empty || who.on_behalf_of.is_some() || who.auth_method.is_some()).then_some(who)
    }

    /// A target or a subject, of the members for its type, id and name.
    fn thing(&mut self, kind: Member, id: Member, name: Option<Member>) -> Vec<Thing<'a>> {
        let fixed = |take: Option<&Take>| take.is_some_and(|take| take.columns.is_empty());
        // A type that is the same for all says nothing of what is not there.
        let only_fixed = fixed(self.map.take(kind)) && self.taken(id).is_none();
        let thing = Thing {
            kind: self.text(kind).filter(|_| !only_fixed),
            id: self.text(id),
            name: name.and_then(|name| self.text(name)),
        };
        let is_empty = thing.kind.is_none() && thing.id.is_none() && thing.name.is_none();
        if is_empty { Vec::new() } else { vec![thing] }
    }

    fn state(&mut self, member: Member) -> Option<Text<'a>> {
        let [column] = self.map.take(member)?.columns[..] else { return None };
        let state = self.cell(column).state()?;
        self.placed[column] = true;
        Some(state)
    }

    fn changes(&mut self) -> (Option<Text<'a>>, Option<Text<'a>>) {
        let (before, after) = (self.state(Member::Before), self.state(Member::After));
        let take = self.map.take(Member::Changes);
        if let Some([column]) = take.map(|take| &take.columns[..])
            && before.is_none()
            && after.is_none()
            && let Some(states) = self.cell(*column).object().and_then(details::states)
        {
            self.placed[*column] = true;
            return (states.0.map(Cow::Owned), states.1.map(Cow::Owned));
        }
        (before, after)
    }

    fn context(&mut self, draft: &mut Draft<'a>) {
        let place = &mut draft.context;
        if let Some((text, column)) = self.taken(Member::Ip) {
            column.into_iter().for_each(|column| self.placed[column] = true);
            place.ip = Some(words::address(text));
        }
        place.user_agent = self.text(Member::UserAgent);
        place.request_id = self.text(Member::RequestId);
        place.correlation_id = self.text(Member::CorrelationId);
        place.session_id = self.text(Member::SessionId);
        place.trace_id = self.text(Member::TraceId);
        place.span_id = self.text(Member::SpanId);
        place.service = self.text(Member::Service);
        place.host = self.text(Member::Host);
        place.http_method = self.text(Member::HttpMethod);
        place.http_path = self.word(Member::HttpPath, |text| Some(words::path(text).to_owned()));
        if let Some((text, column)) = self.taken(Member::HttpStatus)
            && let Ok(status @ 100..=599) = text.trim().parse::<u16>()
        {
            column.into_iter().for_each(|column| self.placed[column] = true);
            place.http_status = Some(status);
        }
    }

    fn details(&self) -> Option<String> {
        let mut details = Details::new();
        let own = self.map.take(Member::Details).and_then(|take| take.columns.first().copied());
        let own = own.filter(|&i| !self.placed[i]);
        let object = own.and_then(|column| self.cell(column).object());
        let given = |i: &usize| {
            let cell = self.cell(*i);
            let spread = object.is_some() && own == Some(*i);
            !(self.placed[*i] || cell.is_null() || spread)
        };
        let left: Vec<usize> = (0..self.map.columns.len()).filter(given).collect();
        for &i in &left {
            details.put(&self.map.keys[i], self.cell(i));
        }
        let more = self.row.more.iter().filter(|(_, cell)| !cell.is_null());
        more.clone().for_each(|(key, cell)| details.put(key, cell));
        if let (Some(column), Some(object)) = (own, object) {
            // Members that are called like a column would stand there twice.
            let inner = details::keys(object);
            let clash = left.iter().any(|&i| inner.contains(&self.map.keys[i]))
                || more.clone().any(|(key, _)| inner.contains(&**key));
            match clash {
                true => details.nest(&self.map.keys[column], object),
                false => details.spread(object),
            }
        }
        details.finish()
    }
}
