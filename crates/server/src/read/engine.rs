//! Runs a search off the threads that serve: when it is its turn, from one snapshot, within one budget.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indelible_event::{EventId, Micros, TrailName};
use indelible_index::Facet;
use indelible_index::limits::{CHECKED_BYTES_MAX, CHECKED_ROWS_MAX, QUERY_MICROS_MAX};
use indelible_index::query::Query;
use indelible_index::search::{
    self, Access, Ask, Budget, Page, PageAsk, Referred, SearchError, Sources, SourcesAsk, Stats,
    StatsAsk,
};
use indelible_log::record::TrailNo;
use indelible_store::{Found, Snapshot, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::limits;
use super::shown::Incomplete;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// What all reads of a node share.
pub(crate) struct Reading {
    /// Turns of searches.
    searches: Arc<Turns>,
    /// Places of live streams.
    pub(super) streams: Arc<Turns>,
    /// The turn of streams that send, one at a time.
    pub(super) outgoing: Mutex<()>,
    /// Places of exports.
    pub(super) exports: Arc<Turns>,
    /// How far exports are that somebody asks after.
    pub(super) tickets: Arc<super::export::Tickets>,
    /// Tells all streams how far the log is searchable; there is one as long as there is a stream.
    pub(super) ticks: Mutex<Option<Arc<watch::Sender<u64>>>>,
}

impl Default for Reading {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Reading {
            searches: Arc::new(Turns::new(cores * limits::SEARCHES_PER_CORE)),
            streams: Arc::new(Turns::new(limits::STREAMS_MAX)),
            outgoing: Mutex::default(),
            exports: Arc::new(Turns::new(limits::EXPORTS_MAX)),
            tickets: Arc::default(),
            ticks: Mutex::new(None),
        }
    }
}

/// Turns of searches, places of streams and of exports. A credential has a share of them, so that whoever asks for
/// much at once waits for itself: of those under way and of those first in line, half are somebody else's, or free.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    share: usize,
    /// The shares of credentials that have something under way or in line.
    shares: Mutex<HashMap<Arc<str>, Arc<Semaphore>>>,
}

impl Turns {
    fn new(turns: usize) -> Turns {
        let share = (turns / limits::SHARE_OF).max(1);
        Turns { all: Arc::new(Semaphore::new(turns)), share, shares: Mutex::default() }
    }

    fn share_of(&self, credential: &Arc<str>) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().expect("nothing panics while holding the shares");
        let new = || Arc::new(Semaphore::new(self.share));
        shares.entry(credential.clone()).or_insert_with(new).clone()
    }

    /// A turn, if a credential's share and all have one left.
    pub(super) fn try_take(self: Arc<Turns>, credential: &Arc<str>) -> Option<Turn> {
        let (share, all) = (self.share_of(credential), self.all.clone());
        let own = share.clone().try_acquire_owned();
        let (credential, share) = (credential.clone(), Some(share));
        let mut turn = Turn { turns: self, credential, share, permits: None };
        turn.permits = Some((own.ok()?, all.try_acquire_owned().ok()?));
        Some(turn)
    }

    /// Waits for a turn of a credential's own share, and then for one of all.
    async fn take(self: Arc<Turns>, credential: &Arc<str>) -> Turn {
        let share = self.share_of(credential);
        // From here on, so that whoever gives up waiting leaves nothing behind.
        let all = self.all.clone();
        let own = share.clone().acquire_owned();
        let (credential, share) = (credential.clone(), Some(share));
        let mut turn = Turn { turns: self, credential, share, permits: None };
        let own = own.await.expect("a share is never closed");
        let one = all.acquire_owned().await.expect("the turns are never closed");
        turn.permits = Some((own, one));
        turn
    }
}

/// A turn, or a place in the line for one. It ends when it is dropped.
pub(super) struct Turn {
    turns: Arc<Turns>,
    credential: Arc<str>,
    /// Until it ends.
    share: Option<Arc<Semaphore>>,
    permits: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.permits = None;
        let shares = self.turns.shares.lock();
        let mut shares = shares.expect("nothing panics while holding the shares");
        // While the table is locked, so that of two that end at once the second sees that it is the last.
        self.share = None;
        if shares.get(&self.credential).is_some_and(|share| Arc::strong_count(share) == 1) {
            shares.remove(&self.credential);
        }
    }
}

