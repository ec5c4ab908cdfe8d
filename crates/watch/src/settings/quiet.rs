//! Hours in which nobody is told.

use std::collections::BTreeSet;

use indelible_event::Micros;
use indelible_rules::Level;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Hours in which nothing is sent. Spans that end before they begin go over midnight, and belong to the day on which they
/// begin.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// When they begin, in the zone's time.
    #[serde(deserialize_with = "clock")]
    from: Time,
    /// When they end.
    #[serde(deserialize_with = "clock")]
    to: Time,
    /// The zone; UTC where none is named.
    #[serde(default = "utc", deserialize_with = "zone")]
    zone: TimeZone,
    /// On which days they begin; on all where none is named.
    #[serde(default)]
    days: BTreeSet<Weekday>,
    /// What is sent none the less: this bad, or worse.
    #[serde(default)]
    pub(super) but: Option<Level>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// Days that quiet hours may follow each other without a gap: those of a week.
const RUN_MAX: usize = 8;

impl Quiet {
    /// Whether there is a time that is none of theirs.
    pub(super) fn ends(&self) -> bool {
        let all = self.days.is_empty() || self.days.len() == 7;
        !(all && self.from == self.to)
    }

    /// When they end, if this moment is one of theirs.
    pub fn until(&self, at: Micros) -> Option<Micros> {
        let mut end = self.end_of_one(at)?;
        // A quiet Saturday may go over into a quiet Sunday.
        for _ in 0..RUN_MAX {
            match self.end_of_one(end) {
                Some(next) => end = next,
                None => break,
            }
        }
        Some(end)
    }

    fn end_of_one(&self, at: Micros) -> Option<Micros> {
        let moment = Timestamp::from_microsecond(at.0).ok()?;
        let today = moment.to_zoned(self.zone.clone()).date();
        [today.yesterday().ok()?, today].into_iter().find_map(|day| {
            let begins = self.days.is_empty() || self.days.contains(&weekday(day));
            let (from, to) = self.span(day).filter(|_| begins)?;
            (from.0..to.0).contains(&at.0).then_some(to)
        })
    }

    /// The hours that begin on this day. An hour that the zone leaves out counts as the one behind it.
    fn span(&self, day: Date) -> Option<(Micros, Micros)> {
        let moment = |day: Date, time: Time| {
            let zoned = day.to_datetime(time).to_zoned(self.zone.clone()).ok()?;
            Some(Micros(zoned.timestamp().as_microsecond()))
        };
        let last = if self.to <= self.from { day.checked_add(1.day()).ok()? } else { day };
        Some((moment(day, self.from)?, moment(last, self.to)?))
    }
}

fn weekday(day: Date) -> Weekday {
    use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
    [Mon, Tue, Wed, Thu, Fri, Sat, Sun][day.weekday().to_monday_zero_offset() as usize]
}

fn clock<'de, D: Deserializer<'de>>(from: D) -> Result<Time, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = || {
        let shown: String = text.chars().take(32).collect();
        D::Error::custom(format!("{shown:?} is no time of day: write \"22:00\", in quotes"))
    };
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let two = |text: &str| -> Option<i8> {
        let plain = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| plain)
    };
    let (hour, minute) = (two(hour).ok_or_else(wrong)?, two(minute).ok_or_else(wrong)?);
    Time::new(hour, minute, 0, 0).map_err(|_| wrong())
}

fn zone<'de, D: Deserializer<'de>>(from: D) -> Result<TimeZone, D::Error> {
    let text = String::deserialize(from)?;
    TimeZone::get(&text).map_err(|_| {
        let shown: String = text.chars().take(64).collect();
        D::Error::custom(format!("{shown:?} is no time zone: write Europe/Berlin, say, or UTC"))
    })
}

fn utc() -> TimeZone {
    TimeZone::UTC
}
