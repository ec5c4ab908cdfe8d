//! The parts of a time, in UTC.

use indelible_event::{Day, Micros};

use crate::model::TimePart;

const HOUR_MICROS: i64 = 3_600_000_000;
const MINUTE_MICROS: i64 = 60_000_000;

/// A part of a time.
pub(super) fn part(at: Micros, part: TimePart) -> i64 {
    let Day(days) = at.day();
    let days = i64::from(days);
    match part {
        TimePart::Minute => at.0.div_euclid(MINUTE_MICROS).rem_euclid(60),
        TimePart::Hour => at.0.div_euclid(HOUR_MICROS).rem_euclid(24),
        TimePart::Weekday => weekday(days),
        TimePart::Week => week(days),
        TimePart::Day => civil(days).2,
        TimePart::Month => civil(days).1,
        TimePart::Year => civil(days).0,
    }
}

/// 1970-01-01 was a Thursday.
fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

/// The ISO week: it belongs to the year that its Thursday is in.
fn week(days: i64) -> i64 {
    let thursday = days - weekday(days) + 4;
    let (year, ..) = civil(thursday);
    (thursday - first_day(year)) / 7 + 1
}

/// Days from 1970-01-01 to the first of January of a year.
fn first_day(year: i64) -> i64 {
    let before = year - 1;
    365 * (year - 1970) + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400)
        - 477
}

/// Year, month and day of the Gregorian calendar, counted from March, so that the leap day is the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_known_times() {
        let known = [
            ("2026-11-22T05:30:59Z", [30, 5, 22, 7, 47, 11, 2026]),
            ("2021-01-03T23:59:00Z", [59, 23, 3, 7, 53, 1, 2021]),
            ("2020-12-31T00:00:00Z", [0, 0, 31, 4, 53, 12, 2020]),
            ("2024-02-29T12:00:00Z", [0, 12, 29, 4, 9, 2, 2024]),
            ("2018-12-31T12:00:00Z", [0, 12, 31, 1, 1, 12, 2018]),
            ("1969-12-31T23:58:00Z", [58, 23, 31, 3, 1, 12, 1969]),
            ("1970-01-01T00:00:00Z", [0, 0, 1, 4, 1, 1, 1970]),
            ("2000-01-01T00:00:00Z", [0, 0, 1, 6, 52, 1, 2000]),
        ];
        let parts = [
            TimePart::Minute,
            TimePart::Hour,
            TimePart::Day,
            TimePart::Weekday,
            TimePart::Week,
            TimePart::Month,
            TimePart::Year,
        ];
        for (text, expected) in known {
            let at = Micros::parse(text).unwrap();
            assert_eq!(parts.map(|of| part(at, of)), expected, "{text}");
        }
    }
}
