//! One event: what it says, where it is kept, what it changed, and what belongs to it.

use axum::extract::State;
use axum::response::Response;
use indelible_event::{EventId, Phase};
use indelible_index::query::{Expr, Leaf, Query};
use indelible_index::search::{Order, PageAsk};
use indelible_log::record::KeptRecord;
use indelible_log::segment::SegmentState;
use indelible_log::{TrailStatus, hex};
use indelible_merkle::leaf_hash;
use indelible_store::{Found, StoreError};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::diff::{Difference, diff};
use super::engine::{self, Fault, Session};
use super::fields::Fields;
use super::limits;
use super::proof::{event_id, find_event};
use super::shown::{self, AlarmShown, Event, Incomplete, Time};
use crate::auth::Caller;
use crate::extract::Path;
use crate::params::Params;
use crate::problem::Problem;
use crate::record::{Read, ReadDetails};
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(event))
}

/// An event and what is known of it.
#[derive(Serialize, ToSchema)]
struct EventAnswer<'a> {
    /// The event.
    event: &'a Event,
    /// Where it is kept.
    receipt: Receipt<'a>,
    /// What it changed: `changes.before` and `changes.after` compared.
    diff: Vec<Difference<'a>>,
    /// The parts that it had and that were erased or have expired: of these, `who`, `where` and `what`.
    gone: Vec<&'static str>,
    /// By which policy they have expired, if that is why.
    expired: Option<Expired>,
    /// Whether a signed checkpoint covers it.
    published: bool,
    /// Where its proof is.
    proof: String,
    /// What belongs to it.
    related: Related,
    /// Why something related may be missing, if it may.
    incomplete: Option<Incomplete>,
    /// Related records that do not match their leaf, and are not shown.
    alarms: Vec<AlarmShown>,
}

/// Why all that an event said is gone, but for its entry.
#[derive(Serialize, ToSchema)]
struct Expired {
    /// The number of the policy that classed it.
    policy: u32,
    /// Its retention class.
    class: String,
    /// The event of `_system` that says so.
    event: String,
}

/// Where an event is kept.
#[derive(Serialize, ToSchema)]
struct Receipt<'a> {
    /// The trail.
    trail: &'a str,
    /// The event's place there, which is its leaf's index.
    seq: u64,
    /// Its id.
    id: String,
    /// Its leaf hash, in hexadecimal.
    leaf: String,
    /// When it was recorded.
    recorded_at: Time,
}

/// What belongs to an event.
#[derive(Default, Serialize, ToSchema)]
struct Related {
    /// The intent that it is the outcome of.
    intent: Option<Event>,
    /// The outcome of this intent.
    outcome: Option<Event>,
    /// What corrects it.
    corrections: Vec<Event>,
    /// What it corrects.
    corrects: Option<Event>,
}

/// One event by its id.
#[utoipa::path(
    get, path = "/api/audit/logs/{id}", tag = "search",
    params(
        ("id" = String, Path, description = "The event's id, a UUID"),
        ("trail" = Option<String>, Query, description = "Its trail, where several have the id"),
    ),
    responses(
        (status = 200, description = "The event", body = EventAnswer, example = json!({
            "event": {
                "trail": "default", "seq": 17, "id": "0190b1a0-0000-7000-8000-000000000000",
                "recorded_at": "2026-01-31T10:00:00.000000Z", "action": "item.change", "outcome": "success",
                "actor": {"type": "user", "id": "maria"}, "changes": {"before": {"price": 10}, "after": {"price": 12}},
            },
            "receipt": {
                "trail": "default", "seq": 17, "id": "0190b1a0-0000-7000-8000-000000000000",
                "leaf": "9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a",
                "recorded_at": "2026-01-31T10:00:00.000000Z",
            },
            "diff": [{"op": "change", "path": "/price", "before": 10, "after": 12}],
            "gone": [], "expired": null,
            "published": true,
            "proof": "/api/audit/logs/0190b1a0-0000-7000-8000-000000000000/proof?trail=default",
            "related": {"intent": null, "outcome": null, "corrections": [], "corrects": null},
            "incomplete": null, "alarms": [],
        })),
        (status = 404, description = "There is no such event"),
        (status = 409, description = "Several trails have the id; `trails` lists them"),
    ),
)]
async fn event(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.require_read()?;
    let trail = params.one("trail")?;
    params.finish()?;
    let id = event_id(&id)?;
    let asking = caller.clone();
    let (body, trail) = engine::run(&state, &caller, None, move |session| {
        let (trail, seq) = find_event(session.state, &asking, id, trail.as_deref())?;
        let mut records = session.state.reader().read(trail.info.no, &[seq])?;
        let record = records.pop().ok_or_else(|| Problem::internal("a read without a record"))?;
        let found = Found { record, trail: trail.info.clone() };
        Ok((answer(session, &trail, &found)?, trail.info.name.to_string()))
    })
    .await?;
    let details = ReadDetails {
        trails: vec![trail],
        target: Some(id.to_string()),
        results: Some(1),
        ..ReadDetails::default()
    };
    state.record_read(&caller, Read::Event, details).await?;
    Ok(shown::json(body))
}

