//! The viewer's zone, for what the server itself arranges by local time.

use indelible_event::Micros;

use crate::visit::Visit;

/// The cookie that `main.js` sets: minutes east of UTC.
const COOKIE: &str = "indelible_zone";
/// No zone is farther from UTC.
const MINUTES_MAX: i64 = 14 * 60;
const MINUTE: i64 = 60_000_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// How far from UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    minutes: i64,
    /// Whether the viewer's browser said it.
    pub known: bool,
}

impl Zone {
    /// The viewer's, or else UTC.
    pub fn of(visit: &Visit) -> Zone {
        Zone::read(visit.cookie(COOKIE))
    }

    /// What a cookie says.
    pub fn read(cookie: Option<&str>) -> Zone {
        let minutes = cookie.and_then(|text| text.parse::<i64>().ok());
        match minutes.filter(|minutes| (-MINUTES_MAX..=MINUTES_MAX).contains(minutes)) {
            Some(minutes) => Zone { minutes, known: true },
            None => Zone::default(),
        }
    }

    /// Its name: `UTC`, `UTC+05:30`.
    pub fn name(self) -> String {
        let (hours, minutes) = (self.minutes.abs() / 60, self.minutes.abs() % 60);
        match self.minutes.signum() {
            0 => "UTC".to_owned(),
            -1 => format!("UTC-{hours:02}:{minutes:02}"),
            _ => format!("UTC+{hours:02}:{minutes:02}"),
        }
    }

    /// How many minutes past an hour of UTC its hours begin.
    pub fn past_hour(self) -> i64 {
        self.minutes.rem_euclid(60)
    }

    /// The moment as it stands on the viewer's clock, without a zone: `2026-01-31T10:00:00`.
    pub fn clock(self, at: Micros) -> String {
        let local = Micros(at.0.saturating_add(self.minutes * MINUTE)).to_string();
        local.get(..19).unwrap_or(&local).to_owned()
    }

    /// The day of the viewer's calendar, from 1970-01-01.
    pub fn day(self, at: Micros) -> i64 {
        at.0.saturating_add(self.minutes * MINUTE).div_euclid(DAY)
    }

    /// The weekday, 0 for Monday, and the hour of the viewer's clock.
    pub fn weekday_hour(self, at: Micros) -> (usize, usize) {
        let local = at.0.saturating_add(self.minutes * MINUTE);
        // The first day of 1970 was a Thursday.
        let weekday = (self.day(at) + 3).rem_euclid(7);
        let hour = local.rem_euclid(DAY) / (60 * MINUTE);
        (weekday as usize, hour as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_a_zone_is_one() {
        for (text, name) in
            [("60", "UTC+01:00"), ("-570", "UTC-09:30"), ("345", "UTC+05:45"), ("0", "UTC")]
        {
            let zone = Zone::read(Some(text));
            assert_eq!((zone.name().as_str(), zone.known), (name, true), "{text}");
        }
        for bad in
            [None, Some(""), Some("841"), Some("99999999999999999999"), Some("x"), Some("1e3")]
        {
            assert_eq!(Zone::read(bad), Zone::default(), "{bad:?}");
        }
    }

    #[test]
    fn days_and_hours_are_the_viewers() {
        let at = Micros::parse("2026-01-31T23:30:00Z").unwrap();
        assert_eq!(Zone::default().weekday_hour(at), (5, 23));
        let zone = Zone::read(Some("60"));
        assert_eq!(zone.weekday_hour(at), (6, 0));
        assert_eq!(zone.clock(at), "2026-02-01T00:30:00");
        assert_eq!(Zone::read(Some("-840")).weekday_hour(Micros(0)), (2, 10));
        assert_eq!(Zone::read(Some("840")).weekday_hour(Micros(i64::MAX)).1 / 24, 0);
    }
}
