//! What was begun and has no outcome, and what ended without saying how.

use std::collections::{BTreeSet, HashMap};

use axum::extract::State;
use axum::response::Response;
use indelible_event::{EventId, Micros, Outcome, Phase};
use indelible_index::Field;
use indelible_index::limits::{PAGE_BYTES_MAX, PAGE_EVENTS_MAX};
use indelible_index::query::{Expr, Leaf, Query, Span, Test};
use indelible_index::search::{Met, Order, PageAsk, Record as _};
use indelible_store::Found;
use serde::Serialize;
use utoipa::ToSchema;

use super::Window;
use crate::auth::Caller;
use crate::params::Params;
use crate::problem::Problem;
use crate::read::engine::{self, Fault, Session};
use crate::read::fields::{Fields, text};
use crate::read::filter::named;
use crate::read::limits;
use crate::read::search::page_size;
use crate::read::shown::{self, AlarmShown, Event, Incomplete, Time};
use crate::read::stats::length;
use crate::record::{Read, ReadDetails};
use crate::state::AppState;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// What never ended.
#[derive(Serialize, ToSchema)]
struct UnfinishedAnswer {
    /// Intents without an outcome in their trail, the oldest first.
    unfinished: Vec<Unfinished>,
    /// Outcomes that do not say how it ended, the oldest first.
    abandoned: Vec<Abandoned>,
    /// Where it goes on; null if there is no more.
    next_cursor: Option<String>,
    /// The bound that was met, if one was.
    incomplete: Option<Incomplete>,
    /// Records that do not match their leaf, and are not shown.
    alarms: Vec<AlarmShown>,
}

/// An intent that no outcome followed.
#[derive(Serialize, ToSchema)]
struct Unfinished {
    /// The intent.
    event: Event,
    /// How long ago it was recorded.
    age_seconds: i64,
    /// The latest event of the same correlation id that was recorded after it: a hint where it stopped.
    followed_by: Option<Follower>,
}

/// An event that came after.
#[derive(Clone, Serialize, ToSchema)]
struct Follower {
    /// Its trail.
    trail: String,
    /// Its id.
    id: String,
    /// What happened.
    action: String,
    /// When it was recorded.
    recorded_at: Time,
}

/// An outcome that is `unknown`: whoever was to say how it ended was gone.
#[derive(Serialize, ToSchema)]
struct Abandoned {
    /// The outcome.
    event: Event,
    /// How long ago it was recorded.
    age_seconds: i64,
    /// The id of its intent.
    intent: Option<String>,
}

struct Asked {
    window: Window,
    /// Both kinds of candidates.
    query: Query,
    rows: usize,
    /// Nothing before this place of the log.
    from: u64,
}

/// What was begun and never ended.
#[utoipa::path(
    get, path = "/api/audit/reports/unfinished", tag = "search",
    params(
        ("tenant_id" = Option<Vec<String>>, Query, description = "The trail; several by repeating it"),
        ("since" = Option<String>, Query, description = "Recorded then or later: `30d`, a date or a time", example = "30d"),
        ("older_than" = Option<String>, Query, description = "Begun at least so long ago: `30s`, `5m`, `1h`; 5m if not given", example = "5m"),
        ("page_size" = Option<u32>, Query, description = "1 to 1,000; 100 if not given", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the page before ended"),
    ),
    responses(
        (status = 200, description = "What never ended, the oldest first", body = UnfinishedAnswer, example = json!({
            "unfinished": [{
                "event": {
                    "trail": "default", "seq": 17, "id": "0190b1a0-0000-7000-8000-000000000000",
                    "recorded_at": "2026-01-31T10:00:00.000000Z", "action": "backup.delete", "outcome": "pending",
                    "phase": "intent", "targets": [{"type": "backup", "id": "db-0417"}],
                    "context": {"correlation_id": "c-8d1f", "service": "backup"},
                },
                "age_seconds": 7200,
                "followed_by": {"trail": "default", "id": "0190b1a0-0000-7000-8000-000000000001",
                    "action": "store.remove", "recorded_at": "2026-01-31T10:00:01.000000Z"},
            }],
            "abandoned": [{
                "event": {
                    "trail": "default", "seq": 19, "id": "0190b1a0-0000-7000-8000-000000000003",
                    "recorded_at": "2026-01-31T10:05:00.000000Z", "action": "backup.restore", "outcome": "unknown",
                    "phase": "outcome", "ref": "0190b1a0-0000-7000-8000-000000000002",
                },
                "age_seconds": 6900, "intent": "0190b1a0-0000-7000-8000-000000000002",
            }],
            "next_cursor": null, "incomplete": null, "alarms": [],
        })),
        (status = 400, description = "A parameter cannot be read"),
        (status = 403, description = "A writer reads nothing"),
        (status = 404, description = "There is no such trail"),
    ),
)]
pub(super) async fn unfinished(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.require_read()?;
    let asked = asked(&mut params, &state, &caller)?;
    params.finish()?;
    let trails = asked.window.trails.clone();
    let (body, details) =
        engine::run(&state, &caller, trails, move |session| answer(session, &asked)).await?;
    state.record_read(&caller, Read::Search, details).await?;
    Ok(shown::json(body))
}

