//! An export from its beginning to its end.

use std::sync::Arc;

use bytes::Bytes;
use indelible_event::EventId;
use indelible_log::hex;
use indelible_log::record::{Seq, TrailNo};
use indelible_store::bundle_limits::BUNDLE_EVENTS_MAX;
use indelible_store::{Bundle, BundleAbout, Found, MadeBy, StoreError, last_of_each};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::ask::{Ask, Format};
use super::body::Piece;
use super::encode::{Encoder, Evidence, Spool};
use super::pages::Pages;
use super::tickets::Ticket;
use super::told::{self, Outcome};
use crate::append::published;
use crate::auth::Caller;
use crate::limits::PUBLISHED_WAIT;
use crate::problem::Problem;
use crate::read::engine::Turn;
use crate::read::limits;
use crate::state::AppState;

/// An export under way.
pub(super) struct Export {
    source: Option<Source>,
    to: Sink,
    of: Option<u64>,
    /// The event that tells of it.
    begun: Option<EventId>,
    _place: Turn,
}

/// Where its bytes come from.
enum Source {
    /// Whatever matches.
    Pages(Box<Paged>),
    Bundle(Box<Evidence>),
}

/// Records, of which the first page is there.
struct Paged {
    pages: Pages,
    first: Option<Vec<Found>>,
    encoder: Encoder,
    /// What stands before all of them.
    head: Vec<u8>,
}

/// Where its bytes go.
struct Sink {
    state: AppState,
    caller: Caller,
    sender: mpsc::Sender<Piece>,
    ticket: Ticket,
    hash: Sha256,
    events: u64,
    bytes: u64,
    manifest_sha256: Option<[u8; 32]>,
}

/// Why an export ends before its end.
enum Broken {
    /// The client has gone.
    Gone,
    /// The node stops.
    Stopping,
    /// The credential is good no more.
    Refused,
    /// As said.
    Failed(Problem),
}

impl From<Problem> for Broken {
    fn from(problem: Problem) -> Broken {
        Broken::Failed(problem)
    }
}

impl Broken {
    fn told(&self) -> (&'static str, &str) {
        match self {
            Broken::Gone => ("client_gone", "the client went away"),
            Broken::Stopping => ("stopping", "the node stopped"),
            Broken::Refused => ("refused", "the credential was revoked or has expired"),
            Broken::Failed(problem) => (problem.kind(), problem.detail()),
        }
    }
}

impl Export {
    /// Looks for the first events, or for all that go into a bundle, and records that it begins: what can be refused
    /// is refused here, before anything leaves.
    pub async fn begin(
        state: AppState,
        caller: Caller,
        ask: Ask,
        sender: mpsc::Sender<Piece>,
        ticket: Ticket,
        place: Turn,
    ) -> Result<Export, Problem> {
        let prepared = prepare(&state, &caller, Arc::new(ask)).await;
        let (source, of, begun) =
            prepared.inspect_err(|problem| ticket.failed(problem.detail()))?;
        ticket.of(of);
        let (hash, events, bytes, manifest_sha256) = (Sha256::new(), 0, 0, None);
        let to = Sink { state, caller, sender, ticket, hash, events, bytes, manifest_sha256 };
        Ok(Export { source: Some(source), to, of, begun, _place: place })
    }

    /// How many events it will have, if that is known.
    pub fn of(&self) -> Option<u64> {
        self.of
    }

    /// Hands everything to the connection, and records how that ended. Only what is whole is ended well.
    pub async fn run(mut self) {
        let (sender, mut stopping) = (self.to.sender.clone(), self.to.state.stopping());
        let source = self.source.take().expect("it runs once");
        let ended = tokio::select! {
            ended = send_all(&mut self.to, source) => ended,
            () = sender.closed() => Err(Broken::Gone),
            _ = stopping.wait_for(|stopping| *stopping) => Err(Broken::Stopping),
        };
        let to = self.to;
        // The connection has taken everything when all places of the channel are free again.
        let ended = match ended {
            Ok(()) => sender.reserve_many(limits::EXPORT_PIECES).await.map_err(|_| Broken::Gone),
            Err(broken) => Err(broken),
        };
        let error = ended.as_ref().err().map(Broken::told);
        let sha256 = error.is_none().then(|| hex::encode(&to.hash.finalize()));
        let manifest_sha256 = to.manifest_sha256.map(|sum| hex::encode(&sum));
        let (events, bytes) = (to.events, to.bytes);
        match error {
            None => to.ticket.done(),
            Some((_, why)) => to.ticket.failed(why),
        }
        if let Some(begun) = self.begun {
            let outcome = Outcome { events, bytes, sha256, manifest_sha256, error };
            told::ended(&to.state, &to.caller, begun, outcome).await;
        }
        if let Ok(mut places) = ended
            && let Some(place) = places.next()
        {
            place.send(Piece::End);
        }
    }
}

