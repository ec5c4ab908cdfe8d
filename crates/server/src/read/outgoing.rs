//! What streams send: the records that match, from a place of the log on, in its order.

use bytes::Bytes;
use indelible_event::{Micros, TrailName};
use indelible_index::limits::{CHECKED_BYTES_MAX, CHECKED_ROWS_MAX, QUERY_BYTES_MAX};
use indelible_index::query::{Expr, Leaf, Query, Span, Test, parse};
use indelible_index::search::{Budget, Order, PageAsk};
use indelible_log::hex;
use indelible_log::record::Seq;
use indelible_merkle::leaf_hash;
use indelible_relay::{Outgoing, Page, SourceError};
use indelible_store::{Found, StoreError};
use serde_json::Value;

use super::engine::{self, Fault, Session};
use super::limits;
use super::shown::view;
use crate::auth::registry::trail_name;
use crate::auth::{Caller, RequestInfo, Role};
use crate::problem::Problem;
use crate::state::AppState;

/// The node itself, as one who reads: all trails, its own only where the query names it, so that a stream of
/// everything does not tell of itself.
fn reader(query: &Query) -> Caller {
    let mut caller = Caller::local(RequestInfo::none());
    if !names_system(&query.expr) {
        caller.role = Role::Reader;
    }
    caller
}

fn names_system(expr: &Expr) -> bool {
    match expr {
        Expr::All => false,
        Expr::Leaf(Leaf::Trail(Test::Is(name))) => name == TrailName::system().as_str(),
        Expr::Leaf(_) => false,
        Expr::Not(one) => names_system(one),
        Expr::And(all) | Expr::Or(all) => all.iter().any(names_system),
    }
}

/// Reads a stream's query.
pub(crate) fn query(text: &str, now: Micros) -> Result<Query, String> {
    if text.len() > QUERY_BYTES_MAX {
        return Err(format!("it is longer than {QUERY_BYTES_MAX} bytes"));
    }
    parse(text, now).map_err(|e| {
        let hint = e.hint.map(|hint| format!(": {hint}")).unwrap_or_default();
        format!("{} (column {}){hint}", e.message, e.column)
    })
}

/// The next events of a query from a place on. Blocks.
pub(crate) fn outgoing(
    state: &AppState,
    text: &str,
    from: u64,
    events_max: usize,
    bytes_max: usize,
) -> Result<Page, SourceError> {
    let query = query(text, state.now()).map_err(SourceError::Query)?;
    let caller = reader(&query);
    let looked = look_here(state, &caller, |session| look(session, &query, from, events_max));
    let Looked { records, mut next, alarm } = looked?;
    let mut events = Vec::with_capacity(records.len());
    let mut bytes = 0;
    for found in &records {
        if alarm.as_ref().is_some_and(|(pos, _)| *pos < found.record.pos.0) {
            break;
        }
        let event = shown(found);
        bytes += event.json.len();
        if bytes > bytes_max && !events.is_empty() {
            next = event.pos;
            return Ok(Page { events, next });
        }
        events.push(event);
    }
    match alarm {
        // First what lies before it, so that nothing overtakes.
        Some((pos, why)) if events.is_empty() => Err(SourceError::Alarm { pos, why }),
        Some((pos, _)) => Ok(Page { events, next: pos }),
        None => Ok(Page { events, next }),
    }
}

/// The leaf hash of the record at a place, whatever trail it is of and whatever it says; `None` if it has expired. Blocks.
pub(crate) fn leaf_at(state: &AppState, pos: u64) -> Result<Option<[u8; 32]>, SourceError> {
    let query = Query { text: String::new(), expr: Expr::All };
    let caller = Caller::local(RequestInfo::none());
    let looked = look_here(state, &caller, |session| look(session, &query, pos, 1))?;
    match (looked.records.first(), looked.alarm) {
        (Some(found), _) if found.record.pos.0 == pos => Ok(Some(leaf_hash(&found.record.entry).0)),
        (_, Some((at, why))) if at == pos => Err(SourceError::Alarm { pos, why }),
        _ => Ok(None),
    }
}