fn answer(session: &mut Session<'_>, trail: &TrailStatus, found: &Found) -> Result<Vec<u8>, Fault> {
    let record = &found.record;
    let published = match session.state.reader().checkpoint(trail) {
        Ok((_, checkpoint)) => record.seq.0 < checkpoint.size.0,
        Err(StoreError::NotFound(_)) => false,
        Err(error) => return Err(error.into()),
    };
    session.narrow(record.trail);
    let mut incomplete = session.incomplete(None);
    let mut alarms = Vec::new();
    let related = related(session, found, &mut incomplete, &mut alarms)?;
    let expired = match shown::gone(&record.parts).is_empty() {
        true => None,
        false => expired(session, record)?,
    };
    let event = Event::with(found, &json!(expired))?;
    let changes = Fields::of(event.json()).changes;
    let (id, name) = (record.entry().id, found.trail.name.as_str());
    let answer = EventAnswer {
        event: &event,
        receipt: Receipt {
            trail: name,
            seq: record.seq.0,
            id: id.to_string(),
            leaf: hex::encode(&leaf_hash(&record.entry).0),
            recorded_at: Time(record.entry().recorded_at),
        },
        diff: diff(changes.before, changes.after),
        gone: shown::gone(&record.parts),
        expired,
        published,
        proof: format!("/api/audit/logs/{id}/proof?trail={name}"),
        related,
        incomplete,
        alarms,
    };
    Ok(shown::bytes(&answer)?)
}

/// By which policy a record has expired, if it has.
fn expired(session: &Session<'_>, record: &KeptRecord) -> Result<Option<Expired>, Problem> {
    for segment in session.state.reader().view().segments() {
        let span = segment.first_pos().0..=segment.last_pos().0;
        if !segment.is_stub() || !span.contains(&record.pos.0) {
            continue;
        }
        let of = segment.segment().map_err(StoreError::from)?;
        let row = of.find_seq(record.trail, record.seq);
        let SegmentState::Stub { expired_by } = of.meta().state else { continue };
        if row.is_ok_and(|row| row.is_some()) {
            let (policy, class) = (segment.policy(), segment.class().to_owned());
            return Ok(Some(Expired { policy, class, event: expired_by.to_string() }));
        }
    }
    Ok(None)
}

/// What refers to an event, and what it refers to, in its own trail.
fn related(
    session: &mut Session<'_>,
    found: &Found,
    incomplete: &mut Option<Incomplete>,
    alarms: &mut Vec<AlarmShown>,
) -> Result<Related, Fault> {
    let entry = found.record.entry();
    let mut exprs: Vec<Expr> = vec![Leaf::Ref(entry.id).into()];
    exprs.extend(entry.reference.map(|id: EventId| Leaf::Id(id).into()));
    let query = Query { text: String::new(), expr: Expr::any_of(exprs) };
    let want = PageAsk { order: Order::Oldest, limit: limits::RELATED_MAX, ..PageAsk::default() };
    let page = session.page(&query, &want)?;
    *incomplete = session.incomplete(page.incomplete);
    alarms.extend(AlarmShown::all(session, page.alarms));
    let mut related = Related::default();
    for other in &page.records {
        let of = other.record.entry();
        let shown = Event::of(other)?;
        let refers = of.reference == Some(entry.id);
        match (refers, of.phase, entry.phase) {
            (true, Some(Phase::Outcome), _) => {
                related.outcome.get_or_insert(shown);
            }
            (true, Some(Phase::Correction), _) => related.corrections.push(shown),
            (false, _, Some(Phase::Outcome)) => related.intent = Some(shown),
            (false, _, Some(Phase::Correction)) => related.corrects = Some(shown),
            _ => {}
        }
    }
    Ok(related)
}
