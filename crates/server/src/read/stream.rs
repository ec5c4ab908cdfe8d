//! Live streams: what matches a query, as it becomes searchable.
//!
//! Nothing is pushed to a stream. Each remembers the place in the log up to which it has sent, and asks for the
//! next page whenever there is something new: so there is nothing to overflow, and resuming is going on.

pub(super) mod frames;
mod ticks;

use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use indelible_index::Index;
use indelible_index::search::{Cursor, Order, PageAsk, Unit as _};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::frames::{Chunks, Frames, dropped, keep_alive, read_id};
use super::engine::{self, Fault, Session, Turn};
use super::filter::Filter;
use super::limits;
use super::shown::{AlarmShown, Event};
use super::stats::read_details;
use crate::auth::Caller;
use crate::params::Params;
use crate::problem::Problem;
use crate::record::Read;
use crate::state::AppState;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(stream))
}

/// Events as they become searchable: server-sent events.
#[utoipa::path(
    get, path = "/api/audit/stream", tag = "search",
    params(
        Filter,
        ("last_event_id" = Option<String>, Query, description = "Go on behind this one, as with the header `Last-Event-ID`"),
    ),
    responses(
        (status = 200, description = "Each event as `data:`, with an `id:` to go on from; `event: dropped` before the end if the client was too slow",
            content_type = "text/event-stream", body = String,
            example = "id: 0000000000000011\ndata: {\"trail\":\"default\",\"seq\":17,\"action\":\"backup.delete\"}\n\n"),
        (status = 400, description = "A parameter or the query cannot be read, or the id is none of this node's"),
        (status = 403, description = "A writer reads nothing"),
        (status = 503, description = "Too many streams at once"),
    ),
)]
async fn stream(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.require_read()?;
    let filter = Filter::take(&mut params, &state, &caller)?;
    let last = last_event_id(&mut params, &headers)?;
    params.finish()?;
    let place = state.reading().streams.clone().try_take(&caller.id);
    let place = place.ok_or_else(|| Problem::unavailable("too many streams at once", 5))?;
    let durable = state.reader().view().next_pos().0;
    let next = match last {
        None => durable,
        Some(last) if last < durable => last + 1,
        Some(_) => {
            let detail = "this id is none of this node's; begin again without it";
            return Err(Problem::bad_parameter("last_event_id", detail));
        }
    };
    let details = read_details(&state, &caller, &filter);
    state.record_read(&caller, Read::Stream, details).await?;
    let (sender, frames) = mpsc::channel(limits::STREAM_CHUNKS);
    let last_words = Arc::new(OnceLock::new());
    let ticks = state.ticks();
    let lag_max = (durable - next).saturating_add(limits::STREAM_LAG_MAX);
    let stopping = state.stopping();
    let spoke = Instant::now();
    let stream = Stream {
        state,
        caller,
        filter,
        next,
        lag_max,
        sender,
        ticks,
        stopping,
        ends: spoke + limits::STREAM_LIFE,
        spoke,
        _place: place,
    };
    let words = last_words.clone();
    tokio::spawn(async move {
        let (channel, end) = stream.run().await;
        if let End::Dropped(why) = end {
            // Nobody else sets it.
            drop(words.set(dropped(why)));
        }
        // Only now the body may end.
        drop(channel);
    });
    let body = Body::new(Frames { frames, last_words });
    // Proxies that hold answers back would hold back every event.
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (unbuffered, "no")];
    Ok((headers, body).into_response())
}

fn last_event_id(params: &mut Params, headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let form = "an id of this stream";
    let given = params.read("last_event_id", form, read_id)?;
    let Some(header) = headers.get(LAST_EVENT_ID).filter(|header| !header.is_empty()) else {
        return Ok(given);
    };
    // A browser that reconnects repeats the address, and says in the header how far it got.
    let id = header.to_str().ok().and_then(read_id);
    let bad = || Problem::bad_parameter("Last-Event-ID", format!("Last-Event-ID must be {form}"));
    id.map(Some).ok_or_else(bad)
}

/// Why a stream ends.
enum End {
    /// The client has gone, or is to come again.
    Over,
    /// It was too slow, or could not be answered any more.
    Dropped(&'static str),
}

/// A stream and its place.
struct Stream {
    state: AppState,
    caller: Caller,
    filter: Filter,
    /// All before it was sent, or did not match.
    next: u64,
    /// By how many records it may be behind.
    lag_max: u64,
    sender: mpsc::Sender<Bytes>,
    ticks: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    ends: Instant,
    /// When something was last sent.
    spoke: Instant,
    _place: Turn,
}

/// What one look found.
struct Look {
    chunks: Vec<Bytes>,
    /// The place of the last event among them.
    sent: Option<u64>,
    /// All before it was searchable.
    end: u64,
    /// Where the look goes on, if it is not done.
    after: Option<Cursor>,
}

impl Stream {
    /// Runs until the stream ends. Gives the channel back, which is its body's end.
    async fn run(mut self) -> (mpsc::Sender<Bytes>, End) {
        // A client whose connection breaks before the first event knows where it began.
        let mut end = self.send(keep_alive(self.next)).await;
        loop {
            match end {
                Ok(()) => end = self.round().await,
                Err(end) => return (self.sender, end),
            }
        }
    }

