//! Bytes in, receipts out. `body` takes the bytes in, `parse` makes checked events of them, the ingest threads make
//! those durable, and each door tells in its own form what became of each: `POST /api/audit/logs` here, and those that
//! others' clients know in `cloudevents`, `otlp` and `bulk`.

mod answer;
mod body;
mod bulk;
mod cloudevents;
mod otlp;
mod parse;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use indelible_event::TrailName;
use indelible_log::record::Seq;
use indelible_log::{Appended, TrailStatus};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::extract::is_json;
use crate::ingest::Results;
use crate::limits;
use crate::metrics::Fate;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;
use answer::Answer;
use body::Held;
use parse::{Batch, Form, Lot, Placing};

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(append))
        .merge(cloudevents::routes())
        .merge(otlp::routes())
        .merge(bulk::routes())
}

/// What a request asks for beside keeping its events.
#[derive(Default)]
struct Asked {
    /// The trail of events that name none.
    trail: Option<String>,
    /// To wait for a signed checkpoint.
    wait: bool,
    /// That the index of a document may name its trail.
    by_index: bool,
}

/// What became of a request's events.
struct Told {
    lots: Vec<Lot>,
    ops: Vec<indelible_connect::intake::bulk::Op>,
    /// The trails of those that came to the log, and their results.
    trails: Vec<TrailName>,
    results: Results,
    proofs: Vec<Option<String>>,
}

impl Told {
    /// What became of a lot.
    fn fate(&self, lot: &Lot) -> Fate {
        match lot {
            Lot::Refused(_) => Fate::Refused,
            Lot::Item(at) => fate(self.results.get(*at)),
        }
    }
}

/// Appends events: one, a JSON array of them, or NDJSON. What is answered for is durable.
#[utoipa::path(
    post, path = "/api/audit/logs", tag = "append",
    request_body(
        description = "An event, a JSON array of events, or one event a line",
        content(
            (serde_json::Value = "application/json", example = json!({
                "action": "backup.delete", "actor": {"type": "user", "id": "maria"}, "targets": [{"type": "backup", "id": "db-0417"}],
            })),
            (String = "application/x-ndjson"),
        ),
    ),
    params(
        ("trail" = Option<String>, Query, description = "The trail of events that name none", example = "shop"),
        ("wait" = Option<String>, Query, description = "published: answer once a signed checkpoint covers them, with proofs", example = "published"),
        ("Idempotency-Key" = Option<String>, Header, description = "Gives events without an id one that a repetition has too", example = "order-17"),
    ),
    responses(
        (status = 201, description = "All are new", content_type = "application/json", example = json!({
            "results": [{"status": "new", "trail": "default", "seq": 17, "id": "0190b1a0-0000-7000-8000-000000000001",
                "leaf": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "recorded_at": "2026-01-31T10:00:00.000000Z"}],
            "new": 1, "known": 0, "refused": 0, "failed": 0,
        })),
        (status = 200, description = "All were known already"),
        (status = 207, description = "Mixed; see each result"),
        (status = 400, description = "None was kept: each was refused"),
        (status = 413, description = "Too large; nothing was kept"),
        (status = 415, description = "A type or coding that is not taken"),
        (status = 503, description = "None was kept, try again later"),
    ),
)]
async fn append(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
    request: Request,
) -> Result<Response, Problem> {
    let trail = params.one("trail")?;
    let wait = params.read("wait", "published", |text| (text == "published").then_some(()))?;
    params.finish()?;
    let form = format(request.headers())?;
    let ndjson = matches!(form, Form::Ndjson);
    let asked = Asked { trail, wait: wait.is_some(), by_index: false };
    let told = keep(&state, &caller, asked, form, request).await?;
    if told.lots.is_empty() {
        return Err(Problem::bad_request("the body has no event"));
    }
    Ok(receipts(&told, ndjson))
}

