//! Which events of each source never arrived, and what explains it.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use indelible_event::Micros;
use indelible_index::limits::{CHECKED_BYTES_MAX, CHECKED_ROWS_MAX};
use indelible_index::search::{Budget, Lacking, Met, Numbers, SourceSeen, Sources, SourcesAsk};
use indelible_log::hex;
use serde::Serialize;
use utoipa::ToSchema;

use super::Window;
use super::losses::{LossShown, Losses};
use crate::auth::{Caller, RequestInfo};
use crate::params::Params;
use crate::problem::Problem;
use crate::read::engine::{self, Fault, Session};
use crate::read::filter::named;
use crate::read::limits;
use crate::read::shown::{self, AlarmShown, Incomplete, Time};
use crate::record::{Read, ReadDetails};
use crate::state::AppState;

/// What did not arrive.
#[derive(Serialize, ToSchema)]
struct GapsAnswer {
    /// The first moment that this is about; null for all there is.
    since: Option<Time>,
    /// Whether all trails were looked at. If not, what is missing may lie in one that this credential may not read.
    all_trails: bool,
    /// The sources, those with the most that nothing explains first.
    sources: Vec<SourceShown>,
    /// Sources that are not listed, but counted in `total`.
    more_sources: usize,
    /// All sources together.
    total: Total,
    /// What recorders say that they lost, the most first.
    losses: Vec<LossShown>,
    /// Events that should say what was lost, and cannot be understood.
    unread_losses: u64,
    /// Why this is not all, if it is not.
    incomplete: Option<Incomplete>,
    /// What could not be read.
    alarms: Vec<AlarmShown>,
}

/// A recorder's process. The numbers are null where they are too scattered to be counted.
#[derive(Serialize, ToSchema)]
struct SourceShown {
    /// Its random id.
    id: String,
    /// Its service, if one of its events says it.
    service: Option<String>,
    /// When its first event of this time was recorded.
    first_seen: Time,
    /// When its last was.
    last_seen: Time,
    /// Events received, each number counted once.
    received: u64,
    /// Numbers received again.
    doubles: u64,
    /// The greatest number.
    highest: u64,
    /// Numbers that were not received.
    missing: Option<u64>,
    /// Of the missing ones, as many as the source says that it lost.
    explained: Option<u64>,
    /// Of the missing ones, those that nothing explains.
    unexplained: Option<u64>,
    /// Numbers that were overtaken a moment ago, and may still come.
    in_flight: Option<u64>,
    /// The missing numbers, as far as they are listed.
    ranges: Vec<Range>,
    /// Ranges that are not listed.
    more_ranges: u64,
}

/// Numbers that follow each other.
#[derive(Serialize, ToSchema)]
struct Range {
    /// The first of them.
    from: u64,
    /// The last.
    to: u64,
}

/// Sums.
#[derive(Default, Serialize, ToSchema)]
struct Total {
    /// Sources.
    sources: usize,
    /// Events received.
    received: u64,
    /// Numbers received again.
    doubles: u64,
    /// Numbers that were not received.
    missing: u64,
    /// As many of these as their sources say that they lost.
    explained: u64,
    /// Those that nothing explains.
    unexplained: u64,
    /// Numbers that may still come.
    in_flight: u64,
}

/// Which events of each source never arrived.
#[utoipa::path(
    get, path = "/api/audit/reports/gaps", tag = "search",
    params(
        ("tenant_id" = Option<Vec<String>>, Query, description = "Only sources with an event in this trail, several by repeating it; their numbers are looked for in all that may be read"),
        ("since" = Option<String>, Query, description = "Recorded then or later: `30d`, a date or a time", example = "30d"),
    ),
    responses(
        (status = 200, description = "The sources and what is missing of each", body = GapsAnswer, example = json!({
            "since": null, "all_trails": true,
            "sources": [{
                "id": "00112233445566778899aabbccddeeff", "service": "billing",
                "first_seen": "2026-01-31T10:00:00.000000Z", "last_seen": "2026-01-31T11:00:00.000000Z",
                "received": 995, "doubles": 0, "highest": 999, "missing": 5, "explained": 4, "unexplained": 1,
                "in_flight": 0, "ranges": [{"from": 17, "to": 20}, {"from": 40, "to": 40}], "more_ranges": 0,
            }],
            "more_sources": 0,
            "total": {"sources": 1, "received": 995, "doubles": 0, "missing": 5, "explained": 4, "unexplained": 1, "in_flight": 0},
            "losses": [{"event_type": "wal_operation", "cause": "sampled", "count": 123}, {"event_type": "", "cause": "dropped", "count": 4}],
            "unread_losses": 0, "incomplete": null, "alarms": [],
        })),
        (status = 400, description = "A parameter cannot be read"),
        (status = 403, description = "A writer reads nothing"),
        (status = 404, description = "There is no such trail"),
    ),
)]
pub(super) async fn gaps(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.require_read()?;
    let now = state.now();
    let trails = named(params.many("tenant_id"), &state, &caller)?;
    let window = Window { trails, since: Window::since(&mut params, now)?, now };
    params.finish()?;
    // A number says something of every trail that it was looked for in.
    let readable = caller.readable(&state);
    let details = ReadDetails {
        trails: readable.iter().map(|trail| trail.info.name.to_string()).collect(),
        query: Some(window.text("gaps")),
        ..ReadDetails::default()
    };
    let all_trails = caller.trails.is_none();
    // Not only in the trails named: a process that writes to one may write to others.
    let body =
        engine::run(&state, &caller, None, move |session| answer(session, &window, all_trails))
            .await?;
    state.record_read(&caller, Read::Stats, details).await?;
    Ok(shown::json(body))
}

