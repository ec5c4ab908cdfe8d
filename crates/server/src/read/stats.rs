//! Statistics and suggestions.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use indelible_event::{Micros, Outcome};
use indelible_index::Facet;
use indelible_index::limits::{FACET_VALUES_MAX, SUGGESTIONS_MAX};
use indelible_index::search::{Bucket, FacetCounts, HistogramAsk, Sort, Stats, StatsAsk};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::filter::Filter;
use super::search::sort_of;
use super::shown::{self, AlarmShown, Count, Incomplete, Time, ValueCount};
use super::{engine, limits};
use crate::auth::Caller;
use crate::params::Params;
use crate::problem::Problem;
use crate::record::{Read, ReadDetails};
use crate::state::AppState;

const MICROS_PER_SECOND: i64 = 1_000_000;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(stats)).routes(routes!(suggest))
}

/// What was counted.
#[derive(Serialize, ToSchema)]
struct StatsAnswer {
    /// All that match.
    total: Count,
    /// The most frequent values, by facet.
    facets: BTreeMap<&'static str, FacetShown>,
    /// Those that failed, or ended in an error.
    failures: Value,
    /// Those that were denied.
    denied: Value,
    /// By time, if an interval was given.
    histogram: Option<Histogram>,
    /// The bound that was met, if one was: all numbers are of what was counted until then.
    incomplete: Option<Incomplete>,
    /// Records that do not match their leaf, and could not be counted.
    alarms: Vec<AlarmShown>,
}

/// A number.
#[derive(Clone, Copy, Serialize, ToSchema)]
pub(super) struct Value {
    value: u64,
}

/// The most frequent values of a facet.
#[derive(Serialize, ToSchema)]
struct FacetShown {
    /// The most frequent first.
    values: Vec<ValueCount>,
    /// Matches with another value.
    other: u64,
    /// Matches without one.
    missing: u64,
    /// Whether these are surely the most frequent.
    exact: bool,
}

/// Matches by time.
#[derive(Serialize, ToSchema)]
struct Histogram {
    /// How long each bucket is.
    interval_seconds: i64,
    /// `recorded_at` or `occurred_at`.
    time: &'static str,
    /// Those with a match, in order.
    buckets: Vec<BucketShown>,
}

/// A stretch of time.
#[derive(Serialize, ToSchema)]
struct BucketShown {
    /// Its first moment.
    start: Time,
    /// The matches in it.
    count: u64,
    /// How they ended.
    outcomes: BTreeMap<&'static str, u64>,
}

