//! What recorders say themselves that they lost.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use indelible_event::Source;
use indelible_index::Field;
use indelible_index::limits::PAGE_EVENTS_MAX;
use indelible_index::query::{Expr, Leaf, Query, Span, Test};
use indelible_index::search::{Met, Order, PageAsk};
use indelible_store::Found;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Window;
use crate::read::engine::{Fault, Session};
use crate::read::limits;
use crate::read::shown::{AlarmShown, Event};

/// The action of the events in which a recorder says what it lost.
const ACTION: &str = "audit.loss";
/// Why something was lost that had got its number before. What was sampled away got none, and of what was cut the
/// event is there: neither explains a missing number.
const TOOK_A_NUMBER: [&str; 3] = ["dropped", "refused", "unsent"];

/// Something lost, and how often.
#[derive(Serialize, ToSchema)]
pub(super) struct LossShown {
    /// The category; empty for events without one.
    event_type: String,
    /// `sampled`, `dropped`, `refused`, `cut` or `unsent`.
    cause: String,
    /// How many.
    count: u64,
}

/// All that was said to be lost.
#[derive(Default)]
pub(super) struct Losses {
    sums: BTreeMap<(String, String), u64>,
    /// What took a number, by source.
    numbered: HashMap<[u8; 16], u64>,
    /// Those that were counted: one that was sent twice lost nothing twice.
    counted: HashSet<Source>,
    /// Events that are to say what was lost, and do not.
    pub unread: u64,
    /// There are more kinds than are told apart.
    pub too_many: bool,
    pub met: Option<Met>,
    pub alarms: Vec<AlarmShown>,
}

#[derive(Deserialize)]
struct LossEvent {
    details: LossDetails,
}

#[derive(Deserialize)]
struct LossDetails {
    losses: Vec<Loss>,
}

#[derive(Deserialize)]
struct Loss {
    #[serde(default)]
    event_type: String,
    cause: String,
    count: u64,
}

impl Losses {
    /// Reads what was said in the window: of these sources, and in these trails where some are named.
    pub fn read(
        session: &mut Session<'_>,
        window: &Window,
        sources: &BTreeSet<[u8; 16]>,
        within: Option<&BTreeSet<u32>>,
    ) -> Result<Losses, Fault> {
        let action = Leaf::Field(Field::Action, Test::Is(ACTION.to_owned()));
        let recorded = Leaf::Recorded(Span { from: window.since, to: None });
        let expr = Expr::all_of(vec![action.into(), recorded.into()]);
        let query = Query { text: String::new(), expr };
        let mut losses = Losses::default();
        let mut after = None;
        loop {
            let want = PageAsk {
                order: Order::Oldest,
                limit: PAGE_EVENTS_MAX,
                after,
                ..PageAsk::default()
            };
            let page = session.page(&query, &want)?;
            losses.alarms.extend(AlarmShown::all(session, page.alarms));
            for found in &page.records {
                let source = found.record.entry().source;
                let own = source.is_some_and(|source| sources.contains(&source.id));
                if own || within.is_none_or(|within| within.contains(&found.record.trail.0)) {
                    losses.take(found, source)?;
                }
            }
            (after, losses.met) = (page.next, page.incomplete);
            if after.is_none() || losses.met.is_some() {
                return Ok(losses);
            }
        }
    }

    fn take(&mut self, found: &Found, source: Option<Source>) -> Result<(), Fault> {
        if source.is_some_and(|source| !self.counted.insert(source)) {
            return Ok(());
        }
        let event = Event::of(found)?;
        let Ok(LossEvent { details }) = serde_json::from_str(event.json()) else {
            self.unread += 1;
            return Ok(());
        };
        for Loss { event_type, cause, count } in details.losses {
            if event_type.len().max(cause.len()) > limits::LOSS_TEXT_BYTES_MAX {
                self.unread += 1;
                continue;
            }
            if let Some(source) = source.filter(|_| TOOK_A_NUMBER.contains(&cause.as_str())) {
                let numbered = self.numbered.entry(source.id).or_default();
                *numbered = numbered.saturating_add(count);
            }
            let full = self.sums.len() >= limits::LOSS_KINDS_MAX;
            let kind = (event_type, cause);
            if full && !self.sums.contains_key(&kind) {
                self.too_many = true;
                continue;
            }
            let sum = self.sums.entry(kind).or_default();
            *sum = sum.saturating_add(count);
        }
        Ok(())
    }

    /// How many numbers a source says it lost.
    pub fn numbered(&self, source: &[u8; 16]) -> u64 {
        self.numbered.get(source).copied().unwrap_or(0)
    }

    /// The sums, the largest first.
    pub fn shown(self) -> Vec<LossShown> {
        let shown = |((event_type, cause), count)| LossShown { event_type, cause, count };
        let mut all: Vec<LossShown> = self.sums.into_iter().map(shown).collect();
        all.sort_by_key(|loss| std::cmp::Reverse(loss.count));
        all
    }
}
