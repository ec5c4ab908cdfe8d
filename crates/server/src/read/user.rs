//! What one user did.

use axum::extract::State;
use axum::response::Response;
use indelible_event::Day;
use indelible_index::Facet;
use indelible_index::query::{Query, Span};
use indelible_index::search::{Bucket, HistogramAsk, Order, PageAsk, Sort, StatsAsk};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::engine::{self, Fault, Session};
use super::filter::{Filter, Made};
use super::limits;
use super::search::details;
use super::shown::{self, AlarmShown, Count, Event, Incomplete, Time, ValueCount, at};
use super::stats::{Value, day_before, failed};
use crate::auth::Caller;
use crate::extract::Path;
use crate::params::Params;
use crate::problem::Problem;
use crate::record::{Read, ReadDetails};
use crate::state::AppState;

const DAY_MICROS: i64 = 86_400_000_000;
const FACETS: [Facet; 5] =
    [Facet::Action, Facet::Category, Facet::Outcome, Facet::Resource, Facet::Ip];

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(user))
}

/// A user's activity.
#[derive(Serialize, ToSchema)]
struct UserAnswer {
    /// The user.
    user_id: String,
    /// How many days, today included, this is about.
    days: u64,
    /// The user's events.
    total: Count,
    /// When the first that was recorded happened, whatever the days.
    first_seen: Option<Time>,
    /// When the latest that was recorded did.
    last_seen: Option<Time>,
    /// The most frequent actions.
    actions: Vec<ValueCount>,
    /// The most frequent categories.
    categories: Vec<ValueCount>,
    /// How it ended.
    outcomes: Vec<ValueCount>,
    /// The most frequent resources.
    resources: Vec<ValueCount>,
    /// The most frequent addresses.
    addresses: Vec<ValueCount>,
    /// What failed, or ended in an error.
    failures: Value,
    /// Events by day, in UTC.
    by_day: Vec<DayCount>,
    /// The latest.
    recent: Vec<Event>,
    /// The bound that was met, if one was.
    incomplete: Option<Incomplete>,
    /// Records that do not match their leaf, and are not shown.
    alarms: Vec<AlarmShown>,
}

/// A day.
#[derive(Serialize, ToSchema)]
struct DayCount {
    /// Its first moment.
    start: Time,
    /// Events that happened on it.
    count: u64,
}

/// What one user did, by the time it happened.
#[utoipa::path(
    get, path = "/api/audit/users/{id}", tag = "search",
    params(
        ("id" = String, Path, description = "The user: `actor.id`, and of whoever acted on the user's behalf", example = "maria"),
        ("days" = Option<u32>, Query, description = "How many, today included: 1 to 366; 30 if not given", minimum = 1, maximum = 366),
    ),
    responses(
        (status = 200, description = "The activity", body = UserAnswer, example = json!({
            "user_id": "maria", "days": 1, "total": {"value": 1, "relation": "exact"},
            "first_seen": "2026-01-31T10:00:00.000000Z", "last_seen": "2026-01-31T10:00:00.000000Z",
            "actions": [{"value": "backup.delete", "count": 1}], "categories": [],
            "outcomes": [{"value": "success", "count": 1}], "resources": [{"value": "backup/db-0417", "count": 1}],
            "addresses": [{"value": "192.0.2.7", "count": 1}], "failures": {"value": 0},
            "by_day": [{"start": "2026-01-31T00:00:00.000000Z", "count": 1}],
            "recent": [{"trail": "default", "seq": 17, "id": "0190b1a0-0000-7000-8000-000000000000",
                "recorded_at": "2026-01-31T10:00:00.000000Z", "action": "backup.delete", "outcome": "success",
                "actor": {"type": "user", "id": "maria"}}],
            "incomplete": null, "alarms": [],
        })),
        (status = 400, description = "A parameter cannot be read"),
        (status = 403, description = "A writer reads nothing"),
    ),
)]
async fn user(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.require_read()?;
    let days = params.number("days", 1..=limits::USER_DAYS_MAX)?.unwrap_or(limits::USER_DAYS);
    params.finish()?;
    let now = state.now();
    let of_user = || {
        let mut made = Made::default();
        made.any("user_id", "actor", std::slice::from_ref(&id), now).map(|()| made)
    };
    let mut lately = of_user()?;
    lately.occurred(Span { from: Some(day_before(now, days - 1)), to: None });
    let asked = Asked {
        whole: of_user()?.into_filter(None).query,
        lately: lately.into_filter(None),
        today: now.day(),
        days,
        id,
    };
    let (body, details) =
        engine::run(&state, &caller, None, move |session| answer(session, &asked)).await?;
    state.record_read(&caller, Read::Stats, details).await?;
    Ok(shown::json(body))
}

/// Whose activity.
struct Asked {
    id: String,
    days: u64,
    today: Day,
    /// All that the user did.
    whole: Query,
    /// What the user did on these days.
    lately: Filter,
}

fn answer(session: &mut Session<'_>, asked: &Asked) -> Result<(Vec<u8>, ReadDetails), Fault> {
    let query = &asked.lately.query;
    let histogram = Some(HistogramAsk { interval: DAY_MICROS, by: Sort::Occurred });
    let want = StatsAsk { facets: &FACETS, top: limits::TOP as usize, histogram };
    let stats = session.stats(query, &want)?;
    let want = PageAsk { limit: limits::USER_RECENT, ..PageAsk::default() };
    let recent = session.page(query, &want)?;
    let mut alarms = AlarmShown::all(session, recent.alarms);
    let mut seen = [None; 2];
    for (seen, order) in seen.iter_mut().zip([Order::Oldest, Order::Newest]) {
        let want = PageAsk { order, limit: 1, ..PageAsk::default() };
        let page = session.page(&asked.whole, &want)?;
        *seen = page.records.first().map(|found| Time(at(found)));
        alarms.extend(AlarmShown::all(session, page.alarms));
    }
    let [first_seen, last_seen] = seen;
    let top = |facet: Facet| {
        let counts = stats.facets.iter().find(|counts| counts.facet == facet);
        ValueCount::all(counts.map(|counts| counts.values.clone()).unwrap_or_default())
    };
    let answer = UserAnswer {
        user_id: asked.id.clone(),
        days: asked.days,
        total: stats.total.into(),
        first_seen,
        last_seen,
        actions: top(Facet::Action),
        categories: top(Facet::Category),
        outcomes: top(Facet::Outcome),
        resources: top(Facet::Resource),
        addresses: top(Facet::Ip),
        failures: failed(&stats.outcomes).0,
        by_day: by_day(&stats.histogram, asked.today, asked.days),
        recent: Event::all(&recent.records)?,
        incomplete: session.incomplete(stats.incomplete.or(recent.incomplete)),
        alarms,
    };
    Ok((shown::bytes(&answer)?, details(&asked.lately, &recent.records)))
}

/// Every day with its count, also those without an event.
fn by_day(buckets: &[Bucket], today: Day, days: u64) -> Vec<DayCount> {
    let days = i32::try_from(days).unwrap_or(i32::MAX);
    let count = |day: Day| {
        let bucket = buckets.iter().find(|bucket| bucket.start == day.start());
        bucket.map_or(0, |bucket| bucket.count)
    };
    let all = (1 - days..=0).map(|back| Day(today.0.saturating_add(back)));
    all.map(|day| DayCount { start: Time(day.start()), count: count(day) }).collect()
}