    /// Sends what there is, and waits for more.
    async fn round(&mut self) -> Result<(), End> {
        let seen = *self.ticks.borrow_and_update();
        if self.state.is_local() {
            // A directory that is only read does not grow.
            self.catch_up().await?;
            return Err(End::Over);
        }
        if seen > self.next {
            self.catch_up().await?;
        }
        // What does not match is no sign of life, so that the pause counts from what was last sent.
        let quiet = tokio::select! {
            changed = self.ticks.changed() => changed.map(|()| false).map_err(|_| End::Over)?,
            () = tokio::time::sleep_until(self.spoke + limits::STREAM_KEEP_ALIVE) => true,
            () = tokio::time::sleep_until(self.ends) => return Err(End::Over),
            _ = self.stopping.wait_for(|stopping| *stopping) => return Err(End::Over),
            () = self.sender.closed() => return Err(End::Over),
        };
        if quiet {
            self.still_admitted()?;
            self.send(keep_alive(self.next)).await?;
        }
        Ok(())
    }

    /// Sends all that there is.
    async fn catch_up(&mut self) -> Result<(), End> {
        let (mut after, mut horizon, mut failed) = (None, None, 0);
        loop {
            self.may_go_on()?;
            let (filter, from) = (self.filter.clone(), self.next);
            let named = filter.trails.clone();
            let look = move |session: &mut Session<'_>| look(session, &filter, from, after);
            let look = match engine::run(&self.state, &self.caller, named, look).await {
                Ok(look) => look,
                Err(problem) => {
                    tracing::warn!(detail = problem.detail(), "a stream waits");
                    failed += 1;
                    if failed > limits::STREAM_TRIES_MAX {
                        return Err(End::Dropped("the search cannot be answered"));
                    }
                    tokio::time::sleep(limits::STREAM_RETRY).await;
                    continue;
                }
            };
            failed = 0;
            let Some(look) = look else {
                // Part of the log is being indexed; going on without it would leave a gap.
                self.send(keep_alive(self.next)).await?;
                tokio::time::sleep(limits::STREAM_RETRY).await;
                continue;
            };
            for chunk in look.chunks {
                self.send(chunk).await?;
            }
            self.next = look.sent.map_or(self.next, |sent| self.next.max(sent + 1));
            // A cursor goes on within what the first of these looks saw.
            let end = *horizon.get_or_insert(look.end);
            after = look.after;
            if after.is_none() {
                self.next = self.next.max(end);
                return Ok(());
            }
        }
    }

    fn may_go_on(&self) -> Result<(), End> {
        if *self.stopping.borrow() || Instant::now() >= self.ends {
            return Err(End::Over);
        }
        // What is not searchable yet is not the client's fault.
        let lag = self.ticks.borrow().saturating_sub(self.next);
        if lag > self.lag_max {
            return Err(End::Dropped("you were too slow"));
        }
        self.still_admitted()
    }

    /// Whose key was revoked, or has expired, sees nothing more.
    fn still_admitted(&self) -> Result<(), End> {
        if self.state.still_admits(&self.caller) { Ok(()) } else { Err(End::Over) }
    }

    async fn send(&mut self, chunk: Bytes) -> Result<(), End> {
        self.spoke = Instant::now();
        hand_over(&self.sender, chunk).await
    }
}

/// Hands a chunk to the connection, and gives up on one that takes nothing.
async fn hand_over(sender: &mpsc::Sender<Bytes>, chunk: Bytes) -> Result<(), End> {
    match timeout(limits::STREAM_PATIENCE, sender.send(chunk)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Over),
        Err(_) => Err(End::Dropped("you took nothing for too long")),
    }
}

/// The next events from this place on. `None` while some of them cannot be found, as they are being indexed.
fn look(
    session: &mut Session<'_>,
    filter: &Filter,
    from: u64,
    after: Option<Cursor>,
) -> Result<Option<Look>, Fault> {
    let end = session.snapshot.end.0.max(from);
    if session.snapshot.missing > 0 && searchable(session, from, end) < end - from {
        return Ok(None);
    }
    let want = PageAsk {
        order: Order::Oldest,
        limit: limits::STREAM_EVENTS,
        after,
        from_pos: Some(from),
        ..PageAsk::default()
    };
    let page = session.page(&filter.query, &want)?;
    let mut chunks = Chunks::default();
    for alarm in AlarmShown::all(session, page.alarms) {
        chunks.alarm(&alarm)?;
    }
    for found in &page.records {
        chunks.event(found.record.pos.0, &Event::of(found)?);
    }
    let sent = page.records.last().map(|found| found.record.pos.0);
    Ok(Some(Look { chunks: chunks.finish(), sent, end, after: page.next }))
}

/// How many records at these places can be found.
fn searchable(session: &Session<'_>, from: u64, end: u64) -> u64 {
    let rows = session.snapshot.units.iter().map(|unit| {
        let row_at = |index: &dyn Index, pos| index.row_at(pos).min(unit.rows());
        unit.with_index(|index| row_at(index, end).saturating_sub(row_at(index, from)))
    });
    rows.map(u64::from).sum()
}

#[cfg(test)]
#[path = "stream/tests.rs"]
mod tests;