async fn prepare(
    state: &AppState,
    caller: &Caller,
    ask: Arc<Ask>,
) -> Result<(Source, Option<u64>, Option<EventId>), Problem> {
    let mut pages = Pages::new(state, caller, ask.clone()).await?;
    if ask.format == Format::Bundle {
        return prepare_bundle(state, caller, &ask, pages).await;
    }
    let first = pages.next(state, caller).await?;
    let of = if first.is_none() { Some(0) } else { pages.of };
    let (encoder, head) = Encoder::new(&ask, &state.reader().node().origin)?;
    let begun = told::begins(state, caller, &ask, of).await?;
    Ok((Source::Pages(Box::new(Paged { pages, first, encoder, head })), of, begun))
}

/// Finds all that goes into a bundle, and waits until it is published.
async fn prepare_bundle(
    state: &AppState,
    caller: &Caller,
    ask: &Ask,
    mut pages: Pages,
) -> Result<(Source, Option<u64>, Option<EventId>), Problem> {
    let mut places: Vec<(TrailNo, Seq)> = Vec::new();
    while let Some(records) = pages.next(state, caller).await? {
        places.extend(records.iter().map(|found| (found.record.trail, found.record.seq)));
        if places.len() > BUNDLE_EVENTS_MAX {
            let detail = format!(
                "a bundle holds at most {BUNDLE_EVENTS_MAX} events, and more match; narrow the query, or split it by time"
            );
            return Err(Problem::too_large(detail).with("events_max", BUNDLE_EVENTS_MAX));
        }
    }
    wait_published(state, &places).await?;
    let of = Some(places.len() as u64);
    let spool = Spool::default();
    let about = BundleAbout {
        made_at: state.now().to_string(),
        made_by: MadeBy {
            credential: caller.id.to_string(),
            name: caller.subject.as_ref().or(caller.name.as_ref()).map(ToString::to_string),
        },
        recorded_as: None,
        query: ask.query(),
        order: ask.order_name().into(),
    };
    let (redact, out) = (ask.redact.clone(), spool.clone());
    let bundle = state.read(move |state| {
        Bundle::new(state.reader(), out, about, places, redact).map_err(unpublished)
    });
    let mut bundle = bundle.await?;
    let begun = told::begins(state, caller, ask, of).await?;
    bundle.recorded_as(begun.map(|id| id.to_string()));
    Ok((Source::Bundle(Box::new(Evidence { bundle, spool })), of, begun))
}

/// Waits until all of it is published, but not for ever, and not where nobody publishes.
async fn wait_published(state: &AppState, places: &[(TrailNo, Seq)]) -> Result<(), Problem> {
    if state.is_local() {
        return Ok(());
    }
    let all = async {
        for (no, seq) in last_of_each(places) {
            let trail = state.reader().view().trail(no).map_err(StoreError::from)?;
            published(state, &trail, seq).await?;
        }
        Ok(())
    };
    // What is not covered by then is refused by name.
    tokio::time::timeout(PUBLISHED_WAIT, all).await.unwrap_or(Ok(()))
}

fn unpublished(error: StoreError) -> Problem {
    match error {
        StoreError::NotFound(why) => {
            let detail = format!("a bundle is of published events, try again in a moment: {why}");
            Problem::conflict("not-published", detail)
        }
        error => error.into(),
    }
}

async fn send_all(to: &mut Sink, source: Source) -> Result<(), Broken> {
    match source {
        Source::Bundle(evidence) => send_bundle(to, evidence).await,
        Source::Pages(paged) => {
            let Paged { mut pages, mut first, mut encoder, head } = *paged;
            to.send(head).await?;
            loop {
                let records = match first.take() {
                    Some(records) => Some(records),
                    None => pages.next(&to.state, &to.caller).await?,
                };
                let Some(records) = records else { break };
                let count = records.len() as u64;
                let encoded = blocking(move || {
                    let bytes = encoder.records(records)?;
                    Ok((encoder, bytes))
                });
                let bytes;
                (encoder, bytes) = encoded.await?;
                to.events += count;
                to.send(bytes).await?;
            }
            to.send(blocking(move || encoder.finish()).await?).await
        }
    }
}

async fn send_bundle(to: &mut Sink, mut evidence: Box<Evidence>) -> Result<(), Broken> {
    loop {
        let state = to.state.clone();
        let step;
        (evidence, step) = blocking(move || {
            let step = evidence.step(&state)?;
            Ok((evidence, step))
        })
        .await?;
        let Some((events, bytes)) = step else { break };
        to.events = events;
        to.send(bytes).await?;
    }
    let state = to.state.clone();
    let (bytes, sum) = blocking(move || evidence.finish(&state)).await?;
    to.manifest_sha256 = Some(sum);
    to.send(bytes).await
}

/// Work that takes its time, off the threads that serve.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Problem::internal("making the export broke off")))
}

impl Sink {
    /// Hands bytes over, as fast as they are taken.
    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), Broken> {
        if !self.state.still_admits(&self.caller) {
            return Err(Broken::Refused);
        }
        self.hash.update(&bytes);
        let mut left = Bytes::from(bytes);
        while !left.is_empty() {
            let piece = left.split_to(left.len().min(limits::EXPORT_PIECE_BYTES));
            let len = piece.len() as u64;
            self.sender.send(Piece::Bytes(piece)).await.map_err(|_| Broken::Gone)?;
            self.bytes += len;
        }
        self.ticket.sent(self.events, self.bytes);
        Ok(())
    }
}
