//! Times as tables keep them.

use indelible_event::Micros;
use jiff::tz::TimeZone;

use super::cell::Cell;

/// The zone of times that name none.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    pub name: String,
    zone: TimeZone,
}

impl Zone {
    pub(super) fn utc() -> Zone {
        Zone { name: "UTC".into(), zone: TimeZone::UTC }
    }

    /// A zone by its name, `Europe/Berlin`, or by its distance from UTC, `+02:00`.
    pub(super) fn named(name: &str) -> Option<Zone> {
        let zone = if matches!(name, "UTC" | "Z") {
            TimeZone::UTC
        } else if name.starts_with(['+', '-']) {
            let at = Micros::parse(&format!("1970-01-03T00:00:00{name}")).ok()?;
            let behind = i32::try_from(at.0 / 1_000_000 - 2 * 86_400).ok()?;
            TimeZone::fixed(jiff::tz::Offset::from_seconds(-behind).ok()?)
        } else {
            TimeZone::get(name).ok()?
        };
        Some(Zone { name: name.into(), zone })
    }

    fn is_utc(&self) -> bool {
        self.zone == TimeZone::UTC
    }

    /// The moment at which clocks there showed what a clock in UTC shows at `at`. Of an hour that came twice the first,
    /// of one that never was the one after it.
    fn moment(&self, at: Micros) -> Option<Micros> {
        if self.is_utc() {
            return Some(at);
        }
        let shown = jiff::Timestamp::from_microsecond(at.0).ok()?;
        let shown = TimeZone::UTC.to_datetime(shown);
        let zoned = self.zone.to_ambiguous_zoned(shown).compatible().ok()?;
        Some(Micros(zoned.timestamp().as_microsecond())).filter(Micros::in_years)
    }
}

/// A time, and whether its text can be told from it: not if it was of another zone, or had digits that we cut off.
pub(super) fn read(cell: &Cell<'_>, zone: &Zone) -> Result<Option<(Micros, bool)>, &'static str> {
    const NOT: &str = "is no time: write 2026-01-31 23:59:59, RFC 3339, or seconds, milliseconds or microseconds since 1970";
    let text = match cell {
        Cell::Time(at) if at.in_years() => return Ok(Some((*at, true))),
        Cell::Time(_) => return Err(NOT),
        cell => cell.text(),
    };
    let Some(text) = text else { return Ok(None) };
    let text = text.trim();
    if let Some(read) = epoch(text) {
        return read.map(Some).ok_or(NOT);
    }
    let Some(written) = Written::of(text) else { return Err(NOT) };
    let at = Micros::parse(&written.rfc3339).map_err(|_| NOT)?;
    let exact = written.digits <= 6;
    if written.zoned {
        let is_utc = written.rfc3339.ends_with('Z') || written.rfc3339.ends_with("+00:00");
        return Ok(Some((at, exact && is_utc)));
    }
    let moment = zone.moment(at).ok_or(NOT)?;
    Ok(Some((moment, exact && zone.is_utc())))
}

/// A count since 1970, whose unit its size tells: what is some year of seconds would be the first days of
/// milliseconds. `None` if it is no number, or one that is a date without hyphens.
fn epoch(text: &str) -> Option<Option<(Micros, bool)>> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !are_digits(whole) || !are_digits(fraction) || is_date(whole) {
        return None;
    }
    let Ok(count) = whole.parse::<i128>() else { return Some(None) };
    // Nanoseconds of each unit.
    let unit: i128 = match count {
        ..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1000,
        _ => 1,
    };
    let mut nanos = count.checked_mul(unit)?;
    let mut place = unit / 10;
    let mut exact = true;
    for digit in fraction.bytes() {
        exact &= place > 0 || digit == b'0';
        nanos += i128::from(digit - b'0') * place;
        place /= 10;
    }
    exact &= nanos % 1000 == 0;
    let micros = i64::try_from((sign * nanos).div_euclid(1000)).ok().map(Micros);
    Some(micros.filter(Micros::in_years).map(|at| (at, exact)))
}

/// Whether digits are a date, or a date and a time, written without anything in between.
fn is_date(digits: &str) -> bool {
    matches!(digits.len(), 8 | 14) && Written::of(digits).is_some()
}

/// A time as written, put into the form of RFC 3339. A time that names no zone is written as if of UTC.
struct Written {
    rfc3339: String,
    zoned: bool,
    /// Digits of the fraction.
    digits: usize,
}

impl Written {
    fn of(text: &str) -> Option<Written> {
        let bytes = text.as_bytes();
        let (date, rest) = if bytes.len() >= 8 && bytes[..8].iter().all(u8::is_ascii_digit) {
            let (date, rest) = text.split_at(8);
            (format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]), rest)
        } else {
            let date: &str = text.get(..10)?;
            (date.replace('/', "-"), &text[10..])
        };
        if !date.starts_with("19") && !date.starts_with("20") && text.len() < 10 {
            return None;
        }
        let rest = rest.strip_prefix(['T', 't', ' ', '_']).unwrap_or(rest).trim_ascii();
        let zone_at = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.' | ','));
        let (clock, zone) = rest.split_at(zone_at.unwrap_or(rest.len()));
        let (hms, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
        let hms = clock_text(hms)?;
        let zone = zone_text(zone.trim_ascii())?;
        let digits = fraction.trim_end_matches('0').len();
        let fraction = if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
        let rfc3339 = format!("{date}T{hms}{fraction}{}", zone.as_deref().unwrap_or("Z"));
        Micros::parse(&rfc3339).ok()?;
        Some(Written { rfc3339, zoned: zone.is_some(), digits })
    }
}

/// `hh:mm:ss` of what may lack seconds, colons, or everything.
fn clock_text(hms: &str) -> Option<String> {
    match (hms.len(), hms.contains(':')) {
        (0, _) => Some("00:00:00".into()),
        (5, true) => Some(format!("{hms}:00")),
        (8, true) => Some(hms.into()),
        (6, false) => Some(format!("{}:{}:{}", &hms[..2], &hms[2..4], &hms[4..])),
        _ => None,
    }
}

/// The offset as RFC 3339 has it; the inner `None` where none is given.
fn zone_text(zone: &str) -> Option<Option<String>> {
    let text = match zone {
        "" => return Some(None),
        "Z" | "z" | "UTC" | "GMT" => "Z".to_owned(),
        _ => {
            let digits = zone.strip_prefix(['+', '-'])?;
            if !digits.is_ascii() {
                return None;
            }
            match digits.len() {
                2 => format!("{zone}:00"),
                4 => format!("{}:{}", &zone[..3], &zone[3..]),
                5 => zone.to_owned(),
                _ => return None,
            }
        }
    };
    Some(Some(text))
}
