//! Reviews that nobody signed in time.

use std::collections::BTreeSet;

use indelible_event::{EventId, Micros};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::limits::SIGNED_MAX;
use crate::review::{self, Period};
use crate::seam::Deed;
use crate::settings::Reviews;

/// What was signed, and how far it was looked whether something was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Overdue {
    /// When the watch first ran: what ended before is nobody's to sign.
    #[serde(with = "crate::moment")]
    since: Micros,
    /// Everything that was due until then was looked at.
    #[serde(with = "crate::moment")]
    checked: Micros,
    /// Periods that were signed.
    signed: BTreeSet<String>,
    /// When the next one is due, where that is known.
    #[serde(skip)]
    next: Option<Micros>,
}

impl Overdue {
    pub fn new(since: Micros) -> Overdue {
        Overdue { since, checked: since, signed: BTreeSet::new(), next: None }
    }

    /// Somebody signed it.
    pub fn sign(&mut self, period: &str) {
        self.signed.insert(period.to_owned());
        while self.signed.len() > SIGNED_MAX {
            self.signed.pop_first();
        }
    }

    /// Other periods count from now on.
    pub fn resettle(&mut self) {
        self.next = None;
    }

    /// Everything that was recorded before this moment was looked at.
    pub fn advance(&mut self, to: Micros, reviews: &Reviews, deeds: &mut Vec<Deed>) {
        let due = reviews.due.0;
        if to <= self.checked || self.next.is_some_and(|next| to < next) {
            return;
        }
        // The period in which this lies ends behind it, so it is the first that is due later than what was looked at.
        let of = Micros(self.checked.0.saturating_sub(due.0));
        let mut period = Period::at(reviews.every, of);
        while let Some(this) = period {
            let Some(at) = review::due_at(&this, Some(due)) else { break };
            if at > to {
                self.next = Some(at);
                break;
            }
            let name = this.to_string();
            if this.to() > self.since && !self.signed.contains(&name) {
                deeds.push(overdue(name, at));
            }
            period = Period::at(reviews.every, this.to());
        }
        self.checked = to;
    }
}

fn overdue(period: String, at: Micros) -> Deed {
    Deed {
        id: EventId::foreign("indelible:review.overdue", &period),
        action: "review.overdue",
        targets: vec![("review", period.clone())],
        occurred_at: Some(at),
        details: json!({"period": period}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Micros {
        Micros::parse(text).unwrap()
    }

    #[test]
    fn what_is_not_signed_in_time_is_told_once() {
        let reviews = Reviews::default();
        let mut overdue = Overdue::new(at("2026-11-20T15:00:00Z"));
        let mut told = |to: &str, sign: Option<&str>| {
            let mut deeds = Vec::new();
            sign.into_iter().for_each(|period| overdue.sign(period));
            overdue.advance(at(to), &reviews, &mut deeds);
            deeds.into_iter().map(|deed| deed.targets[0].1.clone()).collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        assert_eq!(told("2026-11-21T23:59:59Z", None), none);
        assert_eq!(told("2026-11-22T00:00:00Z", None), ["2026-11-20"]);
        assert_eq!(told("2026-11-22T10:00:00Z", Some("2026-11-21")), none);
        assert_eq!(told("2026-11-25T00:00:00Z", None), ["2026-11-22", "2026-11-23"]);
        assert_eq!(told("2026-11-25T00:00:00Z", None), none);
        assert_eq!(told("2026-11-24T00:00:00Z", None), none, "a clock that goes back");
    }
}