/// The form that the request names; JSON if it names none, or says what a tool says that does not ask.
fn format(headers: &HeaderMap) -> Result<Form, Problem> {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return Ok(Form::Json) };
    let kind = kind.to_str().unwrap_or("?");
    match essence(kind).as_str() {
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/x-jsonlines" => Ok(Form::Ndjson),
        _ if is_json(kind) => Ok(Form::Json),
        _ => Err(Problem::unsupported("send application/json or application/x-ndjson")),
    }
}

/// A content type without its parameters.
fn essence(kind: &str) -> String {
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The one way in: checks whose it is, takes the body in, checks its events, makes them durable, and counts.
async fn keep(
    state: &AppState,
    caller: &Caller,
    asked: Asked,
    form: Form,
    request: Request,
) -> Result<Told, Problem> {
    caller.require_append()?;
    let writer = state.writer();
    let writer = writer.ok_or_else(|| Problem::unavailable("this directory is only read", 60))?;
    if let Some(why) = writer.poisoned() {
        return Err(Problem::unavailable(format!("the log is poisoned: {why}"), 60));
    }
    let (parts, stream) = request.into_parts();
    let mut placing = placing(caller, asked.trail.as_deref(), &parts.headers)?;
    placing.indices = (asked.by_index && asked.trail.is_none()).then(|| state.clone());
    let batch = receive(state, &parts.headers, stream, form, Arc::new(placing)).await?;
    let Batch { lots, items, ops, held } = batch;
    if asked.wait && lots.len() > limits::PUBLISHED_EVENTS_MAX {
        let max = limits::PUBLISHED_EVENTS_MAX;
        return Err(Problem::bad_parameter("wait", format!("wait is for at most {max} events")));
    }
    state.metrics().accepted(lots.len() as u64);
    let trails: Vec<TrailName> = items.iter().map(|item| item.trail.clone()).collect();
    let results = if items.is_empty() { Vec::new() } else { writer.append(items).await? };
    drop(held);
    let proofs = match asked.wait {
        true => proofs(state, &trails, &results).await?,
        false => Vec::new(),
    };
    let told = Told { lots, ops, trails, results, proofs };
    for lot in &told.lots {
        state.metrics().fate(told.fate(lot), 1);
    }
    Ok(told)
}

/// Takes the body in and checks its events: small ones here, large ones where they keep nobody waiting.
async fn receive(
    state: &AppState,
    headers: &HeaderMap,
    stream: Body,
    form: Form,
    placing: Arc<Placing>,
) -> Result<Batch, Problem> {
    let coding = body::coding(headers)?;
    let mut held = Held::new(state.in_flight());
    let bytes = body::receive(headers, stream, &mut held).await?;
    if coding == body::Coding::Identity && bytes.len() <= limits::CHECK_INLINE_BYTES_MAX {
        return parse::parse(&bytes, coding, form, &placing, held);
    }
    let work = move || parse::parse(&bytes, coding, form, &placing, held);
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Problem::internal("checking the events broke off")))
}

/// Where the events of this request go, and what they are sealed with.
fn placing(caller: &Caller, trail: Option<&str>, headers: &HeaderMap) -> Result<Placing, Problem> {
    let default = match trail {
        Some(name) => {
            let form = |e| Problem::bad_parameter("trail", format!("trail {e}"));
            let name = TrailName::parse(name).map_err(form)?;
            let missing = || Problem::not_found(format!("there is no trail named {name}"));
            Some(caller.may_append(&name).then_some(name.clone()).ok_or_else(missing)?)
        }
        // Whoever writes to one trail only need not name it.
        None => match caller.trails.as_deref() {
            Some([only]) => Some(only.clone()),
            Some(trails) => Some(TrailName::unnamed()).filter(|name| trails.contains(name)),
            None => Some(TrailName::unnamed()),
        },
    };
    let mut keys = headers.get_all("idempotency-key").iter();
    let key = keys.next().map(|value| value.to_str().unwrap_or_default());
    let plain = |key: &&str| (1..=limits::IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len());
    if key.is_some() && (keys.next().is_some() || key.filter(plain).is_none()) {
        let detail = "Idempotency-Key must be given once, as 1 to 256 printable ASCII characters";
        return Err(Problem::bad_request(detail));
    }
    // No id of a credential has a zero in it, so two pairs never run together.
    let key = key.map(|key| format!("{}\0{key}", caller.id).into());
    Ok(Placing { caller: caller.clone(), default, key, indices: None })
}

