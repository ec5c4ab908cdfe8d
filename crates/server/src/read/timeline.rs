//! What happened to a resource, by an actor or under a correlation id, across systems, by the time it happened.

use std::collections::{BTreeSet, HashMap};

use axum::extract::State;
use axum::response::Response;
use indelible_event::{EventId, Micros, Phase};
use indelible_index::Field;
use indelible_index::query::{Expr, Leaf, Query, Test};
use indelible_index::search::{Cursor, Order, Page, PageAsk, Record as _, Sort};
use indelible_store::Found;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::engine::{self, Fault, Session};
use super::fields::{Fields, text};
use super::filter::{Filter, Made, named};
use super::limits;
use super::search::{details, page_size};
use super::shown::{self, AlarmShown, Event, Incomplete, Time, at};
use crate::auth::Caller;
use crate::params::Params;
use crate::problem::Problem;
use crate::record::Read;
use crate::state::AppState;

const MICROS_PER_SECOND: i64 = 1_000_000;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(timeline))
}

/// What happened, in order.
#[derive(Serialize, ToSchema)]
struct TimelineAnswer {
    /// What happened, the oldest first.
    entries: Vec<Entry>,
    /// The services that these are from.
    services: Vec<String>,
    /// The correlation ids that were followed.
    correlations: Vec<String>,
    /// How many intents among these have no outcome.
    unfinished: usize,
    /// Where it goes on; null if there is no more.
    next_cursor: Option<String>,
    /// The bound that was met, if one was.
    incomplete: Option<Incomplete>,
    /// Records that do not match their leaf, and are not shown.
    alarms: Vec<AlarmShown>,
}

/// An event in its place.
#[derive(Serialize, ToSchema)]
struct Entry {
    /// The event.
    event: Event,
    /// When it happened; when it was recorded, where it does not say.
    at: Time,
    /// `resource` or `actor` if it names what was asked for, `correlation` if it only belongs to what does.
    via: &'static str,
    /// How long nothing happened before it, where that was more than an hour.
    gap_before_seconds: Option<i64>,
    /// An intent's outcome; an outcome's intent.
    outcome_ref: Option<String>,
    /// Whether it is an intent without an outcome.
    unfinished: bool,
}

/// What a timeline is of.
struct Asked {
    /// The parameters as a query: its text stands for all that follows from it.
    filter: Filter,
    /// What names the resource or the actor; nothing does where a correlation id was asked for.
    named: Option<Expr>,
    /// How an event that names it is marked.
    via: &'static str,
    /// The bounds of time.
    time: Expr,
    limit: usize,
    after: Option<Cursor>,
    /// When the last entry of the page before happened.
    before: Option<Micros>,
}

/// What happened to a resource, by an actor, or under a correlation id.
#[utoipa::path(
    get, path = "/api/audit/timeline", tag = "search",
    params(
        ("resource_type" = Option<String>, Query, description = "The type of the resource", example = "backup"),
        ("resource_id" = Option<String>, Query, description = "The id of the resource: any target's", example = "db-0417"),
        ("correlation_id" = Option<String>, Query, description = "Instead of a resource", example = "c-8d1f"),
        ("user_id" = Option<String>, Query, description = "Instead of either: who did it, or on whose behalf", example = "maria"),
        ("tenant_id" = Option<Vec<String>>, Query, description = "The trail; several by repeating it"),
        ("from" = Option<String>, Query, description = "Happened then or later: a date or a time"),
        ("to" = Option<String>, Query, description = "Happened then or before: a date, all of it, or a time"),
        ("page_size" = Option<u32>, Query, description = "1 to 1,000; 100 if not given", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the page before ended"),
    ),
    responses(
        (status = 200, description = "What happened, the oldest first", body = TimelineAnswer, example = json!({
            "entries": [{
                "event": {
                    "trail": "default", "seq": 17, "id": "0190b1a0-0000-7000-8000-000000000000",
                    "recorded_at": "2026-01-31T10:00:00.000000Z", "action": "backup.delete", "outcome": "pending",
                    "phase": "intent", "targets": [{"type": "backup", "id": "db-0417"}],
                    "context": {"correlation_id": "c-8d1f", "service": "backup"},
                },
                "at": "2026-01-31T10:00:00.000000Z", "via": "resource", "gap_before_seconds": null,
                "outcome_ref": null, "unfinished": true,
            }],
            "services": ["backup"], "correlations": ["c-8d1f"], "unfinished": 1,
            "next_cursor": null, "incomplete": null, "alarms": [],
        })),
        (status = 400, description = "A parameter cannot be read"),
        (status = 403, description = "A writer reads nothing"),
        (status = 404, description = "There is no such trail"),
    ),
)]
async fn timeline(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.require_read()?;
    let asked = asked(&mut params, &state, &caller)?;
    params.finish()?;
    let trails = asked.filter.trails.clone();
    let (body, details) =
        engine::run(&state, &caller, trails, move |session| answer(session, &asked)).await?;
    state.record_read(&caller, Read::Search, details).await?;
    Ok(shown::json(body))
}

