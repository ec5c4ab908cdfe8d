//! Days and weeks that an auditor looks at and signs.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use indelible_event::{EventId, Micros};
use indelible_keep::deed;
use indelible_log::hex;
use indelible_log::record::{KeptRecord, Seq, TrailNo};
use indelible_watch::review::{self, Every, Period};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::alerts::{by, checked_note};
use crate::auth::Caller;
use crate::extract::{Json, Path};
use crate::keep::{require_auditor, told};
use crate::params::Params;
use crate::problem::Problem;
use crate::read::review::{Section, opened, sections};
use crate::record::{Read, ReadDetails};
use crate::state::AppState;

const SIGN: &str = "review.sign";

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(reviews)).routes(routes!(review)).routes(routes!(sign))
}

/// The last 60 days or weeks, the newest first, and who has looked at them.
#[utoipa::path(
    get, path = "/api/reviews", tag = "watch",
    responses(
        (status = 200, description = "The reviews; `state` is `running`, `due`, `overdue` or `signed`", content_type = "application/json", example = json!({
            "every": "day", "due_seconds": 86_400, "reviews": [{
                "period": "2026-01-30", "from": "2026-01-30T00:00:00.000000Z", "to": "2026-01-31T00:00:00.000000Z",
                "state": "signed", "due_at": "2026-02-01T00:00:00.000000Z", "signed_at": "2026-01-31T09:00:00.000000Z",
                "signed_by": "maria", "note": "as planned", "signed_digest": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef", "alerts": 2,
            }],
        })),
        (status = 403, description = "Not an auditor or admin of all trails"),
    ),
)]
async fn reviews(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
) -> Result<Json<ReviewsAnswer>, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    let (every, due) = wanted(&state);
    let (since, mut signed) = state.read(|state| Ok((began(state), signatures(state)?))).await?;
    let periods = review::periods(every, since, state.now());
    let spans = periods.iter().map(|period| (period.from(), period.to())).collect();
    let alerts = opened(&state, &caller, spans).await?;
    let rows = periods
        .iter()
        .zip(alerts)
        .map(|(period, alerts)| shown(&state, period, signed.remove(&period.to_string()), alerts));
    let (reviews, due_seconds) = (rows.collect(), due.0 / 1_000_000);
    Ok(Json(ReviewsAnswer { every, due_seconds, reviews }))
}

/// What happened in a day or a week: alerts, failed logins, what admins did, exports, changes to the audit system.
///
/// By `recorded_at`. `digest` is the SHA-256 of what is shown, for whoever signs it; `signed_digest` what it was when
/// somebody did.
#[utoipa::path(
    get, path = "/api/reviews/{period}", tag = "watch",
    params(("period" = String, Path, description = "A day, `2026-01-31`, or a week, `2026-W05`, in UTC")),
    responses(
        (status = 200, description = "The review", content_type = "application/json", example = json!({
            "period": "2026-01-30", "from": "2026-01-30T00:00:00.000000Z", "to": "2026-01-31T00:00:00.000000Z",
            "state": "due", "due_at": "2026-02-01T00:00:00.000000Z", "signed_at": null, "signed_by": null, "note": null,
            "signed_digest": null, "alerts": 0, "digest": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
            "sections": [{"name": "failed_logins", "title": "Failed logins", "count": 2, "query": "created:>=2026-01-30T00:00:00.000000Z …",
                "top": [{"value": "maria", "count": 2}], "events": [], "alarms": []}],
        })),
        (status = 403, description = "Not an auditor or admin of all trails"),
        (status = 404, description = "No such day or week, or it has not begun"),
        (status = 503, description = "Not everything could be looked at in time"),
    ),
)]
async fn review(
    State(state): State<AppState>,
    caller: Caller,
    Path(period): Path<String>,
    params: Params,
) -> Result<Json<Shown>, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    let period = begun(&state, &period)?;
    let found = look(&state, &caller, &period).await?;
    let signed = state.read(signatures).await?.remove(&period.to_string());
    let mut shown = shown(&state, &period, signed, found.alerts);
    shown.digest = Some(found.digest);
    shown.sections = Some(found.sections);
    Ok(Json(shown))
}