/// The place of the first record that was recorded then or later; the log's end if there is none. Blocks.
pub(crate) fn place_at(state: &AppState, at: Micros) -> Result<u64, SourceError> {
    let span = Span { from: Some(at), to: None };
    let query = Query { text: format!("recorded:{at}.."), expr: Leaf::Recorded(span).into() };
    let caller = Caller::local(RequestInfo::none());
    let (mut from, end) = (0, state.reader().view().next_pos().0);
    while from < end {
        let looked = look_here(state, &caller, |session| look(session, &query, from, 1))?;
        let found = looked.records.first().map(|found| found.record.pos.0);
        let alarm = looked.alarm.map(|(pos, _)| pos);
        // What cannot be read may be of then; it is told when it is its turn.
        if let Some(pos) = found.into_iter().chain(alarm).min() {
            return Ok(pos);
        }
        from = looked.next;
    }
    Ok(end)
}

/// The place of a record; `None` if there is none. Blocks.
pub(crate) fn place_of(
    state: &AppState,
    trail: &str,
    seq: u64,
) -> Result<Option<u64>, SourceError> {
    let Some(name) = trail_name(trail) else { return Ok(None) };
    let later = |e: StoreError| SourceError::Later(e.to_string());
    let trail = match state.reader().trail(&name) {
        Ok(trail) if seq < trail.size.0 => trail,
        Ok(_) | Err(StoreError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(later(error)),
    };
    match state.reader().read(trail.info.no, &[Seq(seq)]) {
        Ok(records) => Ok(records.first().map(|record| record.pos.0)),
        Err(StoreError::NotFound(_)) => Ok(None),
        Err(error) => Err(later(error)),
    }
}

/// An event by its place in its trail, as the API shows it; `None` if it cannot be shown. Blocks.
pub(crate) fn event_at(state: &AppState, trail: &str, seq: u64) -> Option<Vec<u8>> {
    let trail = state.reader().trail(&trail_name(trail)?).ok()?;
    if seq >= trail.size.0 {
        return None;
    }
    let records = state.reader().read(trail.info.no, &[Seq(seq)]).ok()?;
    records.first().map(|record| record.view(trail.info.name.as_str()))
}

/// What one look found.
struct Looked {
    records: Vec<Found>,
    /// Everything before it was looked at.
    next: u64,
    /// The first record that cannot be read: its place, and why.
    alarm: Option<(u64, String)>,
}

fn look_here(
    state: &AppState,
    caller: &Caller,
    work: impl Fn(&mut Session<'_>) -> Result<Looked, Fault>,
) -> Result<Looked, SourceError> {
    // One at a time: streams can wait, and searches cannot.
    let turn = state.reading().outgoing.lock();
    let turn = turn.unwrap_or_else(std::sync::PoisonError::into_inner);
    let clock = || state.now();
    let micros = limits::OUTGOING_MICROS_MAX;
    let budget = || Budget::with(CHECKED_ROWS_MAX, CHECKED_BYTES_MAX, micros, &clock);
    let looked = engine::attempt(state, caller, None, &budget, work);
    drop(turn);
    looked.map_err(|problem: Problem| SourceError::Later(problem.detail().to_owned()))
}

fn look(
    session: &mut Session<'_>,
    query: &Query,
    from: u64,
    events_max: usize,
) -> Result<Looked, Fault> {
    if session.snapshot.missing > 0 {
        let why = "some records are being indexed, and cannot be found yet";
        return Err(Problem::unavailable(why, 1).into());
    }
    let end = session.snapshot.end.0.max(from);
    let want = PageAsk {
        order: Order::Oldest,
        limit: events_max,
        from_pos: Some(from),
        ..PageAsk::default()
    };
    let page = session.page(query, &want)?;
    let first = page.alarms.into_iter().min_by_key(|alarm| alarm.pos);
    let alarm = first.map(|alarm| (alarm.pos, alarm.message));
    // What was indexed after the end was looked at may be on the page already.
    let behind = page.records.last().map_or(0, |found| found.record.pos.0 + 1);
    let next = page.next.map_or(end.max(behind), |cursor| cursor.pos());
    Ok(Looked { records: page.records, next, alarm })
}

/// A record as it goes out.
fn shown(found: &Found) -> Outgoing {
    let (record, entry) = (&found.record, found.record.entry());
    let leaf = leaf_hash(&record.entry).0;
    let mut json = view(found, &Value::Null);
    json.pop();
    json.extend_from_slice(format!(",\"leaf\":\"{}\"}}", hex::encode(&leaf)).as_bytes());
    Outgoing {
        pos: record.pos.0,
        trail: found.trail.name.as_str().into(),
        seq: record.seq.0,
        id: entry.id,
        leaf,
        recorded_at: entry.recorded_at,
        json: Bytes::from(json),
    }
}