fn answer(session: &mut Session<'_>, window: &Window, all_trails: bool) -> Result<Vec<u8>, Fault> {
    let within = window.trails.as_ref().map(|names| session.trail_numbers(names));
    let recent = Micros(window.now.0.saturating_sub(limits::IN_FLIGHT_MICROS));
    let want = SourcesAsk { since: window.since, recent, within: within.as_ref() };
    let Sources { sources: seen, lacking, alarms } = session.sources(&want)?;
    let ids: BTreeSet<[u8; 16]> = seen.iter().map(|source| source.id).collect();
    let mut losses = Losses::read(session, window, &ids, within.as_ref())?;
    let mut alarms = AlarmShown::all(session, alarms);
    let mut sources: Vec<SourceShown> =
        seen.into_iter().map(|seen| source_shown(seen, &losses)).collect();
    let total = total(&sources);
    sources.sort_by_key(|source| {
        (Reverse(source.unexplained), Reverse(source.missing), Reverse(source.last_seen.0))
    });
    let more_sources = sources.len().saturating_sub(limits::GAPS_SOURCES_SHOWN);
    sources.truncate(limits::GAPS_SOURCES_SHOWN);
    let many =
        losses.too_many.then(|| Incomplete::gaps("losses", "there are too many kinds of loss"));
    let incomplete = session
        .incomplete(None)
        .or(lacking.map(incomplete))
        .or(losses.met.map(losses_unread))
        .or(many);
    alarms.append(&mut losses.alarms);
    let answer = GapsAnswer {
        since: window.since.map(Time),
        all_trails,
        sources,
        more_sources,
        total,
        unread_losses: losses.unread,
        losses: losses.shown(),
        incomplete,
        alarms,
    };
    Ok(shown::bytes(&answer)?)
}

/// Numbers of a source that did not arrive, that nobody may wait for any more, and that nothing explains.
pub(crate) struct Hole {
    /// Its id.
    pub source: [u8; 16],
    /// Its service, if one of its events says it.
    pub service: Option<String>,
    /// How many.
    pub missing: u64,
    /// The last of them, as far as they are listed.
    pub last: u64,
}

/// Those that were not told yet, as many as are told at a time.
#[derive(Default)]
pub(crate) struct Holes {
    /// They.
    pub holes: Vec<Hole>,
    /// How many more there are.
    pub more: usize,
}

