//! What a review shows: who failed to log in, what admins did, what was exported, what became of the audit system.
//!
//! By `recorded_at`: so each record is in one review, and what comes late is in the one of the day on which it came.

use std::collections::BTreeMap;

use indelible_event::{EventId, Micros};
use indelible_index::Facet;
use indelible_index::limits::PAGE_EVENTS_MAX;
use indelible_index::query::parse;
use indelible_index::search::{Order, PageAsk, Record as _, StatsAsk};
use indelible_keep::deed;
use indelible_store::Found;
use indelible_watch::book::Alert;
use indelible_watch::limits::REVIEW_EVENTS_MAX;
use serde::Serialize;

use super::engine::{self, Fault, Session};
use super::limits;
use super::shown::{AlarmShown, Event, ValueCount};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// One kind of thing that happened.
pub(crate) struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    query: &'static str,
    /// Whose most frequent values are shown; `None` for the rules that alerts are of, which are no facet.
    top: Option<Facet>,
}

/// Alerts that were opened.
pub(crate) const OPENED: &str = "trail:_system action:alert.open";

/// All kinds, in the order in which they are shown. What was begun is counted, and not once more as it ended.
pub(crate) const KINDS: [Kind; 5] = [
    Kind { name: "alerts", title: "Alerts", query: OPENED, top: None },
    Kind {
        name: "failed_logins",
        title: "Failed logins",
        query: "category:login_failed OR (category:login OR category:authentication OR action:*login* OR action:*signin* \
                OR action:*sign_in*) (outcome:failure OR outcome:denied OR outcome:error)",
        top: Some(Facet::Actor),
    },
    Kind {
        name: "admin_actions",
        title: "What admins did",
        query: "-trail:_system -phase:outcome (category:admin_action OR category:config_change OR category:user_created \
                OR (-category:permission_denied -category:authorization (action:*privilege* OR action:*permission* \
                OR action:*role* OR action:*grant* OR action:*revoke*)))",
        top: Some(Facet::Action),
    },
    Kind {
        name: "exports",
        title: "Exports",
        query: "action:*export* -phase:outcome",
        top: Some(Facet::Actor),
    },
    Kind {
        name: "audit_changes",
        title: "Changes to the audit system",
        query: "trail:_system -phase:outcome -action:alert.* -action:search.* (category:config_change \
                OR category:admin_action OR action:rules.* OR action:node.* OR action:log.* OR action:trail.create \
                OR action:system.loss)",
        top: Some(Facet::Action),
    },
];

/// What was found of a kind.
#[derive(Serialize)]
pub(crate) struct Section {
    /// Its name.
    pub name: &'static str,
    title: &'static str,
    /// How many there are.
    pub count: u64,
    /// What finds all of them.
    query: String,
    /// The most frequent values.
    pub top: Vec<ValueCount>,
    /// The newest.
    events: Vec<Event>,
    /// Their ids.
    #[serde(skip)]
    pub ids: Vec<EventId>,
    /// The trails that they are of.
    #[serde(skip)]
    pub trails: Vec<String>,
    /// Records that do not match their leaf: they are counted, and not shown.
    alarms: Vec<AlarmShown>,
    /// The alerts themselves, where it is about alerts, and as far as they are at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Vec<Alert>>,
}

/// The same, of a stretch of time.
fn within(query: &str, from: Micros, to: Micros) -> String {
    format!("created:>={from} created:<{to} ({query})")
}

/// What was found of all kinds from a moment up to another. Each has the budget of a search.
pub(crate) async fn sections(
    state: &AppState,
    caller: &Caller,
    (from, to): (Micros, Micros),
) -> Result<Vec<Section>, Problem> {
    let mut sections = Vec::with_capacity(KINDS.len());
    for kind in &KINDS {
        let query = within(kind.query, from, to);
        let of = move |session: &mut Session<'_>| section(session, kind, &query);
        sections.push(engine::run(state, caller, None, of).await?);
    }
    Ok(sections)
}

fn section(session: &mut Session<'_>, kind: &Kind, text: &str) -> Result<Section, Fault> {
    let query = parse(text, session.state.now());
    let query = query.map_err(|e| Problem::internal(format!("{}: {}", kind.name, e.message)))?;
    let top = limits::TOP as usize;
    let want = StatsAsk { facets: kind.top.as_slice(), top, histogram: None };
    let stats = session.stats(&query, &want)?;
    let limit = if kind.top.is_some() { REVIEW_EVENTS_MAX } else { PAGE_EVENTS_MAX };
    let want = PageAsk { order: Order::Newest, limit, ..PageAsk::default() };
    let mut page = session.page(&query, &want)?;
    if session.incomplete(stats.incomplete.or(page.incomplete)).is_some() || !stats.total.exact {
        // Half of it must not be signed as if it were all.
        let detail = "not everything could be looked at in the time of one request; try again";
        return Err(Problem::unavailable(detail, 5).into());
    }
    let values = match kind.top {
        Some(_) => stats.facets.into_iter().flat_map(|of| of.values).collect(),
        None => rules(&page.records, top),
    };
    page.records.truncate(REVIEW_EVENTS_MAX);
    let mut trails: Vec<String> =
        page.records.iter().map(|found| found.trail.name.to_string()).collect();
    trails.sort_unstable();
    trails.dedup();
    Ok(Section {
        name: kind.name,
        title: kind.title,
        count: stats.total.value,
        query: text.to_owned(),
        top: ValueCount::all(values),
        events: Event::all(&page.records)?,
        ids: page.records.iter().map(|found| found.doc().entry.id).collect(),
        trails,
        alarms: AlarmShown::all(session, page.alarms),
        alerts: None,
    })
}

/// The rules that these alerts are of, the most frequent first, by their titles.
fn rules(opened: &[Found], top: usize) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for found in opened {
        let title = deed::details(&found.record)["rule"]["title"].as_str().map(str::to_owned);
        *counts.entry(title.unwrap_or_default()).or_default() += 1;
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.truncate(top);
    counts
}

/// How many alerts were opened in each of these stretches of time.
pub(crate) async fn opened(
    state: &AppState,
    caller: &Caller,
    spans: Vec<(Micros, Micros)>,
) -> Result<Vec<u64>, Problem> {
    engine::run(state, caller, None, move |session| {
        let now = session.state.now();
        let mut counts = Vec::with_capacity(spans.len());
        for (from, to) in &spans {
            let query = parse(&within(OPENED, *from, *to), now);
            let query = query.map_err(|e| Problem::internal(e.message))?;
            let want = StatsAsk { facets: &[], top: 0, histogram: None };
            counts.push(session.stats(&query, &want)?.total.value);
        }
        Ok(counts)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_queries_can_be_read() {
        for kind in &KINDS {
            let text = within(kind.query, Micros(0), Micros(86_400_000_000));
            parse(&text, Micros(0))
                .unwrap_or_else(|e| panic!("{}: {}", kind.name, e.render(&text)));
        }
    }
}
