//! The records of an export, a page at a time, all as they were at its beginning.

use std::sync::Arc;

use indelible_event::TrailName;
use indelible_index::query::Expr;
use indelible_index::search::{Cursor, Order, PageAsk, StatsAsk};
use indelible_log::record::Seq;
use indelible_store::{Found, StoreError};

use super::ask::{Ask, Seqs};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::read::engine::{self, Fault, Session};
use crate::read::filter::Filter;
use crate::read::limits;
use crate::state::AppState;

/// Goes through what matches.
pub(super) struct Pages {
    ask: Arc<Ask>,
    /// The trails that counted in the beginning; a cursor is only good for the same ones.
    trails: Option<Vec<TrailName>>,
    /// All that was durable before it is there from the first page on.
    durable: u64,
    from_pos: Option<u64>,
    after: Option<Cursor>,
    begun: bool,
    ended: bool,
    /// How many match, once the first page is there and if it was cheap to know.
    pub of: Option<u64>,
}

/// What one look found.
enum Look {
    Page {
        records: Vec<Found>,
        next: Option<Cursor>,
        of: Option<u64>,
    },
    /// Some records cannot be found for now, as they are being indexed.
    Missing,
    /// A record that does not match its leaf, or cannot be read.
    Alarm(String),
}

impl Pages {
    pub async fn new(state: &AppState, caller: &Caller, ask: Arc<Ask>) -> Result<Pages, Problem> {
        let durable = state.reader().view().next_pos().0;
        let bound = || caller.readable(state).iter().map(|t| t.info.name.clone()).collect();
        let trails = ask.filter.trails.clone().or_else(|| caller.trails.is_some().then(bound));
        let from_pos = match ask.seqs.clone() {
            Some(seqs) => state.read(move |state| from_pos(state, &seqs)).await?,
            None => Some(0),
        };
        let (after, begun, ended) = (None, false, from_pos.is_none());
        Ok(Pages { ask, trails, durable, from_pos, after, begun, ended, of: None })
    }

    /// The next records; `None` after the last. Where the search has no time or is being mended, it is tried again.
    pub async fn next(
        &mut self,
        state: &AppState,
        caller: &Caller,
    ) -> Result<Option<Vec<Found>>, Problem> {
        let mut failed = 0;
        while !self.ended {
            let why = match self.look(state, caller).await {
                Ok(Look::Page { records, next, of }) => {
                    (self.after, self.ended) = (next, next.is_none());
                    if !std::mem::replace(&mut self.begun, true) {
                        self.of = of;
                    }
                    return Ok(Some(self.within(records)));
                }
                Ok(Look::Alarm(alarm)) => return Err(Problem::internal(alarm)),
                Ok(Look::Missing) => Problem::unavailable("some records are being indexed", 5),
                Err(problem) if problem.status().as_u16() == 503 => problem,
                Err(problem) => return Err(problem),
            };
            failed += 1;
            if failed > limits::EXPORT_TRIES_MAX {
                return Err(why);
            }
            tokio::time::sleep(limits::EXPORT_RETRY).await;
        }
        Ok(None)
    }

    async fn look(&self, state: &AppState, caller: &Caller) -> Result<Look, Problem> {
        let want = PageAsk {
            order: self.ask.order,
            limit: limits::EXPORT_EVENTS,
            after: self.after,
            from_pos: self.from_pos,
            ..PageAsk::default()
        };
        let (ask, durable, counts) = (self.ask.clone(), self.durable, !self.begun);
        let work = move |session: &mut Session<'_>| look(session, &ask, &want, durable, counts);
        engine::run(state, caller, self.trails.clone(), work).await
    }

    /// Those of the part of the trail that is asked for.
    fn within(&mut self, mut records: Vec<Found>) -> Vec<Found> {
        if let Some(Seqs { range, .. }) = &self.ask.seqs {
            let (first, last) = (range.start(), range.end());
            // Seqs of one trail rise with its places in the log.
            self.ended |= records.last().is_some_and(|found| match self.ask.order {
                Order::Oldest => found.record.seq.0 >= *last,
                Order::Newest => found.record.seq.0 <= *first,
            });
            records.retain(|found| range.contains(&found.record.seq.0));
        }
        records
    }
}

/// Where in the log a part of a trail begins; `None` if the trail is shorter.
fn from_pos(state: &AppState, seqs: &Seqs) -> Result<Option<u64>, Problem> {
    let reader = state.reader();
    let first = Seq(*seqs.range.start());
    let trail = match reader.trail(&seqs.trail) {
        Ok(trail) => trail,
        Err(StoreError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if first.0 >= trail.size.0 {
        return Ok(None);
    }
    let records = reader.read(trail.info.no, &[first])?;
    Ok(records.first().map(|record| record.pos.0))
}

fn look(
    session: &mut Session<'_>,
    ask: &Ask,
    want: &PageAsk,
    durable: u64,
    counts: bool,
) -> Result<Look, Fault> {
    if session.snapshot.missing > 0 || session.snapshot.end.0 < durable {
        return Ok(Look::Missing);
    }
    let page = session.page(&ask.filter.query, want)?;
    if let Some(alarm) = page.alarms.first() {
        tracing::error!(pos = alarm.pos, message = alarm.message, "an export is broken off");
        let said = alarm.message.strip_prefix("alarm: ").unwrap_or(&alarm.message);
        return Ok(Look::Alarm(format!("ALARM: {said}")));
    }
    let of =
        if counts { count(session, ask, page.records.len(), page.next.is_some())? } else { None };
    Ok(Look::Page { records: page.records, next: page.next, of })
}

/// Whether it is about trails and nothing else.
fn is_trail(filter: &Filter) -> bool {
    matches!(filter.query.expr, Expr::All)
}

/// How many match at this moment, within what is left of one request's budget.
fn count(
    session: &mut Session<'_>,
    ask: &Ask,
    first: usize,
    more: bool,
) -> Result<Option<u64>, Fault> {
    if let Some(Seqs { trail, range }) = &ask.seqs {
        // Without an end of its own it goes on to where this moment found the trail, which nobody counted.
        let size = session.state.reader().trail(trail).map_or(0, |trail| trail.size.0);
        let whole = is_trail(&ask.filter) && *range.end() < size;
        return Ok(whole.then(|| range.end() - range.start() + 1));
    }
    if !more {
        return Ok(Some(first as u64));
    }
    let want = StatsAsk { facets: &[], top: 0, histogram: None };
    let stats = session.stats(&ask.filter.query, &want)?;
    let sure = stats.total.exact && stats.incomplete.is_none() && stats.alarms.is_empty();
    Ok(sure.then_some(stats.total.value))
}
