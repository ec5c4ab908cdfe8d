//! The times that an overview is about.

use indelible_event::Micros;

use super::zone::Zone;
use crate::chart::Bar;
use crate::href::Params;
use crate::time::stretch;

/// The days of a week.
pub const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// From so long ago until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// A day.
    Day,
    /// A week.
    Week,
    /// 30 days.
    Month,
    /// 90 days.
    Quarter,
}

impl Period {
    /// All of them.
    pub const ALL: [Period; 4] = [Period::Day, Period::Week, Period::Month, Period::Quarter];

    /// As an address has it; what is none is a day.
    pub fn read(text: Option<&str>) -> Period {
        let found = Period::ALL.into_iter().find(|period| Some(period.text()) == text);
        found.unwrap_or(Period::Day)
    }

    /// As the query language has it.
    pub fn text(self) -> &'static str {
        match self {
            Period::Day => "-24h",
            Period::Week => "-7d",
            Period::Month => "-30d",
            Period::Quarter => "-90d",
        }
    }

    /// The same length of time before it, as the query language has it.
    pub fn before(self) -> &'static str {
        match self {
            Period::Day => "-48h..-24h",
            Period::Week => "-14d..-7d",
            Period::Month => "-60d..-30d",
            Period::Quarter => "-180d..-90d",
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Period::Day => "24 hours",
            Period::Week => "7 days",
            Period::Month => "30 days",
            Period::Quarter => "90 days",
        }
    }

    /// How many days it has.
    pub fn days(self) -> i64 {
        match self {
            Period::Day => 1,
            Period::Week => 7,
            Period::Month => 30,
            Period::Quarter => 90,
        }
    }

    /// How long a bar of its chart is, as the API takes it and in microseconds.
    pub fn interval(self) -> (&'static str, i64) {
        match self {
            Period::Day => ("30m", 30 * MINUTE),
            Period::Week => ("3h", 3 * HOUR),
            Period::Month => ("12h", 12 * HOUR),
            Period::Quarter => ("1d", DAY),
        }
    }

    /// The beginnings of its bars: the first and the last lie only partly in it.
    pub fn starts(self, now: Micros) -> Vec<Micros> {
        let (_, interval) = self.interval();
        let first = now.0.saturating_sub(self.days() * DAY).div_euclid(interval);
        let last = now.0.div_euclid(interval);
        (first..=last).map(|at| Micros(at * interval)).collect()
    }

    /// What stands below a bar: few enough for a telephone.
    pub fn tick(self, start: Micros, zone: Zone) -> Option<String> {
        let clock = zone.clock(start);
        let (_, hour) = zone.weekday_hour(start);
        let day = zone.day(start);
        match self {
            // Of the bars of half an hour one begins in the first half of each hour, in every zone.
            Period::Day => {
                (hour % 4 == 0 && clock[14..16] < *"30").then(|| clock[11..16].to_owned())
            }
            Period::Week => (hour < 3).then(|| weekday(start, zone).to_owned()),
            Period::Month => (hour < 12 && day.rem_euclid(5) == 0).then(|| month_day(&clock)),
            Period::Quarter => (day.rem_euclid(15) == 0).then(|| month_day(&clock)),
        }
    }
}

/// A bar without its counts, for a stretch of time: named by the viewer's clock, leading to its events.
pub fn bar(start: Micros, interval: i64, zone: Zone, tick: Option<String>, search: &Params) -> Bar {
    let end = Micros(start.0.saturating_add(interval));
    let (from, to) = (zone.clock(start), zone.clock(end));
    let label = match (interval, from.get(11..), from.get(..10) == to.get(..10)) {
        (DAY, Some("00:00:00"), _) => from[..10].to_owned(),
        (_, _, true) => format!("{} {}–{}", &from[..10], &from[11..16], &to[11..16]),
        _ => format!("{} {} – {} {}", &from[..10], &from[11..16], &to[..10], &to[11..16]),
    };
    let href = Some(search.clone().set("t", stretch(start, end)).to("/"));
    Bar { label, tick, href, counts: Vec::new() }
}

/// `Mon`.
fn weekday(at: Micros, zone: Zone) -> &'static str {
    let (weekday, _) = zone.weekday_hour(at);
    WEEKDAYS.get(weekday).copied().unwrap_or_default()
}

/// `Jan 31` of a clock's text.
pub fn month_day(clock: &str) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<usize>().ok());
    let month = number(clock.get(5..7)).and_then(|month| MONTHS.get(month.checked_sub(1)?));
    let day = number(clock.get(8..10)).unwrap_or_default();
    format!("{} {day}", month.copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Micros {
        Micros::parse(text).unwrap()
    }

    #[test]
    fn a_chart_covers_its_time_with_few_words_below() {
        let now = at("2026-03-01T12:34:56.789Z");
        for period in Period::ALL {
            assert_eq!(Period::read(Some(period.text())), period);
            let (starts, (_, interval)) = (period.starts(now), period.interval());
            let (first, last) = (starts[0], starts[starts.len() - 1]);
            assert!(first.0 <= now.0 - period.days() * DAY && last.0 + interval > now.0);
            assert!((40..=100).contains(&starts.len()), "{period:?} {}", starts.len());
            for minutes in ["0", "60", "-210", "345", "840", "-720"] {
                let zone = Zone::read(Some(minutes));
                let ticks = starts.iter().filter_map(|start| period.tick(*start, zone)).count();
                assert!((5..=8).contains(&ticks), "{period:?} {minutes} {ticks}");
            }
        }
        assert_eq!(Period::read(Some("-1000y")), Period::Day);
    }

    #[test]
    fn a_bar_is_named_by_the_viewers_clock_and_leads_to_its_events() {
        let (zone, search) =
            (Zone::read(Some("60")), Params::new().with("q", "a").with("t", "-7d"));
        for (start, interval, label) in [
            ("2026-01-31T10:00:00Z", 30 * MINUTE, "2026-01-31 11:00–11:30"),
            ("2026-01-31T22:00:00Z", 3 * HOUR, "2026-01-31 23:00 – 2026-02-01 02:00"),
            ("2026-01-30T23:00:00Z", DAY, "2026-01-31"),
            ("2026-01-31T00:00:00Z", DAY, "2026-01-31 01:00 – 2026-02-01 01:00"),
        ] {
            assert_eq!(bar(at(start), interval, zone, None, &search).label, label);
        }
        let bar = bar(at("2026-01-31T10:00:00Z"), HOUR, zone, None, &search);
        let span = "2026-01-31T10:00:00Z..2026-01-31T10:59:59Z";
        assert_eq!(bar.href.unwrap(), Params::new().with("q", "a").with("t", span).to("/"));
        assert_eq!(month_day("2026-02-01T00:00:00"), "Feb 1");
        assert_eq!(month_day("+10000"), " 0");
    }
}