fn asked(params: &mut Params, state: &AppState, caller: &Caller) -> Result<Asked, Problem> {
    let now = state.now();
    let trails = named(params.many("tenant_id"), state, caller)?;
    let since = Window::since(params, now)?;
    let older = params.read("older_than", "0s, 5m, 1h, 1d or the like, up to 366d", length)?;
    let older = older.unwrap_or(limits::UNFINISHED_OLDER_MICROS);
    let rows = page_size(params, limits::UNFINISHED_SIZE)? as usize;
    let from = params.read("cursor", "a cursor of this report", place)?.unwrap_or(0);
    let window = Window { trails, since, now };
    let minutes = older / MICROS_PER_SECOND;
    let text = format!("{} older_than:{minutes}s", window.text("unfinished"));
    let recorded = |from, to| Leaf::Recorded(Span { from, to }).into();
    // What was recorded just so long ago is old enough.
    let before = Micros(now.0.saturating_sub(older).saturating_add(1));
    let begun =
        Expr::all_of(vec![is(Field::Phase, Phase::Intent.name()), recorded(None, Some(before))]);
    let unknown = is(Field::Outcome, Outcome::Unknown.name());
    let abandoned = Expr::all_of(vec![ended(), unknown]);
    let expr = Expr::all_of(vec![recorded(since, None), Expr::any_of(vec![begun, abandoned])]);
    Ok(Asked { window, query: Query { text, expr }, rows, from })
}

fn is(field: Field, value: &str) -> Expr {
    Leaf::Field(field, Test::Is(value.to_owned())).into()
}

fn ended() -> Expr {
    is(Field::Phase, Phase::Outcome.name())
}

/// A cursor is a place of the log, in 16 hexadecimal digits.
fn place(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (text.len() == 16 && digits).then(|| u64::from_str_radix(text, 16).ok())?
}

/// What was found so far, in the order of the log.
#[derive(Default)]
struct Rows {
    found: Vec<Found>,
    bytes: usize,
    next: Option<u64>,
    met: Option<Met>,
    alarms: Vec<AlarmShown>,
}

fn answer(session: &mut Session<'_>, asked: &Asked) -> Result<(Vec<u8>, ReadDetails), Fault> {
    let mut rows = gather(session, asked)?;
    let mut hints = Hints::default();
    let (mut unfinished, mut abandoned) = (Vec::new(), Vec::new());
    for found in &rows.found {
        let entry = found.record.entry();
        let event = Event::of(found)?;
        let age_seconds =
            asked.window.now.0.saturating_sub(entry.recorded_at.0).max(0) / MICROS_PER_SECOND;
        if entry.phase == Some(Phase::Intent) {
            let followed_by = hints.after(session, found, &event, &mut rows.alarms)?;
            unfinished.push(Unfinished { event, age_seconds, followed_by });
        } else {
            let intent = entry.reference.map(|id| id.to_string());
            abandoned.push(Abandoned { event, age_seconds, intent });
        }
    }
    let mut trails: BTreeSet<String> =
        rows.found.iter().map(|found| found.trail.name.to_string()).collect();
    if let Some(named) = &asked.window.trails {
        trails = named.iter().map(ToString::to_string).collect();
    }
    let details = ReadDetails {
        trails: trails.into_iter().collect(),
        query: Some(asked.query.text.clone()),
        target: None,
        results: Some(rows.found.len() as u64),
    };
    let answer = UnfinishedAnswer {
        unfinished,
        abandoned,
        next_cursor: rows.next.map(|place| format!("{place:016x}")),
        incomplete: session.incomplete(rows.met.or(hints.met)),
        alarms: rows.alarms,
    };
    Ok((shown::bytes(&answer)?, details))
}