/// Counts events.
#[utoipa::path(
    get, path = "/api/audit/stats", tag = "search",
    params(
        Filter,
        ("facets" = Option<String>, Query, description = "Which, with commas; all if not given", example = "action,outcome"),
        ("top" = Option<u32>, Query, description = "How many values of each, 0 to 1,000; 10 if not given", maximum = 1000),
        ("interval" = Option<String>, Query, description = "How long a bucket is: `30s`, `5m`, `1h`, `1d`", example = "1h"),
        ("time" = Option<String>, Query, description = "`recorded_at` or `occurred_at`", example = "recorded_at"),
    ),
    responses(
        (status = 200, description = "The counts", body = StatsAnswer, example = json!({
            "total": {"value": 812, "relation": "exact"},
            "facets": {"action": {"values": [{"value": "user.login", "count": 812}], "other": 0, "missing": 0, "exact": true}},
            "failures": {"value": 2}, "denied": {"value": 0},
            "histogram": {"interval_seconds": 3600, "time": "recorded_at", "buckets": [
                {"start": "2026-01-31T10:00:00.000000Z", "count": 12, "outcomes": {"failure": 1, "success": 11}},
            ]},
            "incomplete": null, "alarms": [],
        })),
        (status = 400, description = "A parameter or the query cannot be read"),
        (status = 403, description = "A writer reads nothing"),
        (status = 404, description = "There is no such trail"),
    ),
)]
async fn stats(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.require_read()?;
    let filter = Filter::take(&mut params, &state, &caller)?;
    let names = Facet::ALL.map(Facet::name).join(", ");
    let facets = params.read("facets", &format!("some of {names}, with commas"), facets)?;
    let facets = facets.unwrap_or_else(|| Facet::ALL.to_vec());
    let top = params.number("top", 0..=FACET_VALUES_MAX as u64)?.unwrap_or(limits::TOP) as usize;
    let interval = params.read("interval", "30s, 5m, 1h, 1d or the like, up to 366d", interval)?;
    let by = params.read("time", "recorded_at or occurred_at", sort_of)?.unwrap_or_default();
    params.finish()?;
    let details = read_details(&state, &caller, &filter);
    let body = engine::run(&state, &caller, filter.trails.clone(), move |session| {
        let histogram = interval.map(|interval| HistogramAsk { interval, by });
        let want = StatsAsk { facets: &facets, top, histogram };
        let Stats { total, outcomes, facets, histogram: buckets, incomplete, alarms } =
            session.stats(&filter.query, &want)?;
        let (failures, denied) = failed(&outcomes);
        let answer = StatsAnswer {
            total: total.into(),
            facets: facets.into_iter().map(|of| (of.facet.name(), facet_shown(of))).collect(),
            failures,
            denied,
            histogram: histogram.map(|histogram| histogram_shown(histogram, &buckets)),
            incomplete: session.incomplete(incomplete),
            alarms: AlarmShown::all(session, alarms),
        };
        Ok(shown::bytes(&answer)?)
    })
    .await?;
    state.record_read(&caller, Read::Stats, details).await?;
    Ok(shown::json(body))
}

/// What is recorded of counting: a number says something of every trail that was counted.
pub(super) fn read_details(state: &AppState, caller: &Caller, filter: &Filter) -> ReadDetails {
    let trails = match &filter.trails {
        Some(trails) => trails.iter().map(ToString::to_string).collect(),
        None => caller.readable(state).iter().map(|trail| trail.info.name.to_string()).collect(),
    };
    ReadDetails { trails, query: Some(filter.query.text.clone()), ..ReadDetails::default() }
}

/// How many failed or ended in an error, and how many were denied.
pub(super) fn failed(outcomes: &[u64; Outcome::ALL.len()]) -> (Value, Value) {
    let of = |wanted: &[Outcome]| {
        let counts = Outcome::ALL.iter().zip(outcomes);
        Value { value: counts.filter(|(of, _)| wanted.contains(of)).map(|(_, count)| count).sum() }
    };
    (of(&[Outcome::Failure, Outcome::Error]), of(&[Outcome::Denied]))
}

fn facet_shown(counts: FacetCounts) -> FacetShown {
    let FacetCounts { values, other, missing, exact, .. } = counts;
    FacetShown { values: ValueCount::all(values), other, missing, exact }
}

fn histogram_shown(asked: HistogramAsk, buckets: &[Bucket]) -> Histogram {
    let bucket = |bucket: &Bucket| {
        let outcomes = Outcome::ALL.iter().zip(bucket.outcomes).filter(|(_, count)| *count > 0);
        BucketShown {
            start: Time(bucket.start),
            count: bucket.count,
            outcomes: outcomes.map(|(outcome, count)| (outcome.name(), count)).collect(),
        }
    };
    Histogram {
        interval_seconds: asked.interval / MICROS_PER_SECOND,
        time: match asked.by {
            Sort::Recorded => "recorded_at",
            Sort::Occurred => "occurred_at",
        },
        buckets: buckets.iter().map(bucket).collect(),
    }
}

fn facets(text: &str) -> Option<Vec<Facet>> {
    let mut facets: Vec<Facet> = text.split(',').map(Facet::from_name).collect::<Option<_>>()?;
    facets.sort_unstable();
    facets.dedup();
    Some(facets)
}

/// `30s`, `5m`, `1h` or `1d`, in microseconds; not nothing.
fn interval(text: &str) -> Option<i64> {
    length(text).filter(|micros| *micros > 0)
}

