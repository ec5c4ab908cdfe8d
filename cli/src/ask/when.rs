//! Times as people type them: `7d`, `2026-11-20`, `2026-11-20 14:00`, or the whole of RFC 3339.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Which end of a range a date is: its first moment or its last.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    Since,
    Until,
}

/// The moment that is meant, as the API takes it.
pub fn moment(text: &str, end: End, now: Timestamp, zone: &TimeZone) -> Result<String, String> {
    let text = text.trim();
    let unreadable = || {
        format!(
            "{text:?} is no time: say 7d, 12h, 30m, 2026-11-20, \"2026-11-20 14:00\" or 2026-11-20T14:00:00Z"
        )
    };
    if let Some(back) = back(text) {
        let at = now.checked_sub(back).map_err(|_| unreadable())?;
        return Ok(at.to_string());
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.to_string());
    }
    // A date-time's parser takes a bare date too, as its midnight, so dates come first.
    let date = if text.len() == "2026-11-20".len() { text.parse::<Date>().ok() } else { None };
    let local = match date {
        Some(date) if end == End::Until => date.tomorrow().map(|next| next.at(0, 0, 0, 0)),
        Some(date) => Ok(date.at(0, 0, 0, 0)),
        None => text.parse::<DateTime>(),
    };
    let at = local.and_then(|local| local.to_zoned(zone.clone())).map_err(|_| unreadable())?;
    let at = at.timestamp();
    // Both bounds are included, so a day ends a microsecond before the next.
    let last = if date.is_some() && end == End::Until {
        SignedDuration::from_micros(1)
    } else {
        SignedDuration::ZERO
    };
    Ok(at.checked_sub(last).map_err(|_| unreadable())?.to_string())
}

/// `90d` as a time from now on.
pub fn ahead(text: &str, now: Timestamp) -> Option<Timestamp> {
    now.checked_add(back(text)?).ok()
}

fn back(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    (count >= 0).then_some(SignedDuration::from_secs(count.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_understood() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        for (text, since, until) in [
            ("7d", "2026-11-13T12:00:00Z", "2026-11-13T12:00:00Z"),
            ("90m", "2026-11-20T10:30:00Z", "2026-11-20T10:30:00Z"),
            ("2026-11-20", "2026-11-19T23:00:00Z", "2026-11-20T22:59:59.999999Z"),
            ("2026-11-20 14:00", "2026-11-20T13:00:00Z", "2026-11-20T13:00:00Z"),
            ("2026-11-20T14:00:00+02:00", "2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z"),
        ] {
            assert_eq!(moment(text, End::Since, now, &zone).as_deref(), Ok(since));
            assert_eq!(moment(text, End::Until, now, &zone).as_deref(), Ok(until));
        }
        for text in [
            "",
            "d",
            "-3d",
            "yesterdayish",
            "2026-13-01",
            "99999999999999999999d",
            "9223372036854775807w",
        ] {
            assert!(moment(text, End::Since, now, &zone).is_err(), "{text}");
        }
        assert_eq!(
            ahead("1h", now).map(|at| at.to_string()).as_deref(),
            Some("2026-11-20T13:00:00Z")
        );
    }
}