/// Why a search has no answer.
pub(super) enum Fault {
    /// As the caller is told.
    Problem(Problem),
    /// As the engine says it.
    Search(SearchError),
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Fault {
        Fault::Problem(problem)
    }
}

impl From<SearchError> for Fault {
    fn from(error: SearchError) -> Fault {
        Fault::Search(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        Fault::Problem(error.into())
    }
}

/// What a search may see: the records at one moment, of the trails that the caller may read, at a price.
pub(super) struct Session<'a> {
    pub state: &'a AppState,
    pub snapshot: Snapshot,
    /// The trails that may be read and named: number and name.
    trails: Vec<(u32, TrailName)>,
    access: Access,
    budget: Budget<'a>,
}

impl Session<'_> {
    /// A page of what matches.
    pub fn page(&mut self, query: &Query, want: &PageAsk) -> Result<Page<Found>, SearchError> {
        let trails = names(&self.trails);
        let ask = Ask { query, access: &self.access, trails: &trails };
        search::page(&self.snapshot.units, &ask, want, &mut self.budget)
    }

    /// Counts of what matches.
    pub fn stats(&mut self, query: &Query, want: &StatsAsk<'_>) -> Result<Stats, SearchError> {
        let trails = names(&self.trails);
        let ask = Ask { query, access: &self.access, trails: &trails };
        search::stats(&self.snapshot.units, &ask, want, &mut self.budget)
    }

    /// The numbers of sources.
    pub fn sources(&mut self, want: &SourcesAsk<'_>) -> Result<Sources, SearchError> {
        search::sources(&self.snapshot.units, &self.access, want, &mut self.budget)
    }

    /// Which of these records one that matches refers to.
    pub fn referred(
        &mut self,
        query: &Query,
        of: BTreeSet<(u32, EventId)>,
        near: u64,
    ) -> Result<Referred, SearchError> {
        let trails = names(&self.trails);
        let ask = Ask { query, access: &self.access, trails: &trails };
        search::referred(&self.snapshot.units, &ask, of, near, &mut self.budget)
    }

    /// The bound that is met, if one is.
    pub fn met(&self) -> Option<search::Met> {
        self.budget.met()
    }

    /// The numbers of those of these trails that may be read.
    pub fn trail_numbers(&self, names: &[TrailName]) -> BTreeSet<u32> {
        let named = self.trails.iter().filter(|(_, name)| names.contains(name));
        named.map(|(number, _)| *number).collect()
    }

    /// The values of a facet that begin so.
    pub fn suggest(
        &mut self,
        facet: Facet,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<(String, u64)>, SearchError> {
        let (units, budget) = (&self.snapshot.units, &mut self.budget);
        search::suggest(units, &self.access, facet, prefix, limit, budget)
    }

    /// From here on, only this trail counts.
    pub fn narrow(&mut self, trail: TrailNo) {
        self.access = match self.access.allows(trail.0) {
            true => Access::Trails(BTreeSet::from([trail.0])),
            false => Access::Trails(BTreeSet::new()),
        };
    }

    /// The name of a trail that may be read.
    pub fn trail_name(&self, number: u32) -> Option<&TrailName> {
        self.trails.iter().find(|(of, _)| *of == number).map(|(_, name)| name)
    }

    /// What cannot be found at all for now, or else the bound that was met.
    pub fn incomplete(&self, met: Option<search::Met>) -> Option<Incomplete> {
        Incomplete::of(self.snapshot.missing, met)
    }
}

fn names(trails: &[(u32, TrailName)]) -> Vec<(u32, &str)> {
    trails.iter().map(|(number, name)| (*number, name.as_str())).collect()
}