/// Those of what was recorded since then, of sources of which it was not `told` up to that number. What cannot be told
/// for sure is not told, but that it cannot: anybody who sends events can bring that about.
pub(crate) fn holes(
    state: &AppState,
    since: Micros,
    told: &dyn Fn(&[u8; 16], u64) -> bool,
) -> Result<Holes, Problem> {
    let caller = Caller::local(RequestInfo::none());
    let clock = || state.now();
    let budget =
        || Budget::with(CHECKED_ROWS_MAX, CHECKED_BYTES_MAX, limits::HOLES_MICROS_MAX, &clock);
    engine::attempt(state, &caller, None, &budget, |session| {
        let now = state.now();
        let recent = Micros(now.0.saturating_sub(limits::IN_FLIGHT_MICROS));
        let want = SourcesAsk { since: Some(since), recent, within: None };
        let seen = session.sources(&want)?;
        let unsure = |why: &str| Problem::unavailable(format!("gaps cannot be told: {why}"), 30);
        if let Some(lacking) = seen.lacking {
            let why = match lacking {
                Lacking::Time => "there was too little time",
                Lacking::Sources => "there are too many sources",
                Lacking::Numbers => "the numbers of a source are too scattered",
                Lacking::Damage => "something cannot be read",
            };
            return Err(unsure(why).into());
        }
        let gaps = |seen: &SourceSeen| {
            let last = seen.numbers.as_ref().and_then(|of| of.ranges.last());
            last.is_some_and(|(_, last)| !told(&seen.id, *last))
        };
        let sources: Vec<SourceSeen> = seen.sources.into_iter().filter(gaps).collect();
        if sources.is_empty() {
            return Ok(Holes::default());
        }
        let ids: BTreeSet<[u8; 16]> = sources.iter().map(|source| source.id).collect();
        let window = Window { trails: None, since: Some(since), now };
        // What others say that they lost explains none of these, so it need not be understood.
        let losses = Losses::read(session, &window, &ids, Some(&BTreeSet::new()))?;
        if losses.met.is_some() || losses.unread > 0 {
            return Err(unsure("not all losses that were said could be read").into());
        }
        let hole = |seen: SourceSeen| {
            let numbers = seen.numbers?;
            let missing = numbers.missing.saturating_sub(losses.numbered(&seen.id));
            let (_, last) = *numbers.ranges.last()?;
            let hole = Hole { source: seen.id, service: seen.service, missing, last };
            (missing > 0).then_some(hole)
        };
        // Counted when it is known what explains them, and from another place each time: nobody hides behind others.
        let mut holes: Vec<Hole> = sources.into_iter().filter_map(hole).collect();
        let more = holes.len().saturating_sub(limits::HOLES_SOURCES_MAX);
        if more > 0 {
            let turn = usize::try_from(now.0 / limits::HOLES_TURN_MICROS).unwrap_or(0);
            let first = turn.wrapping_mul(limits::HOLES_SOURCES_MAX) % holes.len();
            holes.rotate_left(first);
            holes.truncate(limits::HOLES_SOURCES_MAX);
        }
        Ok(Holes { holes, more })
    })
}

fn source_shown(seen: SourceSeen, losses: &Losses) -> SourceShown {
    let said = losses.numbered(&seen.id);
    let missing = seen.numbers.as_ref().map(|numbers| numbers.missing);
    let explained = missing.map(|missing| missing.min(said));
    let unexplained = missing.map(|missing| missing.saturating_sub(said));
    let in_flight = seen.numbers.as_ref().map(|numbers| numbers.in_flight);
    let received = seen.numbers.as_ref().map_or(seen.records, |numbers| numbers.received);
    let Numbers { ranges, more_ranges, .. } = seen.numbers.unwrap_or_default();
    SourceShown {
        id: hex::encode(&seen.id),
        service: seen.service,
        first_seen: Time(seen.first),
        last_seen: Time(seen.last),
        received,
        doubles: seen.records.saturating_sub(received),
        highest: seen.highest,
        missing,
        explained,
        unexplained,
        in_flight,
        ranges: ranges.into_iter().map(|(from, to)| Range { from, to }).collect(),
        more_ranges,
    }
}

fn total(sources: &[SourceShown]) -> Total {
    let mut total = Total { sources: sources.len(), ..Total::default() };
    for source in sources {
        let add = |sum: &mut u64, count: Option<u64>| {
            *sum = sum.saturating_add(count.unwrap_or(0));
        };
        add(&mut total.received, Some(source.received));
        add(&mut total.doubles, Some(source.doubles));
        add(&mut total.missing, source.missing);
        add(&mut total.explained, source.explained);
        add(&mut total.unexplained, source.unexplained);
        add(&mut total.in_flight, source.in_flight);
    }
    total
}

/// Not all that recorders say was read, so more may be explained.
fn losses_unread(met: Met) -> Incomplete {
    Incomplete::gaps(met.name(), "not all losses that were said could be read")
}

fn incomplete(lacking: Lacking) -> Incomplete {
    match lacking {
        Lacking::Time => Incomplete::gaps("time", "the time of one request was over"),
        Lacking::Sources => Incomplete::gaps("sources", "there are too many sources"),
        Lacking::Numbers => {
            Incomplete::gaps("numbers", "the numbers of a source are too scattered to be counted")
        }
        Lacking::Damage => Incomplete::gaps("damage", "something cannot be read, see the alarms"),
    }
}