fn asked(params: &mut Params, state: &AppState, caller: &Caller) -> Result<Asked, Problem> {
    let resource = Made::take(params, state, &["resource_type", "resource_id"])?;
    let actor = Made::take(params, state, &["user_id"])?;
    let correlation = Made::take(params, state, &["correlation_id"])?;
    let trails = named(params.many("tenant_id"), state, caller)?;
    let mut time = Made::default();
    time.dates(params, ["from", "to"])?;
    let limit = page_size(params, limits::TIMELINE_SIZE)? as usize;
    let (after, before) = match params.one("cursor")? {
        None => (None, None),
        Some(text) => {
            let (after, before) = cursor(&text).ok_or_else(|| {
                Problem::bad_parameter("cursor", "this is not a cursor of a timeline")
            })?;
            (Some(after), Some(before))
        }
    };
    let of_resource = resource.has("resource_id") || resource.has("resource_type");
    let given = [
        (of_resource, "resource_id", resource),
        (actor.has("user_id"), "user_id", actor),
        (correlation.has("correlation_id"), "correlation_id", correlation),
    ];
    let mut given = given.into_iter().filter(|(is, ..)| *is);
    let (of, made) = match (given.next(), given.next()) {
        (Some((_, of, made)), None) if made.has(of) => (of, made),
        (Some(_), Some((_, second, _))) => {
            let detail = "a timeline is of a resource, a user_id or a correlation_id, not of two";
            return Err(Problem::bad_parameter(second, detail));
        }
        _ => {
            let detail = "a timeline is of a resource_id, a user_id or a correlation_id; give one";
            return Err(Problem::bad_parameter("resource_id", detail));
        }
    };
    let Query { text, expr } = made.into_filter(None).query;
    let time = time.into_filter(None).query;
    let named = trails.iter().flatten().map(|name| format!("trail:{name}"));
    let texts: Vec<String> = std::iter::once(text).chain(named).chain([time.text]).collect();
    let text = format!("timeline {}", texts.join(" "));
    let query = Query { text, expr: Expr::all_of(vec![expr.clone(), time.expr.clone()]) };
    let named = (of != "correlation_id").then_some(expr);
    let via = if of == "user_id" { "actor" } else { "resource" };
    let filter = Filter { query, trails };
    Ok(Asked { filter, named, via, time: time.expr, limit, after, before })
}

fn answer(
    session: &mut Session<'_>,
    asked: &Asked,
) -> Result<(Vec<u8>, crate::record::ReadDetails), Fault> {
    let mut alarms = Vec::new();
    let mut incomplete = None;
    let mut query = asked.filter.query.clone();
    let mut correlations = BTreeSet::new();
    if let Some(named) = &asked.named {
        (correlations, incomplete) = follow(session, &query, &mut alarms)?;
        let mut any = vec![named.clone()];
        let of = |id: &String| {
            let is = Test::Is(indelible_index::fold(id).into_owned());
            Leaf::Field(Field::Correlation, is).into()
        };
        any.extend(correlations.iter().map(of));
        query.expr = Expr::all_of(vec![Expr::any_of(any), asked.time.clone()]);
    }
    let want = PageAsk {
        order: Order::Oldest,
        sort: Sort::Occurred,
        limit: asked.limit,
        after: asked.after,
        ..PageAsk::default()
    };
    let Page { records, next, incomplete: met, alarms: found, .. } = session.page(&query, &want)?;
    alarms.extend(AlarmShown::all(session, found));
    let (outcomes, unsure) = outcomes(session, &records, &mut alarms)?;
    let incomplete = session.incomplete(met).or(incomplete).or(unsure);
    let mut services = BTreeSet::new();
    let mut before = asked.before;
    let mut entries = Vec::with_capacity(records.len());
    for found in &records {
        let entry = entry(found, asked, &outcomes, before)?;
        before = Some(entry.at.0);
        let context = Fields::of(entry.event.json()).context;
        services.extend(text(context.service));
        if asked.named.is_none() {
            correlations.extend(text(context.correlation_id));
        }
        entries.push(entry);
    }
    let next_cursor = next.map(|next| {
        let last = before.unwrap_or_default();
        format!("{}.{:x}", next.encode(), last.0)
    });
    let details = details(&asked.filter, &records);
    let answer = TimelineAnswer {
        unfinished: entries.iter().filter(|entry| entry.unfinished).count(),
        entries,
        services: services.into_iter().collect(),
        correlations: correlations.into_iter().collect(),
        next_cursor,
        incomplete,
        alarms,
    };
    Ok((shown::bytes(&answer)?, details))
}

