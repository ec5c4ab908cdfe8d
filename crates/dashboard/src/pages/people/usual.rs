//! Whether somebody does what they usually do: the last week against the eight before it, said in words.

use std::collections::BTreeSet;

use indelible_event::Micros;

use crate::pages::overview::counts::Counts;
use crate::pages::overview::zone::Zone;
use crate::parts::ValueCount;
use crate::text::{counted, grouped};

const DAY: i64 = 86_400_000_000;
const WEEK: i64 = 7 * DAY;
/// Weeks that say what is usual.
pub const WEEKS: usize = 8;
/// With fewer events before, an hour that nothing happened at says nothing.
const HOURS_EVENTS_MIN: u64 = 50;
/// With fewer failures lately there is nothing to tell.
const FAILURES_MIN: u64 = 3;
/// Values and hours that are named; the others are only counted.
const NAMED_MAX: usize = 5;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether somebody should look.
    pub unusual: bool,
    /// What it is, in words. Values of events stand in `values`, apart from them.
    pub words: String,
    /// Values that are named, with the key of the query language that finds them.
    pub values: Vec<(&'static str, String)>,
}

impl Finding {
    fn new(unusual: bool, words: impl Into<String>) -> Finding {
        Finding { unusual, words: words.into(), values: Vec::new() }
    }
}

/// The last week and the time before it.
pub struct Compared<'a> {
    /// The last seven days.
    pub lately: &'a Counts,
    /// The eight weeks before.
    pub before: &'a Counts,
    /// When they were first seen at all.
    pub first_seen: Option<Micros>,
    /// Now.
    pub now: Micros,
    /// The viewer's zone.
    pub zone: Zone,
}

impl Compared<'_> {
    /// All that can be said.
    pub fn findings(&self) -> Vec<Finding> {
        let weeks = self.weeks();
        let mut findings = vec![pace(self.lately.total.value, &weeks)];
        if self.before.total.value == 0 {
            return findings;
        }
        findings.extend(self.failures());
        findings.extend(self.unknown("ip", "ip", "address", "addresses"));
        findings.extend(self.unknown("action", "action", "action", "actions"));
        findings.extend(self.hours());
        findings
    }

    /// Events of each whole week before the last, the latest first, as far as they were known then.
    fn weeks(&self) -> Vec<u64> {
        let start = self.now.0.saturating_sub(WEEK);
        let mut weeks = vec![0_u64; WEEKS];
        for (at, bucket) in self.before.buckets() {
            let week = start.saturating_sub(at.0).saturating_sub(1).div_euclid(WEEK).max(0);
            let week = usize::try_from(week).ok().and_then(|week| weeks.get_mut(week));
            if let Some(week) = week {
                *week = week.saturating_add(bucket.count);
            }
        }
        // What was recorded late happened before what was recorded first.
        let first = self.before.buckets().map(|(at, _)| at).chain(self.first_seen).min();
        let known = first.map_or(0, |first| start.saturating_sub(first.0).max(0));
        let known =
            usize::try_from(known.saturating_add(WEEK - 1) / WEEK).unwrap_or(WEEKS).min(WEEKS);
        weeks.truncate(known);
        weeks
    }

    fn failures(&self) -> Option<Finding> {
        let failed = |of: &Counts| of.failures.value.saturating_add(of.denied.value);
        let (lately, before) = (failed(self.lately), failed(self.before));
        if lately < FAILURES_MIN {
            return None;
        }
        let share = |part: u64, of: &Counts| part as f64 / of.total.value.max(1) as f64;
        let (share, usual) = (share(lately, self.lately), share(before, self.before));
        let what = format!("{} failed or denied in the last 7 days", grouped(lately));
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        if before == 0 {
            return Some(Finding::new(true, format!("{what}, and none in the weeks before.")));
        }
        let words = format!("{what}: {} of all, usually {}.", percent(share), percent(usual));
        Some(Finding::new(share >= 2.0 * usual, words))
    }

    /// Values of a facet that were not there before.
    fn unknown(&self, facet: &str, key: &'static str, one: &str, many: &str) -> Option<Finding> {
        // What was not listed may have been there.
        if self.before.other(facet) > 0 {
            return None;
        }
        let known: BTreeSet<&str> =
            self.before.values(facet).iter().map(|of| of.value.as_str()).collect();
        let new: Vec<&ValueCount> = self
            .lately
            .values(facet)
            .iter()
            .filter(|of| !known.contains(of.value.as_str()))
            .collect();
        if new.is_empty() {
            return None;
        }
        let start = self.now.0.saturating_sub(WEEK * (WEEKS as i64 + 1));
        let ever = self.first_seen.is_some_and(|first| first.0 >= start);
        let how = if ever { "for the first time" } else { "for the first time in 9 weeks" };
        let values = new.iter().take(NAMED_MAX).map(|of| (key, of.value.clone())).collect();
        let words = format!(
            "{} {how}",
            counted(new.len() as u64, &format!("new {one}"), &format!("new {many}"))
        );
        Some(Finding { unusual: true, words, values })
    }

    /// Hours of the day at which nothing happened before.
    fn hours(&self) -> Option<Finding> {
        if self.before.total.value < HOURS_EVENTS_MIN {
            return None;
        }
        let (lately, before) = (self.by_hour(self.lately), self.by_hour(self.before));
        let new: Vec<usize> =
            (0..24).filter(|hour| lately[*hour] > 0 && before[*hour] == 0).collect();
        if new.is_empty() {
            return None;
        }
        let past = self.zone.past_hour();
        let named: Vec<String> = new
            .iter()
            .take(NAMED_MAX)
            .map(|hour| format!("from {hour:02}:{past:02} ({})", grouped(lately[*hour])))
            .collect();
        let more = new.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let words = format!(
            "Active at {} of the day without an event in the weeks before: {}{more}, {}.",
            counted(new.len() as u64, "an hour", "hours").replace("1 an", "an"),
            named.join(", "),
            self.zone.name(),
        );
        Some(Finding::new(true, words))
    }

    fn by_hour(&self, counts: &Counts) -> [u64; 24] {
        let mut hours = [0_u64; 24];
        for (at, bucket) in counts.buckets() {
            let (_, hour) = self.zone.weekday_hour(at);
            hours[hour] = hours[hour].saturating_add(bucket.count);
        }
        hours
    }
}

