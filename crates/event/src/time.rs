//! Times: microseconds in UTC, read from RFC 3339 and written in exactly one way.

use std::fmt;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// The bytes of a time as written: `YYYY-MM-DDThh:mm:ss.ffffffZ`.
pub(crate) const TIME_BYTES: usize = 27;

/// A moment: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(pub i64);

/// A calendar day in UTC: days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Day(pub i32);

/// Why a text is not a time we keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// The text does not have the form of RFC 3339.
    #[error(
        "is not an RFC 3339 time such as 2026-01-31T23:59:59.123456Z, with a year of four digits"
    )]
    Form,
    /// A field is beyond its range, or the month has no such day.
    #[error("names a day or an hour that does not exist")]
    Range,
    /// A second of 60: UTC microseconds have no place for it.
    #[error("has a second of 60 (leap seconds are refused)")]
    LeapSecond,
    /// After conversion to UTC the year is not one of 0000 to 9999.
    #[error("lies outside the years 0000 to 9999")]
    OutOfYears,
}

impl Micros {
    /// 0000-01-01T00:00:00.000000Z.
    pub const MIN: Micros = Micros(-719_528 * MICROS_PER_DAY);
    /// 9999-12-31T23:59:59.999999Z.
    pub const MAX: Micros = Micros(2_932_897 * MICROS_PER_DAY - 1);

    /// Reads RFC 3339 strictly. Offsets are converted to UTC, digits beyond microseconds cut off.
    pub fn parse(text: &str) -> Result<Micros, TimeError> {
        let text = text.as_bytes();
        let (Some(head), Some(&[t, h1, h2, c1, m1, m2, c2, s1, s2])) =
            (text.first_chunk::<10>(), text.get(10..).and_then(|rest| rest.first_chunk::<9>()))
        else {
            return Err(TimeError::Form);
        };
        if !matches!(t, b'T' | b't') || c1 != b':' || c2 != b':' {
            return Err(TimeError::Form);
        }
        let days = parse_day(head)?;
        let (hour, minute, second) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
        let (micros, zone) = parse_fraction(&text[19..])?;
        let offset_minutes = parse_offset(zone)?;
        if second == 60 {
            return Err(TimeError::LeapSecond);
        }
        if hour > 23 || minute > 59 || second > 59 {
            return Err(TimeError::Range);
        }
        let seconds =
            i64::from(hour) * 3600 + (i64::from(minute) - offset_minutes) * 60 + i64::from(second);
        let at = Micros(i64::from(days) * MICROS_PER_DAY + seconds * MICROS_PER_SECOND + micros);
        if at.in_years() { Ok(at) } else { Err(TimeError::OutOfYears) }
    }

    /// Whether the time lies in the years 0000 to 9999, so that it is written in 27 bytes.
    pub fn in_years(&self) -> bool {
        (Micros::MIN..=Micros::MAX).contains(self)
    }

    /// The day it falls on, in UTC.
    pub fn day(&self) -> Day {
        // An i64 of microseconds spans some 213 million days, which an i32 holds.
        Day(self.0.div_euclid(MICROS_PER_DAY) as i32)
    }

    /// Appends `YYYY-MM-DDThh:mm:ss.ffffffZ`: 27 bytes for every time in the years 0000 to 9999.
    /// A time outside them, which [`Micros::parse`] never gives, is written with a signed year, so
    /// that two times never share their text.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        if self.in_years() {
            out.extend_from_slice(&self.text());
        } else {
            let days = self.0.div_euclid(MICROS_PER_DAY);
            let (year, month, day) = civil(days);
            let mut text = [0; TIME_BYTES];
            self.write_clock(&mut text);
            out.extend_from_slice(format!("{year:+07}-{month:02}-{day:02}").as_bytes());
            out.extend_from_slice(&text[10..]);
        }
    }

    /// The 27 bytes of a time in the years 0000 to 9999.
    fn text(&self) -> [u8; TIME_BYTES] {
        let mut text = [0; TIME_BYTES];
        let (year, month, day) = civil(self.0.div_euclid(MICROS_PER_DAY));
        text[..10].copy_from_slice(&day_text(year as u32, month, day));
        self.write_clock(&mut text);
        text
    }

    fn write_clock(&self, text: &mut [u8; TIME_BYTES]) {
        let micros_of_day = self.0.rem_euclid(MICROS_PER_DAY) as u64;
        let micros = (micros_of_day % 1_000_000) as u32;
        let seconds = (micros_of_day / 1_000_000) as u32;
        text[10] = b'T';
        put_two(text, 11, seconds / 3600);
        text[13] = b':';
        put_two(text, 14, seconds / 60 % 60);
        text[16] = b':';
        put_two(text, 17, seconds % 60);
        text[19] = b'.';
        put_two(text, 20, micros / 10_000);
        put_two(text, 22, micros / 100 % 100);
        put_two(text, 24, micros % 100);
        text[26] = b'Z';
    }
}

