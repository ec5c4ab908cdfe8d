//! Moments. A page is written in UTC, and is right without scripts; `times.js` turns it into the viewer's zone, with
//! UTC on hover.

use indelible_event::Micros;
use maud::{Markup, html};

/// A moment: date and time to the second. `text` is an RFC 3339 time as the API gives it; what is none is shown as it
/// is.
pub fn at(text: &str) -> Markup {
    shown(text, "exact")
}

/// How long ago a moment was, as of `now`.
pub fn ago(text: &str, now: Micros) -> Markup {
    let Ok(at) = Micros::parse(text) else { return crate::text::short(text) };
    html! { time datetime=(text) title=(utc(text)) data-time="ago" { (since(now.0.saturating_sub(at.0))) } }
}

/// A moment where there is little room: to the second, its zone said elsewhere.
pub fn at_short(text: &str) -> Markup {
    if Micros::parse(text).is_err() {
        return crate::text::short(text);
    }
    let utc = utc(text);
    html! { time datetime=(text) title=(utc) data-time="short" { (utc.trim_end_matches(" UTC")) } }
}

fn shown(text: &str, form: &str) -> Markup {
    if Micros::parse(text).is_err() {
        return crate::text::short(text);
    }
    html! { time datetime=(text) title=(utc(text)) data-time=(form) { (utc(text)) } }
}

/// `2026-01-31 10:00:00 UTC`
pub fn utc(text: &str) -> String {
    let text = Micros::parse(text).map_or_else(|_| text.to_owned(), |at| at.to_string());
    let second = text.get(..19).unwrap_or(&text).replace('T', " ");
    format!("{second} UTC")
}

/// How long ago something was, in one unit.
pub fn since(micros: i64) -> String {
    match micros / 1_000_000 {
        ..0 => "in the future".to_owned(),
        0..60 => "just now".to_owned(),
        _ => format!("{} ago", length(micros)),
    }
}

/// A length of time in one unit.
pub fn length(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    let (count, unit) = match seconds {
        0 => return format!("{} ms", micros / 1_000),
        ..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// A stretch of time as the query language writes it, to the second, both ends included; whole days as days.
pub fn stretch(from: Micros, until: Micros) -> String {
    const DAY: i64 = 86_400_000_000;
    let last = Micros((until.0 - 1).max(from.0));
    if from.0.rem_euclid(DAY) == 0 && until.0.rem_euclid(DAY) == 0 {
        let [from, last] = [from, last].map(|at| at.to_string()[..10].to_owned());
        return if from == last { from } else { format!("{from}..{last}") };
    }
    let [from, last] = [from, last].map(|at| at.to_string()[..19].to_owned());
    format!("{from}Z..{last}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_to_the_second_or_the_day() {
        let at = |text: &str| Micros::parse(text).unwrap();
        let day = |day: &str| at(&format!("{day}T00:00:00Z"));
        assert_eq!(stretch(day("2026-01-01"), day("2026-01-02")), "2026-01-01");
        assert_eq!(stretch(day("2026-01-01"), day("2026-02-01")), "2026-01-01..2026-01-31");
        assert_eq!(
            stretch(at("2026-01-01T10:00:00Z"), at("2026-01-01T11:00:00Z")),
            "2026-01-01T10:00:00Z..2026-01-01T10:59:59Z"
        );
    }
}