/// The correlation ids of what names the resource; and whether there are more than are followed.
fn follow(
    session: &mut Session<'_>,
    query: &Query,
    alarms: &mut Vec<AlarmShown>,
) -> Result<(BTreeSet<String>, Option<Incomplete>), Fault> {
    let mut ids = BTreeSet::new();
    let (mut after, mut left) = (None, limits::TIMELINE_FOLLOWED_EVENTS_MAX);
    // Piece by piece: each record is read and hashed, and of what is much used most need not be.
    let more = 'pieces: loop {
        let limit = left.min(limits::TIMELINE_FOLLOWED_PIECE);
        let page = session.page(query, &PageAsk { limit, after, ..PageAsk::default() })?;
        alarms.extend(AlarmShown::all(session, page.alarms));
        for found in &page.records {
            let event = Event::of(found)?;
            let Some(id) = text(Fields::of(event.json()).context.correlation_id) else { continue };
            if ids.len() == limits::TIMELINE_CORRELATIONS_MAX && !ids.contains(&id) {
                break 'pieces true;
            }
            ids.insert(id);
        }
        (left, after) = (left - limit, page.next);
        if after.is_none() || left == 0 {
            break after.is_some();
        }
    };
    let incomplete = more.then(|| Incomplete::correlations(ids.len()));
    Ok((ids, incomplete))
}

/// Outcomes by the trail and the id of their intent.
type Outcomes = HashMap<(u32, EventId), EventId>;

/// The outcomes of the intents among these.
fn outcomes(
    session: &mut Session<'_>,
    records: &[Found],
    alarms: &mut Vec<AlarmShown>,
) -> Result<(Outcomes, Option<Incomplete>), Fault> {
    let intents = records.iter().map(|found| found.record.entry());
    let intents = intents.filter(|entry| entry.phase == Some(Phase::Intent));
    let refs: Vec<Expr> = intents.map(|entry| Leaf::Ref(entry.id).into()).collect();
    if refs.is_empty() {
        return Ok((HashMap::new(), None));
    }
    let outcome = Leaf::Field(Field::Phase, Test::Is(Phase::Outcome.name().to_owned()));
    let expr = Expr::all_of(vec![Expr::any_of(refs), outcome.into()]);
    let query = Query { text: String::new(), expr };
    let want = PageAsk {
        order: Order::Oldest,
        limit: limits::TIMELINE_OUTCOMES_MAX,
        ..PageAsk::default()
    };
    let page = session.page(&query, &want)?;
    alarms.extend(AlarmShown::all(session, page.alarms));
    let mut outcomes = HashMap::new();
    for found in &page.records {
        let entry = found.record.entry();
        if let Some(intent) = entry.reference {
            outcomes.entry((found.record.trail.0, intent)).or_insert(entry.id);
        }
    }
    Ok((outcomes, session.incomplete(page.incomplete)))
}

fn entry(
    found: &Found,
    asked: &Asked,
    outcomes: &Outcomes,
    before: Option<Micros>,
) -> Result<Entry, Problem> {
    let doc = found.doc();
    let at = at(found);
    let direct = asked.named.as_ref().is_some_and(|named| named.matches(&doc));
    let gap = before.map_or(0, |before| at.0.saturating_sub(before.0));
    let (intent, outcome) =
        (doc.entry.phase == Some(Phase::Intent), doc.entry.phase == Some(Phase::Outcome));
    let found_outcome = outcomes.get(&(found.record.trail.0, doc.entry.id)).copied();
    let outcome_ref = match (intent, outcome) {
        (true, _) => found_outcome,
        (_, true) => doc.entry.reference,
        _ => None,
    };
    Ok(Entry {
        event: Event::of(found)?,
        at: Time(at),
        via: if direct { asked.via } else { "correlation" },
        gap_before_seconds: (gap > limits::TIMELINE_GAP_MICROS).then_some(gap / MICROS_PER_SECOND),
        outcome_ref: outcome_ref.map(|id| id.to_string()),
        unfinished: intent && found_outcome.is_none(),
    })
}

/// A cursor of the engine and when the last entry happened, so that a gap between two pages shows, too.
fn cursor(text: &str) -> Option<(Cursor, Micros)> {
    let (cursor, last) = text.split_once('.')?;
    let last = i64::from_str_radix(last, 16).ok().map(Micros).filter(Micros::in_years)?;
    Some((Cursor::decode(cursor).ok()?, last))
}