/// A number and a unit in microseconds, up to a leap year.
pub(super) fn length(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let digits = text.strip_suffix(unit)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = plain.then(|| digits.parse().ok())??;
    let seconds = count.checked_mul(seconds)?;
    let fits = seconds <= limits::INTERVAL_SECONDS_MAX;
    fits.then(|| i64::try_from(seconds).ok())??.checked_mul(MICROS_PER_SECOND)
}

/// The first moment of a day, some days before.
pub(super) fn day_before(now: Micros, days: u64) -> Micros {
    let days = i32::try_from(days).unwrap_or(i32::MAX);
    indelible_event::Day(now.day().0.saturating_sub(days)).start()
}

/// What a facet's values could go on with.
#[derive(Serialize, ToSchema)]
struct SuggestAnswer {
    /// The most frequent first.
    values: Vec<ValueCount>,
    /// Why some may be missing, if they may.
    incomplete: Option<Incomplete>,
}

/// Suggests values.
#[utoipa::path(
    get, path = "/api/audit/suggest", tag = "search",
    params(
        ("field" = String, Query, description = "A facet: `action`, `category`, `outcome`, `actor`, `resource_type`, `resource`, `ip`, `service`", example = "actor"),
        ("prefix" = Option<String>, Query, description = "What they begin with, whatever their case", example = "ma"),
        ("limit" = Option<u32>, Query, description = "1 to 100; 10 if not given", minimum = 1, maximum = 100),
    ),
    responses(
        (status = 200, description = "The values", body = SuggestAnswer, example = json!({
            "values": [{"value": "maria", "count": 812}], "incomplete": null,
        })),
        (status = 400, description = "A parameter cannot be read"),
        (status = 403, description = "A writer reads nothing"),
    ),
)]
async fn suggest(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.require_read()?;
    let names = format!("one of {}", Facet::ALL.map(Facet::name).join(", "));
    let field = params.read("field", &names, Facet::from_name)?;
    let field = field.ok_or_else(|| {
        Problem::bad_parameter("field", format!("field is missing; it is {names}"))
    })?;
    let prefix = params.one("prefix")?.unwrap_or_default();
    let limit = params.number("limit", 1..=SUGGESTIONS_MAX as u64)?;
    let limit = limit.unwrap_or(limits::SUGGESTIONS) as usize;
    params.finish()?;
    if prefix.len() > limits::PREFIX_BYTES_MAX {
        let detail = format!("prefix is longer than {} bytes", limits::PREFIX_BYTES_MAX);
        return Err(Problem::bad_parameter("prefix", detail));
    }
    let query = format!("{}:{prefix}*", field.name());
    let (body, results) = engine::run(&state, &caller, None, move |session| {
        let values = session.suggest(field, &prefix, limit)?;
        let results = values.len() as u64;
        let incomplete = session.incomplete(None);
        let answer = SuggestAnswer { values: ValueCount::all(values), incomplete };
        Ok((shown::bytes(&answer)?, results))
    })
    .await?;
    let trails = caller.readable(&state);
    let details = ReadDetails {
        trails: trails.iter().map(|trail| trail.info.name.to_string()).collect(),
        query: Some(query),
        results: Some(results),
        ..ReadDetails::default()
    };
    state.record_read(&caller, Read::Search, details).await?;
    Ok(shown::json(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_a_number_and_a_unit() {
        for (text, seconds) in [("30s", 30), ("5m", 300), ("1h", 3600), ("366d", 31_622_400)] {
            assert_eq!(interval(text), Some(seconds * MICROS_PER_SECOND), "{text}");
        }
        for bad in [
            "",
            "0s",
            "s",
            "1",
            "-1s",
            "+1s",
            "1.5h",
            "1w",
            "367d",
            "99999999999999999999d",
            "1 h",
            "1ä",
        ] {
            assert_eq!(interval(bad), None, "{bad}");
        }
    }

    #[test]
    fn facets_are_taken_once_each() {
        assert_eq!(facets("ip,action,ip"), Some(vec![Facet::Action, Facet::Ip]));
        assert_eq!(facets(""), None);
        assert_eq!(facets("action,"), None);
    }
}
