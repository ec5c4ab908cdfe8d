//! A row of the classic table, made of an event.

use indelible_connect::Event;
use serde_json::value::RawValue;

use super::json;
use super::schema::COLUMNS;
use crate::address::Kind;
use crate::limits::INDEXED_BYTES_MAX;

/// A row: a value for each column, in their order.
#[derive(Clone, Debug)]
pub struct ClassicRow {
    pub(super) values: Vec<Option<String>>,
}

struct Making {
    kind: Kind,
    values: Vec<Option<String>>,
    altered: Vec<&'static str>,
}

impl ClassicRow {
    /// Makes the row of an event, which is one line of what the API answers. `None` if it is no JSON object.
    pub fn of(
        kind: Kind,
        trail: &str,
        seq: u64,
        leaf: &[u8; 32],
        event: &str,
    ) -> Option<ClassicRow> {
        let read = Event::read(event)?;
        let mut row =
            Making { kind, values: Vec::with_capacity(COLUMNS.len()), altered: Vec::new() };
        row.text(Some(trail));
        row.values.push(Some(seq.to_string()));
        row.text(Some(&read.id));
        row.values.push(Some(crate::cell::hex(leaf)));
        row.time(read.at());
        row.time(&read.recorded_at);
        let actor = read.actor.as_ref();
        row.indexed(actor.and_then(|actor| actor.id.as_deref()));
        row.text(actor.and_then(|actor| actor.kind.as_deref()));
        row.text(actor.and_then(|actor| actor.name.as_deref()));
        row.text(actor.and_then(|actor| actor.email.as_deref()));
        row.text(actor.and_then(|actor| actor.on_behalf_of.as_ref()?.id.as_deref()));
        row.indexed(Some(&read.action));
        row.text(read.category.as_deref());
        row.text(read.outcome.as_deref());
        let resource = read.targets.first();
        row.indexed(resource.and_then(|resource| resource.kind.as_deref()));
        row.indexed(resource.and_then(|resource| resource.id.as_deref()));
        row.text(resource.and_then(|resource| resource.name.as_deref()));
        row.json(
            read.changes.as_ref().and_then(|changes| changes.before.as_deref()).map(RawValue::get),
        );
        row.json(
            read.changes.as_ref().and_then(|changes| changes.after.as_deref()).map(RawValue::get),
        );
        row.json(read.details.as_deref().map(RawValue::get));
        let context = read.context.as_ref();
        row.text(context.and_then(|context| context.ip.as_deref()));
        row.text(context.and_then(|context| context.user_agent.as_deref()));
        row.text(context.and_then(|context| context.request_id.as_deref()));
        row.indexed(context.and_then(|context| context.correlation_id.as_deref()));
        row.text(context.and_then(|context| context.session_id.as_deref()));
        row.text(read.error.as_ref().and_then(|error| error.code.as_deref()));
        row.text(read.error.as_ref().and_then(|error| error.message.as_deref()));
        row.json(Some(event));
        let altered = row.altered.join(" ");
        row.values.push((!altered.is_empty()).then_some(altered));
        Some(ClassicRow { values: row.values })
    }
}

impl Making {
    /// The column that comes next was given another value than the event has.
    fn alter(&mut self) {
        self.altered.push(COLUMNS[self.values.len()].0);
    }

    /// Neither database keeps U+0000 in a text that can be worked with; it is shown as JSON would.
    fn text(&mut self, text: Option<&str>) {
        let value = text.map(|text| text.replace('\0', "\\u0000"));
        if value.as_deref() != text {
            self.alter();
        }
        self.values.push(value);
    }

    /// A text that is in an index, whose rows have a largest length.
    fn indexed(&mut self, text: Option<&str>) {
        match text.filter(|text| text.len() > INDEXED_BYTES_MAX) {
            Some(long) => {
                self.alter();
                let end = long.floor_char_boundary(INDEXED_BYTES_MAX);
                self.values.push(Some(format!("{}…", long[..end].replace('\0', "\\u0000"))));
            }
            None => self.text(text),
        }
    }

    /// PostgreSQL has no year 0, and calls it 1 BC.
    fn time(&mut self, time: &str) {
        let value = match (self.kind, time.strip_prefix("0000-"), time.strip_suffix('Z')) {
            (Kind::Postgres, Some(_), Some(plain)) => {
                format!("0001{} BC", plain[4..].replace('T', " ")).replace(" BC", "+00 BC")
            }
            _ => time.to_owned(),
        };
        self.values.push(Some(value));
    }

    fn json(&mut self, json: Option<&str>) {
        let value = match (self.kind, json) {
            (Kind::Postgres, Some(json)) => {
                let (value, altered) = json::for_jsonb(json);
                if altered {
                    self.alter();
                }
                Some(value)
            }
            (_, json) => json.map(str::to_owned),
        };
        self.values.push(value);
    }
}