impl Day {
    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Result<Day, TimeError> {
        let text: &[u8; 10] = text.as_bytes().try_into().map_err(|_| TimeError::Form)?;
        parse_day(text).map(Day)
    }

    /// The first moment of the day.
    pub fn start(&self) -> Micros {
        Micros(i64::from(self.0).saturating_mul(MICROS_PER_DAY))
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(TIME_BYTES);
        self.write_to(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(i64::from(self.0));
        if (0..=9999).contains(&year) {
            write!(f, "{year:04}-{month:02}-{day:02}")
        } else {
            write!(f, "{year:+07}-{month:02}-{day:02}")
        }
    }
}

fn digit(byte: u8) -> Result<u32, TimeError> {
    match byte.wrapping_sub(b'0') {
        value @ 0..=9 => Ok(u32::from(value)),
        _ => Err(TimeError::Form),
    }
}

fn two(tens: u8, ones: u8) -> Result<u32, TimeError> {
    Ok(digit(tens)? * 10 + digit(ones)?)
}

fn parse_day(text: &[u8; 10]) -> Result<i32, TimeError> {
    let &[y1, y2, y3, y4, d1, m1, m2, d2, a1, a2] = text;
    if d1 != b'-' || d2 != b'-' {
        return Err(TimeError::Form);
    }
    let (year, month, day) = (two(y1, y2)? * 100 + two(y3, y4)?, two(m1, m2)?, two(a1, a2)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return Err(TimeError::Range);
    }
    Ok(days_of(year, month, day))
}

/// The fraction of a second in microseconds, and what follows it.
fn parse_fraction(text: &[u8]) -> Result<(i64, &[u8]), TimeError> {
    let Some((b'.', rest)) = text.split_first() else {
        return Ok((0, text));
    };
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        return Err(TimeError::Form);
    }
    let micros = (0..6)
        .fold(0, |value, i| value * 10 + if i < count { i64::from(rest[i] - b'0') } else { 0 });
    Ok((micros, &rest[count..]))
}

/// The minutes by which local time is ahead of UTC.
fn parse_offset(text: &[u8]) -> Result<i64, TimeError> {
    match *text {
        [b'Z' | b'z'] => Ok(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
            if hours > 23 || minutes > 59 {
                return Err(TimeError::Range);
            }
            let minutes = i64::from(hours * 60 + minutes);
            Ok(if sign == b'-' { -minutes } else { minutes })
        }
        _ => Err(TimeError::Form),
    }
}

fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar: the year is counted from
/// March, so that the leap day is its last and the days before a month follow a straight line.
fn days_of(year: u32, month: u32, day: u32) -> i32 {
    let year = year as i32 - i32::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month as i32 + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day as i32 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_of`]: year, month and day.
fn civil(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097) as u32;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (i64::from(year_of_era) + era * 400 + i64::from(month <= 2), month, day)
}

fn day_text(year: u32, month: u32, day: u32) -> [u8; 10] {
    let mut text = *b"0000-00-00";
    put_two(&mut text, 0, year / 100);
    put_two(&mut text, 2, year % 100);
    put_two(&mut text, 5, month);
    put_two(&mut text, 8, day);
    text
}

fn put_two(text: &mut [u8], at: usize, value: u32) {
    text[at] = b'0' + (value / 10) as u8;
    text[at + 1] = b'0' + (value % 10) as u8;
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
