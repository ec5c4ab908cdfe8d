//! The events of a case, made into records as the API shows them.

use indelible_event::{Entry, EventId, Micros, TrailName, check_with_subject, view};
use serde_json::{Map, Value};

/// When the first event of a case happens: 2026-01-01T12:00:00Z, a Thursday.
const BEGIN: Micros = Micros(1_767_268_800_000_000);
/// How much later the next one happens, where nothing else is said.
const STEP: Micros = Micros(1_000_000);
/// What is replaced by the number of a repetition.
const NUMBER: &str = "{n}";

/// An event as it is written in a case.
#[derive(Clone, Debug)]
pub(super) struct Written {
    line: usize,
    /// How often it comes.
    pub(super) times: u64,
    every: Micros,
    at: Option<Micros>,
    /// What the node would add.
    recorded_at: Option<Micros>,
    recorded_by: Option<String>,
    subject: Option<String>,
    trail: TrailName,
    event: Map<String, Value>,
}

/// A record.
pub(super) struct Record {
    pub(super) pos: u64,
    pub(super) recorded_at: Micros,
    pub(super) json: Vec<u8>,
}

impl Written {
    /// Takes apart what is ours and what is the event's.
    pub(super) fn read(mut event: Map<String, Value>, line: usize) -> Result<Written, String> {
        let mut text = |name: &str| match event.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(format!("{name}: {other} is no text")),
        };
        let time = |name: &str, text: Option<String>| {
            let read = |text: String| {
                let time = Micros::parse(&text);
                time.map_err(|e| format!("{name}: {text:?} {e}"))
            };
            text.map(read).transpose()
        };
        let every = text("every")?.map(|text| span(&text).map_err(|why| format!("every: {why}")));
        let every = every.transpose()?.unwrap_or(STEP);
        let at = time("at", text("at")?)?;
        let recorded_at = time("recorded_at", text("recorded_at")?)?;
        let trail = match text("trail")?.as_deref() {
            None => TrailName::unnamed(),
            Some("_system") => TrailName::system(),
            Some(name) => TrailName::parse(name).map_err(|e| format!("trail: {e}"))?,
        };
        let (recorded_by, subject) = (text("recorded_by")?, text("credential_subject")?);
        let times = match event.remove("times") {
            None => 1,
            Some(times) => times.as_u64().filter(|times| *times > 0).ok_or_else(|| {
                format!("times: {times} is no number of events: how often it comes, from 1")
            })?,
        };
        let written =
            Written { line, times, every, at, recorded_at, recorded_by, subject, trail, event };
        // What the API would refuse is told with its line, before anything is run.
        written.record(0, 1, (BEGIN, BEGIN))?;
        Ok(written)
    }

    /// The record that the event becomes the n-th time.
    fn record(&self, pos: u64, n: u64, times: (Micros, Micros)) -> Result<Record, String> {
        let (occurred_at, recorded_at) = times;
        let mut event = Value::Object(self.event.clone());
        number(&mut event, &n.to_string());
        let json = event.to_string();
        let subject = self.subject.as_deref();
        let checked = check_with_subject(json.as_bytes(), subject).map_err(|e| {
            let field = if e.field.is_empty() { "the event" } else { &e.field };
            format!("{field} {}", e.reason)
        })?;
        let entry = Entry {
            id: checked.id.unwrap_or_else(|| EventId::derived("examples beside rules", pos)),
            recorded_at,
            occurred_at: Some(checked.occurred_at.unwrap_or(occurred_at)),
            action: &checked.action,
            category: checked.category.as_deref(),
            outcome: checked.outcome,
            phase: checked.phase,
            reference: checked.reference,
            source: checked.source,
            recorded_by: self.recorded_by.as_deref(),
            parts_hash: [0; 32],
        };
        let mut bytes = Vec::new();
        entry.encode(&mut bytes);
        let json = view(self.trail.as_str(), pos, &bytes, checked.parts.all());
        Ok(Record { pos, recorded_at, json })
    }
}

/// All records of a case, in the order of the log.
pub(super) fn of(events: &[Written]) -> Result<Vec<Record>, String> {
    let mut records = Vec::new();
    let mut clock: Option<Micros> = None;
    // What a node recorded never goes back, also where an event comes late.
    let mut newest = Micros::MIN;
    for written in events {
        for n in 1..=written.times {
            let next = clock.map_or(BEGIN, |clock| Micros(clock.0.saturating_add(written.every.0)));
            let at = if n == 1 { written.at.unwrap_or(next) } else { next };
            if !at.in_years() {
                return Err(format!("line {}: it happens after the year 9999", written.line));
            }
            clock = Some(at);
            newest = newest.max(written.recorded_at.unwrap_or(at));
            let pos = records.len() as u64;
            let record = written.record(pos, n, (at, newest));
            records.push(record.map_err(|why| format!("line {}: {why}", written.line))?);
        }
    }
    Ok(records)
}

fn number(value: &mut Value, n: &str) {
    match value {
        Value::String(text) if text.contains(NUMBER) => *text = text.replace(NUMBER, n),
        Value::Array(values) => values.iter_mut().for_each(|value| number(value, n)),
        Value::Object(values) => values.values_mut().for_each(|value| number(value, n)),
        _ => {}
    }
}

/// `90s`, `10m`, `2h`, `7d`.
pub(super) fn span(text: &str) -> Result<Micros, String> {
    let unreadable = || format!("{text:?} is no time: say 90s, 10m, 2h or 7d");
    let text = text.trim();
    let unit = match text.chars().last() {
        Some('s') => 1_000_000,
        Some('m') => 60_000_000,
        Some('h') => 3_600_000_000,
        Some('d') => 86_400_000_000,
        Some('w') => 7 * 86_400_000_000,
        _ => return Err(unreadable()),
    };
    let count: i64 = text[..text.len() - 1].parse().map_err(|_| unreadable())?;
    let micros = count.checked_mul(unit).filter(|micros| *micros >= 0);
    micros.map(Micros).ok_or_else(unreadable)
}
