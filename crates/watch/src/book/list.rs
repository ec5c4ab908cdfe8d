//! Alerts that are asked for.

use indelible_event::{EventId, Micros};
use indelible_rules::Level;
use serde::Serialize;

use super::{Alert, AlertDetail, Book, State};

/// Which alerts are asked for. All of it must hold.
#[derive(Clone, Debug, Default)]
pub struct AlertFilter {
    /// In this state.
    pub state: Option<State>,
    /// Of the rule with this id or title.
    pub rule: Option<String>,
    /// This bad, and no other.
    pub level: Option<Level>,
    /// With whom.
    pub assignee: Option<String>,
}

/// Some alerts, in the form of the API.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Listed {
    /// Alerts that nobody has acknowledged.
    pub open: usize,
    /// Alerts that somebody looks at.
    pub acknowledged: usize,
    /// Those that were asked for.
    pub alerts: Vec<Alert>,
    /// What to ask for next.
    pub next: Option<String>,
}

/// A cursor that no answer gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this cursor is not one of ours; leave it out to begin at the newest alert")]
pub struct BadCursor;

impl AlertFilter {
    fn fits(&self, alert: &Alert) -> bool {
        let rule = |rule: &String| *rule == *alert.rule.id || *rule == *alert.rule.title;
        self.state.is_none_or(|state| state == alert.state)
            && self.level.is_none_or(|level| level == alert.rule.level)
            && self.rule.as_ref().is_none_or(rule)
            && self.assignee.as_ref().is_none_or(|who| alert.assignee.as_ref() == Some(who))
    }
}

impl Book {
    /// How many are open, and how many are acknowledged.
    pub fn counts(&self) -> (usize, usize) {
        let of = |id: &EventId| self.alerts.get(id).map(|detail| detail.alert.state);
        let open = self.live.values().filter(|id| of(id) == Some(State::Open)).count();
        (open, self.live.len() - open)
    }

    /// Some of them, newest first, behind the one that a cursor stands for.
    pub fn list(
        &self,
        filter: &AlertFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Listed, BadCursor> {
        let below = cursor.map(place).transpose()?;
        let range = match below {
            Some(below) => self.order.range(..below),
            None => self.order.range(..),
        };
        let all = range.rev().filter_map(|(_, id)| self.alerts.get(id)).map(|one| &one.alert);
        let mut alerts: Vec<&Alert> =
            all.filter(|alert| filter.fits(alert)).take(limit + 1).collect();
        let more = alerts.len() > limit;
        alerts.truncate(limit);
        let next = alerts.last().filter(|_| more);
        let next = next.map(|last| format!("{}.{}", last.opened_at.0, last.id()));
        let (open, acknowledged) = self.counts();
        Ok(Listed { open, acknowledged, alerts: alerts.into_iter().cloned().collect(), next })
    }

    /// Those that were opened within a time, newest first.
    pub fn opened(&self, from: Micros, to: Micros) -> Vec<AlertDetail> {
        let least = EventId::default();
        let range = self.order.range((from, least)..(to.max(from), least));
        range.rev().filter_map(|(_, id)| self.alerts.get(id)).cloned().collect()
    }

    /// All that are not closed, by their rules and groups.
    pub(crate) fn live(&self) -> impl Iterator<Item = &AlertDetail> {
        self.live.values().filter_map(|id| self.alerts.get(id))
    }
}

fn place(cursor: &str) -> Result<(Micros, EventId), BadCursor> {
    let (at, id) = cursor.split_once('.').ok_or(BadCursor)?;
    let at = at.parse().map_err(|_| BadCursor)?;
    Ok((Micros(at), EventId::parse(id).map_err(|_| BadCursor)?))
}