/// The last reviews.
#[derive(Serialize)]
struct ReviewsAnswer {
    every: Every,
    due_seconds: i64,
    reviews: Vec<Shown>,
}

/// That somebody has looked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Signed {
    /// What there is to say of it.
    #[serde(default)]
    #[schema(example = "two failed logins of mine; the rest is as planned")]
    note: String,
    /// The digest of what was looked at.
    digest: String,
}

/// Signs a review.
#[utoipa::path(
    post, path = "/api/reviews/{period}/sign", tag = "watch",
    params(("period" = String, Path, description = "A day, `2026-01-31`, or a week, `2026-W05`, in UTC")),
    request_body(content = Signed),
    responses(
        (status = 200, description = "It is signed; this is how it is, without its sections"),
        (status = 400, description = "The note is too long, or no text"),
        (status = 403, description = "Not an auditor or admin of all trails"),
        (status = 404, description = "No such day or week, or it has not begun"),
        (status = 409, description = "`changed`: it shows something else by now; `running`: it has not ended"),
    ),
)]
async fn sign(
    State(state): State<AppState>,
    caller: Caller,
    Path(period): Path<String>,
    params: Params,
    Json(Signed { note, digest }): Json<Signed>,
) -> Result<Response, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    let (period, note) = (begun(&state, &period)?, checked_note(&note)?);
    if state.now() < period.to() {
        let detail = format!("it has not ended: more may happen until {}", period.to());
        return Err(Problem::conflict("running", detail));
    }
    let found = look(&state, &caller, &period).await?;
    if found.digest != digest {
        let detail = "the review shows something else than what you looked at; look again";
        return Err(Problem::conflict("changed", detail).with("digest", found.digest));
    }
    // So that of two who ask at once the second sees what the first has signed.
    let turn = state.changing().await;
    let signed = state.read(signatures).await?.remove(&period.to_string());
    if let Some(same) = signed.filter(|of| of.is(&by(&caller), &note, &digest)) {
        let shown = shown(&state, &period, Some(same), found.alerts);
        return Ok(told(StatusCode::OK, None, &shown));
    }
    let name = period.to_string();
    let details = json!({"period": name, "note": note, "digest": digest, "counts": found.counts});
    let target = json!({"type": "review", "id": name});
    let receipt = state.record_act(&caller, (SIGN, "admin_action"), target, details).await?;
    drop(turn);
    let signature = Signature { at: receipt.recorded_at, by: by(&caller), note, digest };
    let shown = shown(&state, &period, Some(signature), found.alerts);
    Ok(told(StatusCode::OK, Some(&receipt.id.to_string()), &shown))
}

/// How long a period is, and how long after its end it is to be signed.
fn wanted(state: &AppState) -> (Every, Micros) {
    let reviews = state.watched().map(|watch| watch.loaded().1.settings.reviews.clone());
    let reviews = reviews.unwrap_or_default();
    (reviews.every, reviews.due.0)
}

/// The period that is asked for, if it has begun.
fn begun(state: &AppState, text: &str) -> Result<Period, Problem> {
    let missing = || {
        let detail =
            "there is no such day or week, or it has not begun; write 2026-01-31 or 2026-W05";
        Problem::not_found(detail)
    };
    let period = Period::parse(text).filter(|period| period.from() <= state.now());
    period.ok_or_else(missing)
}

/// When the log began, as far as it still says. Blocks.
fn began(state: &AppState) -> Micros {
    // The making of the node. Where it has gone, nobody knows how far back there was something.
    let first = state.reader().read(TrailNo(0), &[Seq(0)]);
    let first = first.ok().and_then(|mut first| first.pop());
    first.map_or(Micros::MIN, |record| record.entry().recorded_at)
}

/// That somebody has signed.
struct Signature {
    at: Micros,
    by: String,
    note: String,
    digest: String,
}

impl Signature {
    fn is(&self, by: &str, note: &str, digest: &str) -> bool {
        (&*self.by, &*self.note, &*self.digest) == (by, note, digest)
    }