/// Goes through all that was begun, some at a time, and keeps what has no outcome.
fn gather(session: &mut Session<'_>, asked: &Asked) -> Result<Rows, Fault> {
    let outcomes = Query { text: String::new(), expr: ended() };
    let (mut rows, mut at) = (Rows::default(), asked.from);
    let mut batch = limits::UNFINISHED_BATCH_MIN;
    loop {
        let want = PageAsk {
            order: Order::Oldest,
            limit: batch,
            from_pos: Some(at),
            ..PageAsk::default()
        };
        batch = (batch * 2).min(PAGE_EVENTS_MAX);
        let page = session.page(&asked.query, &want)?;
        rows.alarms.extend(AlarmShown::all(session, page.alarms));
        let begun = page.records.iter().filter(|found| is_intent(found)).map(key).collect();
        let referred = session.referred(&outcomes, begun, at)?;
        rows.alarms.extend(AlarmShown::all(session, referred.alarms));
        if referred.incomplete.is_some() {
            // Nobody knows which of these have ended, so the next page begins with them.
            (rows.next, rows.met) = (Some(at), referred.incomplete);
            return Ok(rows);
        }
        rows.next = page.next.map(|next| next.pos());
        rows.met = page.incomplete;
        for found in page.records {
            if is_intent(&found) && referred.found.contains(&key(&found)) {
                continue;
            }
            let bytes = rows.bytes + found.bytes();
            let full = rows.found.len() == asked.rows;
            if full || bytes > PAGE_BYTES_MAX && !rows.found.is_empty() {
                (rows.next, rows.met) = (Some(found.record.pos.0), None);
                return Ok(rows);
            }
            rows.bytes = bytes;
            rows.found.push(found);
        }
        match rows.next {
            Some(next) if rows.met.is_none() => at = next,
            _ => return Ok(rows),
        }
    }
}

fn is_intent(found: &Found) -> bool {
    found.record.entry().phase == Some(Phase::Intent)
}

fn key(found: &Found) -> (u32, EventId) {
    (found.record.trail.0, found.record.entry().id)
}

/// The latest event of each correlation id, looked up once.
#[derive(Default)]
struct Hints {
    latest: HashMap<String, Option<(u64, Follower)>>,
    met: Option<Met>,
}

impl Hints {
    /// What was recorded last of all that share this event's correlation, if that was after it.
    fn after(
        &mut self,
        session: &mut Session<'_>,
        found: &Found,
        event: &Event,
        alarms: &mut Vec<AlarmShown>,
    ) -> Result<Option<Follower>, Fault> {
        let Some(id) = text(Fields::of(event.json()).context.correlation_id) else {
            return Ok(None);
        };
        if !self.latest.contains_key(&id) {
            self.met = self.met.or(session.met());
            if self.met.is_some() {
                return Ok(None);
            }
            let expr = is(Field::Correlation, &indelible_index::fold(&id));
            let query = Query { text: String::new(), expr };
            let page = session.page(&query, &PageAsk { limit: 1, ..PageAsk::default() })?;
            alarms.extend(AlarmShown::all(session, page.alarms));
            self.latest.insert(id.clone(), page.records.first().map(follower));
        }
        let latest = self.latest.get(&id).and_then(Option::as_ref);
        let after = latest.filter(|(pos, _)| *pos > found.record.pos.0);
        Ok(after.map(|(_, follower)| follower.clone()))
    }
}

fn follower(found: &Found) -> (u64, Follower) {
    let entry = found.record.entry();
    let follower = Follower {
        trail: found.trail.name.to_string(),
        id: entry.id.to_string(),
        action: entry.action.to_owned(),
        recorded_at: Time(entry.recorded_at),
    };
    (found.record.pos.0, follower)
}