/// The answer with a receipt for each.
fn receipts(told: &Told, ndjson: bool) -> Response {
    let mut answer = Answer::new(told.lots.len(), ndjson);
    for lot in &told.lots {
        match lot {
            Lot::Refused(refusal) => answer.refused(refusal),
            Lot::Item(at) => {
                let proof = told.proofs.get(*at).map(Option::as_deref);
                answer.appended(&told.trails[*at], told.results.get(*at), proof);
            }
        }
    }
    answer.finish()
}

/// Waits until a signed checkpoint covers what was kept, and proves each; `None` for what was not kept, or is not
/// covered in time.
async fn proofs(
    state: &AppState,
    trails: &[TrailName],
    results: &Results,
) -> Result<Vec<Option<String>>, Problem> {
    let Ok(_turn) = state.published().clone().try_acquire_owned() else {
        return Ok(vec![None; results.len()]);
    };
    let mut last: Vec<(TrailStatus, Seq)> = Vec::new();
    for (name, result) in trails.iter().zip(results) {
        let Ok(Appended::Kept(receipt)) = result else { continue };
        match last.iter_mut().find(|(trail, _)| trail.info.name == *name) {
            Some((_, seq)) => *seq = receipt.seq.max(*seq),
            None => last.push((state.reader().trail(name)?, receipt.seq)),
        }
    }
    for (trail, seq) in &last {
        published(state, trail, *seq).await?;
    }
    let wanted: Vec<Option<(TrailStatus, Seq)>> = trails
        .iter()
        .zip(results)
        .map(|(name, result)| {
            let Ok(Appended::Kept(receipt)) = result else { return None };
            let (trail, _) = last.iter().find(|(trail, _)| trail.info.name == *name)?;
            Some((trail.clone(), receipt.seq))
        })
        .collect();
    state
        .read(move |state| {
            let prove = |of: &Option<(TrailStatus, Seq)>| {
                // What is not covered yet has no proof, and that is no error: it is durable.
                of.as_ref().and_then(|(trail, seq)| state.reader().prove(trail, *seq, &[]).ok())
            };
            Ok(wanted.iter().map(prove).collect())
        })
        .await
}

/// Waits until a signed checkpoint covers it, but not for ever.
pub(crate) async fn published(
    state: &AppState,
    trail: &TrailStatus,
    seq: Seq,
) -> Result<(), Problem> {
    let until = tokio::time::Instant::now() + limits::PUBLISHED_WAIT;
    loop {
        let of = trail.clone();
        let size = state.read(move |state| Ok(state.reader().checkpoint(&of).ok())).await?;
        let covered = size.is_some_and(|(_, checkpoint)| checkpoint.size.0 > seq.0);
        if covered || tokio::time::Instant::now() >= until {
            return Ok(());
        }
        tokio::time::sleep(limits::PUBLISHED_POLL).await;
    }
}

/// What became of an event, and why.
pub(crate) fn fate(result: Option<&Result<Appended, indelible_log::AppendError>>) -> Fate {
    use indelible_log::AppendError;
    match result {
        Some(Ok(Appended::Kept(receipt))) if receipt.known => Fate::Known,
        Some(Ok(Appended::Kept(_))) => Fate::New,
        Some(Ok(Appended::Conflict { .. })) => Fate::Conflict,
        Some(Err(AppendError::Refused(_) | AppendError::TooManyTrails)) => Fate::Refused,
        Some(Err(_)) | None => Fate::Failed,
    }
}