    /// Out of its event: the period and the signature.
    fn of(record: &KeptRecord) -> Option<(String, Signature)> {
        let details = deed::details(record);
        let text = |name: &str| details[name].as_str().map(str::to_owned);
        let event: Value = serde_json::from_slice(&record.view("_system")).ok()?;
        let actor = &event["actor"];
        let by = actor["name"].as_str().or_else(|| actor["id"].as_str()).unwrap_or_default();
        let signature = Signature {
            at: record.entry().recorded_at,
            by: by.to_owned(),
            note: text("note").unwrap_or_default(),
            digest: text("digest")?,
        };
        Some((text("period")?, signature))
    }
}

/// The last signature of each period. Blocks.
fn signatures(state: &AppState) -> Result<HashMap<String, Signature>, Problem> {
    Ok(state.reader().told(&[SIGN])?.iter().filter_map(Signature::of).collect())
}

/// How a review is.
#[derive(Serialize)]
struct Shown {
    period: String,
    from: String,
    to: String,
    state: review::State,
    due_at: Option<String>,
    signed_at: Option<String>,
    signed_by: Option<String>,
    note: Option<String>,
    signed_digest: Option<String>,
    alerts: u64,
    /// What it shows, and its digest: only where that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sections: Option<Vec<Section>>,
}

fn shown(state: &AppState, period: &Period, signed: Option<Signature>, alerts: u64) -> Shown {
    let due = Some(wanted(state).1);
    let is_signed = signed.is_some();
    let (at, by, note, digest) = signed
        .map(|Signature { at, by, note, digest }| (Some(at), Some(by), Some(note), Some(digest)))
        .unwrap_or_default();
    Shown {
        period: period.to_string(),
        from: period.from().to_string(),
        to: period.to().to_string(),
        state: review::state(period, due, is_signed, state.now()),
        due_at: review::due_at(period, due).map(|at| at.to_string()),
        signed_at: at.map(|at| at.to_string()),
        signed_by: by,
        note,
        signed_digest: digest,
        alerts,
        digest: None,
        sections: None,
    }
}

/// What a review shows.
struct Looked {
    sections: Vec<Section>,
    /// By the names of the sections.
    counts: Value,
    digest: String,
    alerts: u64,
}

/// Looks at all that happened, and has it recorded that somebody did.
async fn look(state: &AppState, caller: &Caller, period: &Period) -> Result<Looked, Problem> {
    let mut found = sections(state, caller, (period.from(), period.to())).await?;
    let mut trails: Vec<String> = found.iter().flat_map(|of| of.trails.clone()).collect();
    trails.push("_system".to_owned());
    trails.sort_unstable();
    trails.dedup();
    let results = found.iter().map(|of| of.ids.len() as u64).sum();
    let query = Some(format!("review {period}"));
    let details = ReadDetails { trails, query, target: None, results: Some(results) };
    state.record_read(caller, Read::Search, details).await?;
    let digest = digest(period, &found);
    let counts = found.iter().map(|of| (of.name.to_owned(), of.count.into())).collect();
    let alerts = found.iter().find(|of| of.name == "alerts").map_or(0, |of| of.count);
    if let Some(watch) = state.watched() {
        // With what became of them.
        for of in found.iter_mut().filter(|of| of.name == "alerts") {
            let alert = |id: &EventId| watch.alert(*id).map(|detail| detail.alert);
            of.alerts = Some(of.ids.iter().filter_map(alert).collect());
        }
    }
    Ok(Looked { sections: found, counts: Value::Object(counts), digest, alerts })
}

/// SHA-256 of what is shown, as lists in one order: counts, most frequent values and ids. What becomes of an alert later
/// changes nothing of it.
fn digest(period: &Period, sections: &[Section]) -> String {
    let of = |of: &Section| {
        let top = of.top.iter().map(|of| json!([of.value, of.count]));
        let ids = of.ids.iter().map(|id| Value::from(id.to_string()));
        json!([of.name, of.count, top.collect::<Vec<Value>>(), ids.collect::<Vec<Value>>()])
    };
    let shown = json!([period.to_string(), sections.iter().map(of).collect::<Vec<Value>>()]);
    hex::encode(&<[u8; 32]>::from(Sha256::digest(shown.to_string())))
}