/// How much against the weeks before.
fn pace(lately: u64, weeks: &[u64]) -> Finding {
    let daily = |week: u64| {
        let tenths = (10.0 * week as f64 / 7.0).round();
        if tenths >= 100.0 {
            grouped((tenths / 10.0).round() as u64)
        } else {
            format!("{:.1}", tenths / 10.0)
        }
    };
    let now = format!("{} events a day in the last 7 days", daily(lately));
    let sum = weeks.iter().fold(0_u64, |sum, week| sum.saturating_add(*week));
    if weeks.is_empty() && lately > 0 {
        return Finding::new(true, format!("{now}, and none ever before: there is no usual yet."));
    }
    if sum == 0 {
        return match lately {
            0 => Finding::new(false, "No events in the last 9 weeks."),
            _ => Finding::new(true, format!("{now}, and none in the 8 weeks before.")),
        };
    }
    let (least, most) =
        weeks.iter().fold((u64::MAX, 0), |(a, b), week| (a.min(*week), b.max(*week)));
    let mean = sum as f64 / weeks.len() as f64;
    let over = counted(weeks.len() as u64, "week", "weeks");
    let usual = format!(
        "usually {}, between {} and {} in the {over} before",
        daily(mean.round() as u64),
        daily(least),
        daily(most)
    );
    let times = lately as f64 / mean;
    let how = if (least..=most).contains(&lately) {
        return Finding::new(false, format!("{now}, as usual: {usual}."));
    } else if times >= 1.75 {
        format!("{} times their usual", grouped(times.round() as u64))
    } else if times > 1.0 {
        "more than in any of these weeks".to_owned()
    } else if lately == 0 {
        "not active any more".to_owned()
    } else if times <= 0.55 {
        "half their usual or less".to_owned()
    } else {
        "less than in any of these weeks".to_owned()
    };
    Finding::new(times >= 1.75 || times <= 0.55, format!("{now}, {how}: {usual}."))
}

#[cfg(test)]
#[path = "usual_tests.rs"]
mod tests;
