//! Times in a query, in UTC throughout.

use indelible_event::{Day, Micros};

use super::ast::Span;
use super::scalar::{Compare, Form, Scalar};

/// A time as written: a moment is one microsecond long, a date a whole day, month or year.
#[derive(Clone, Copy, Debug)]
struct Written {
    from: Micros,
    /// The first moment after it; none at the end of the calendar.
    to: Option<Micros>,
    /// Whether alone it means "since then".
    since: bool,
}

/// The time span that a value means.
pub(super) fn span(scalar: &Scalar, now: Micros) -> Result<Span, String> {
    // In quotes date and clock may have a space between them.
    let text = match scalar.form {
        Form::Regex => return Err("a time is not a regular expression".to_owned()),
        Form::Quoted => scalar.text.replacen(' ', "T", 1),
        Form::Bare => scalar.text.clone(),
    };
    let span = match (scalar.compare, text.split_once("..")) {
        (Some(_), Some(_)) => return Err("a comparison and a range in one".to_owned()),
        (Some(compare), None) => {
            let written = written(&text, now)?;
            match compare {
                Compare::Above => match written.to {
                    Some(to) => Span { from: Some(to), to: None },
                    None => return Err("nothing is after the end of the calendar".to_owned()),
                },
                Compare::AtLeast => Span { from: Some(written.from), to: None },
                Compare::Below => Span { from: None, to: Some(written.from) },
                Compare::AtMost => Span { from: None, to: written.to },
            }
        }
        (None, Some(("", ""))) => return Err("a range without an end".to_owned()),
        (None, Some((from, to))) => {
            let bound =
                |text| if str::is_empty(text) { Ok(None) } else { written(text, now).map(Some) };
            let (from, to) = (bound(from)?, bound(to)?);
            Span { from: from.map(|from| from.from), to: to.and_then(|to| to.to) }
        }
        (None, None) => {
            let written = written(&text, now)?;
            Span { from: Some(written.from), to: written.to.filter(|_| !written.since) }
        }
    };
    match span {
        Span { from: Some(from), to: Some(to) } if from >= to => {
            Err("the range ends before it begins".to_owned())
        }
        span => Ok(span),
    }
}

fn written(text: &str, now: Micros) -> Result<Written, String> {
    let day =
        |day: Day| Written { from: day.start(), to: Some(Day(day.0 + 1).start()), since: false };
    match text.to_ascii_lowercase().as_str() {
        "now" => return Ok(moment(now, 1, false)),
        "today" => return Ok(day(now.day())),
        "yesterday" => return Ok(day(Day(now.day().0 - 1))),
        _ => {}
    }
    if let Some(ago) = text.strip_prefix('-') {
        return relative(ago, now);
    }
    match text.len() {
        4 | 7 if is_date(text) => month_or_year(text),
        10 => Day::parse(text).map(day).map_err(|error| format!("this date {error}")),
        _ => clock(text),
    }
}

fn moment(at: Micros, micros: i64, since: bool) -> Written {
    Written { from: at, to: Some(Micros(at.0.saturating_add(micros))), since }
}

/// `7d`: that long before now.
fn relative(ago: &str, now: Micros) -> Result<Written, String> {
    const SECOND: i64 = 1_000_000;
    let digits = ago.len() - ago.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (count, unit) = ago.split_at(digits);
    let unit = match unit {
        "s" => SECOND,
        "m" | "min" => 60 * SECOND,
        "h" => 3_600 * SECOND,
        "d" => 86_400 * SECOND,
        "w" => 7 * 86_400 * SECOND,
        _ => return Err("a time ago is a number and s, m, h, d or w".to_owned()),
    };
    let back = count.parse::<i64>().ok().and_then(|count| count.checked_mul(unit));
    let at = back.and_then(|back| now.0.checked_sub(back)).map(Micros);
    let at = at.filter(Micros::in_years).ok_or("this is too long ago for the calendar")?;
    Ok(moment(at, 1, true))
}

fn is_date(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// `2026` or `2026-01`.
fn month_or_year(text: &str) -> Result<Written, String> {
    let first_of = |year: &str, month: u32| Day::parse(&format!("{year}-{month:02}-01"));
    let no_such = || format!("there is no month {text}");
    let year = &text[..4];
    let (first, next_month) = match text.get(5..) {
        None => (first_of(year, 1), 13),
        Some(month) if text.as_bytes()[4] == b'-' => {
            let month: u32 = month.parse().map_err(|_| no_such())?;
            (first_of(year, month), month + 1)
        }
        Some(_) => return Err(no_such()),
    };
    let from = first.map_err(|_| no_such())?.start();
    let next = if next_month <= 12 {
        first_of(year, next_month)
    } else {
        let next: u32 = year.parse::<u32>().map_err(|_| no_such())? + 1;
        first_of(&format!("{next:04}"), 1)
    };
    Ok(Written { from, to: next.ok().map(|day| day.start()), since: false })
}

/// A date and a clock to the hour, minute, second or finer; without a zone it is UTC.
fn clock(text: &str) -> Result<Written, String> {
    if !text.is_ascii() || text.len() < 11 {
        return Err("this is no time".to_owned());
    }
    let upper = text.to_ascii_uppercase();
    let (date, clock) = upper.split_at(10);
    let zone = clock.find(['Z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(zone);
    let zone = if zone.is_empty() { "Z" } else { zone };
    let (rest, micros) = match clock.len() {
        3 => (":00:00", 3_600_000_000),
        6 => (":00", 60_000_000),
        9 => ("", 1_000_000),
        len => ("", 10_i64.pow(16_u32.saturating_sub(len as u32).min(6))),
    };
    let at = Micros::parse(&format!("{date}{clock}{rest}{zone}"));
    at.map(|at| moment(at, micros, false)).map_err(|error| format!("this time {error}"))
}