/// Runs `work` on a thread where it may block. `named` narrows what the caller may read to these trails. Where an
/// index turns out damaged it is thrown away, and the work done once more without it.
pub(super) async fn run<T: Send + 'static>(
    state: &AppState,
    caller: &Caller,
    named: Option<Vec<TrailName>>,
    work: impl Fn(&mut Session<'_>) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Problem> {
    let busy = || Problem::unavailable("too many searches at once", 1);
    let asked_at = state.now();
    let turn = state.reading().searches.clone().take(&caller.id);
    let wait = Duration::from_micros(limits::TURN_WAIT_MICROS_MAX.unsigned_abs());
    let turn = tokio::time::timeout(wait, turn).await.map_err(|_| busy())?;
    let waited = state.now().0.saturating_sub(asked_at.0).max(0);
    let gone = Gone::default();
    let (state, caller, is_gone) = (state.clone(), caller.clone(), gone.0.clone());
    let done = tokio::task::spawn_blocking(move || {
        // Nobody waits for the answer any more: the time is over at once.
        let clock = || match is_gone.load(Ordering::Relaxed) {
            true => Micros(i64::MAX),
            false => state.now(),
        };
        let left = QUERY_MICROS_MAX.saturating_sub(waited).max(0);
        let budget = || Budget::with(CHECKED_ROWS_MAX, CHECKED_BYTES_MAX, left, &clock);
        let result = attempt(&state, &caller, named.as_deref(), &budget, work);
        drop(turn);
        result
    });
    let result = done.await.unwrap_or_else(|_| Err(Problem::internal("the search broke off")));
    drop(gone);
    result
}

/// Set when whoever asked has gone.
#[derive(Default)]
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` on this thread, which may block.
pub(super) fn attempt<'a, T>(
    state: &'a AppState,
    caller: &Caller,
    named: Option<&[TrailName]>,
    budget: &dyn Fn() -> Budget<'a>,
    work: impl Fn(&mut Session<'_>) -> Result<T, Fault>,
) -> Result<T, Problem> {
    let index = state.reader().search()?;
    for _ in 0..limits::ATTEMPTS_MAX {
        let snapshot = index.snapshot();
        let (trails, access) = readable(state, caller, named);
        let mut session = Session { state, snapshot, trails, access, budget: budget() };
        match work(&mut session) {
            Ok(answer) => return Ok(answer),
            Err(Fault::Problem(problem)) => return Err(problem),
            Err(Fault::Search(SearchError::Index { unit, error })) => {
                tracing::error!(%error, "an index is damaged, and is made again");
                if let Some(unit) = session.snapshot.units.get(unit) {
                    index.damaged(unit);
                }
            }
            Err(Fault::Search(error)) => return Err(refused(&error)),
        }
    }
    Err(Problem::unavailable("an index is damaged, and is being made again", 5))
}

/// The trails that count, and what that means to the engine. Names that do not exist yet match nothing.
fn readable(
    state: &AppState,
    caller: &Caller,
    named: Option<&[TrailName]>,
) -> (Vec<(u32, TrailName)>, Access) {
    let readable = caller.readable(state);
    let wanted = |name: &TrailName| named.is_none_or(|named| named.contains(name));
    let trails = readable.into_iter().filter(|trail| wanted(&trail.info.name));
    let trails: Vec<(u32, TrailName)> =
        trails.map(|trail| (trail.info.no.0, trail.info.name.clone())).collect();
    let all = named.is_none() && caller.trails.is_none() && caller.may_read(&TrailName::system());
    let access = match all {
        true => Access::All,
        false => Access::Trails(trails.iter().map(|(number, _)| *number).collect()),
    };
    (trails, access)
}

/// What the engine says of a request that cannot be answered.
fn refused(error: &SearchError) -> Problem {
    let parameter = match error {
        SearchError::Cursor(_) => "cursor",
        SearchError::Skip(_) => "page",
        SearchError::Interval | SearchError::Buckets(_) => "interval",
        SearchError::Index { .. } => return Problem::internal(error.to_string()),
    };
    Problem::bad_parameter(parameter, error.to_string())
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
