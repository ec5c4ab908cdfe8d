//! Days and weeks that somebody looks at and signs. Pure: what time it is, and what was signed, is told.

use std::fmt;

use indelible_event::{Day, Micros};
use jiff::civil::{Date, ISOWeekDate, Weekday};
use serde::{Deserialize, Serialize};

use crate::limits::REVIEWS_MAX;

/// How long a period is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// A day, in UTC.
    #[default]
    Day,
    /// A week from Monday on, in UTC.
    Week,
}

impl Every {
    fn days(self) -> i32 {
        match self {
            Every::Day => 1,
            Every::Week => 7,
        }
    }
}

/// A day or a week. As text `2026-11-21` or `2026-W47`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Period {
    every: Every,
    /// Its first day; a Monday of a week. It and the day behind the period are of the years 0000 to 9999.
    first: Day,
}

impl Period {
    /// The period that a moment lies in; `None` at the end of the years that can be written.
    pub fn at(every: Every, at: Micros) -> Option<Period> {
        let day = at.day();
        let first = match every {
            Every::Day => day,
            // 1970-01-01 was a Thursday.
            Every::Week => Day(day.0 - (day.0 + 3).rem_euclid(7)),
        };
        Period { every, first }.in_years()
    }

    /// Reads a day or an ISO week, as it is written and in no other way.
    pub fn parse(text: &str) -> Option<Period> {
        let period = match text.split_once("-W") {
            Some((year, week)) => {
                let week = ISOWeekDate::new(number(year, 4)?, number(week, 2)?, Weekday::Monday);
                Period { every: Every::Week, first: day_of(week.ok()?.date())? }
            }
            None => {
                let start = Micros::parse(&format!("{text}T00:00:00Z")).ok()?;
                Period { every: Every::Day, first: start.day() }
            }
        };
        period.in_years()
    }

    /// A day or a week.
    pub fn every(&self) -> Every {
        self.every
    }

    /// Its first moment.
    pub fn from(&self) -> Micros {
        self.first.start()
    }

    /// The first moment behind it.
    pub fn to(&self) -> Micros {
        Day(self.first.0 + self.every.days()).start()
    }

    /// The one before.
    pub fn before(&self) -> Option<Period> {
        let first = Day(self.first.0.checked_sub(self.every.days())?);
        Period { every: self.every, first }.in_years()
    }

    fn in_years(self) -> Option<Period> {
        (self.from().in_years() && self.to().in_years()).then_some(self)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = self.from().to_string();
        let day = day.get(..10).unwrap_or_default();
        match self.every {
            Every::Day => f.write_str(day),
            Every::Week => {
                let week = day.parse::<Date>().map_err(|_| fmt::Error)?.iso_week_date();
                write!(f, "{:04}-W{:02}", week.year(), week.week())
            }
        }
    }
}

/// A number of so many digits.
fn number<T: std::str::FromStr>(text: &str, digits: usize) -> Option<T> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

fn day_of(date: Date) -> Option<Day> {
    Some(Micros::parse(&format!("{date}T00:00:00Z")).ok()?.day())
}

/// The last periods up to the one that runs, the newest first, none of which ended before `since`.
pub fn periods(every: Every, since: Micros, now: Micros) -> Vec<Period> {
    let all = std::iter::successors(Period::at(every, now), Period::before);
    all.take_while(|period| period.to() > since).take(REVIEWS_MAX).collect()
}

/// How it is with a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its time has not ended.
    Running,
    /// It can be signed.
    Due,
    /// It should have been signed.
    Overdue,
    /// Somebody has signed it.
    Signed,
}

/// When a review should have been signed at the latest; `None` if nobody says.
pub fn due_at(period: &Period, due: Option<Micros>) -> Option<Micros> {
    due.map(|due| Micros(period.to().0.saturating_add(due.0).min(Micros::MAX.0)))
}

/// How it is with a review at a moment.
pub fn state(period: &Period, due: Option<Micros>, is_signed: bool, now: Micros) -> State {
    if is_signed {
        State::Signed
    } else if now < period.to() {
        State::Running
    } else if due_at(period, due).is_some_and(|at| at <= now) {
        State::Overdue
    } else {
        State::Due
    }
}

#[cfg(test)]
#[path = "review_tests.rs"]
mod tests;
