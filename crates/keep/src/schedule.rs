//! When something is due: pure, from a schedule and what happened so far.

use std::fmt;

use indelible_event::Micros;

use crate::limits;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// When something is done again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// So long after the last time, in microseconds.
    Every(i64),
    /// Each day at this many minutes after midnight, UTC.
    Daily(i64),
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Since when the schedule is in force.
    pub since: Micros,
    /// When the last one that went well was begun.
    pub last_good: Option<Micros>,
    /// How many failed since.
    pub failures: u32,
    /// When the last of these ended.
    pub last_failure: Option<Micros>,
}

impl Schedule {
    /// Reads `every 6h`, `every 30m`, `every 7d` or `daily at 03:30`.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let bad =
            || format!("{text:?} is no schedule: `every 6h` (m, h, d) or `daily at 03:30` (UTC)");
        match words.as_slice() {
            ["every", span] => {
                let (number, unit) =
                    span.split_at(span.len() - span.chars().last().map_or(0, char::len_utf8));
                let unit = match unit {
                    "m" => MINUTE,
                    "h" => HOUR,
                    "d" => DAY,
                    _ => return Err(bad()),
                };
                let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
                let number: i64 =
                    number.parse().ok().filter(|n| digits && *n > 0).ok_or_else(bad)?;
                let span = number.checked_mul(unit).filter(|span| *span <= 366 * DAY);
                span.map(Schedule::Every).ok_or_else(bad)
            }
            ["daily", "at", time] => {
                let two = |text: &str, below: i64| {
                    let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
                    text.parse::<i64>().ok().filter(|n| digits && *n < below)
                };
                let (hour, minute) = time.split_once(':').ok_or_else(bad)?;
                let (hour, minute) = two(hour, 24).zip(two(minute, 60)).ok_or_else(bad)?;
                Ok(Schedule::Daily(hour * 60 + minute))
            }
            _ => Err(bad()),
        }
    }

    /// When the next one is due. What was missed while nobody was there is made up for once.
    pub fn next(&self, history: &History) -> Micros {
        let planned = match (*self, history.last_good) {
            (Schedule::Every(_), None) => history.since.0,
            (Schedule::Every(span), Some(last)) => last.0.saturating_add(span),
            (Schedule::Daily(minutes), last) => {
                let after = last.map_or(history.since.0, |last| last.0.max(history.since.0));
                let today = after.div_euclid(DAY) * DAY + minutes * MINUTE;
                if today > after { today } else { today.saturating_add(DAY) }
            }
        };
        let again = history
            .last_failure
            .map_or(i64::MIN, |at| at.0.saturating_add(pause(history.failures)));
        Micros(planned.max(again))
    }
}

/// How long to wait after so many failures.
fn pause(failures: u32) -> i64 {
    let doubled =
        limits::RETRY_MICROS.checked_shl(failures.saturating_sub(1).min(16)).unwrap_or(i64::MAX);
    doubled.min(limits::RETRY_MICROS_MAX)
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Schedule::Every(span) if span % DAY == 0 => write!(f, "every {}d", span / DAY),
            Schedule::Every(span) if span % HOUR == 0 => write!(f, "every {}h", span / HOUR),
            Schedule::Every(span) => write!(f, "every {}m", span / MINUTE),
            Schedule::Daily(at) => write!(f, "daily at {:02}:{:02}", at / 60, at % 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Micros {
        Micros::parse(text).unwrap()
    }

    #[test]
    fn a_schedule_reads_and_says_the_same() {
        for text in ["every 6h", "every 90m", "every 7d", "daily at 03:30", "daily at 00:00"] {
            assert_eq!(Schedule::parse(text).unwrap().to_string(), text);
        }
        for bad in [
            "",
            "every",
            "every 0h",
            "every h",
            "every +1h",
            "every 1w",
            "every 9999999d",
            "every 1é",
            "daily",
            "daily at 24:00",
            "daily at 3:30",
            "daily at 03:60",
            "hourly",
        ] {
            assert!(Schedule::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_interval_counts_from_the_last_that_went_well() {
        let every = Schedule::parse("every 6h").unwrap();
        let since = at("2026-01-01T10:00:00Z");
        assert_eq!(every.next(&History { since, ..History::default() }), since);
        let last = at("2026-01-01T12:00:00Z");
        let history = History { since, last_good: Some(last), ..History::default() };
        assert_eq!(every.next(&history), at("2026-01-01T18:00:00Z"));
    }

    #[test]
    fn a_day_has_one_and_what_was_missed_is_made_up_for_once() {
        let daily = Schedule::parse("daily at 03:30").unwrap();
        let since = at("2026-01-01T10:00:00Z");
        let first = daily.next(&History { since, ..History::default() });
        assert_eq!(first, at("2026-01-02T03:30:00Z"));
        // The node was down for three days: due since the first of them, and afterwards on the next day.
        let history =
            History { since, last_good: Some(at("2026-01-05T08:00:00Z")), ..History::default() };
        assert_eq!(daily.next(&history), at("2026-01-06T03:30:00Z"));
    }

    #[test]
    fn failures_are_tried_again_with_longer_and_longer_pauses() {
        let every = Schedule::parse("every 6h").unwrap();
        let since = at("2026-01-01T00:00:00Z");
        let failed = at("2026-01-01T00:10:00Z");
        let after = |failures| {
            let history = History { since, last_good: None, failures, last_failure: Some(failed) };
            (every.next(&history).0 - failed.0) / MINUTE
        };
        assert_eq!([after(1), after(2), after(3), after(7), after(400)], [5, 10, 20, 320, 360]);
    }
}
