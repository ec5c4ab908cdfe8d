use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<String, TimeError> {
    Micros::parse(text).map(|at| at.to_string())
}

#[test]
fn known_moments() {
    // From Python's datetime.
    for (text, micros, days) in [
        ("2026-11-20T17:34:05.123456Z", 1_795_196_045_123_456, 20_777),
        ("1999-12-31T23:59:59.000001Z", 946_684_799_000_001, 10_956),
        ("2024-02-29T12:00:00.000000Z", 1_709_208_000_000_000, 19_782),
        ("0001-01-01T00:00:00.000000Z", -62_135_596_800_000_000, -719_162),
    ] {
        assert_eq!(Micros::parse(text), Ok(Micros(micros)), "{text}");
        assert_eq!(Micros(micros).to_string(), text);
        assert_eq!(Micros(micros).day(), Day(days));
        assert_eq!(Day(days).to_string(), text[..10]);
        assert_eq!(Day::parse(&text[..10]), Ok(Day(days)));
        assert_eq!(Day(days).start().day(), Day(days));
    }
}

#[test]
fn forms_that_rfc_3339_allows() {
    assert_eq!(parse("2026-01-01t00:00:00z").unwrap(), "2026-01-01T00:00:00.000000Z");
    assert_eq!(parse("2026-01-01T10:00:00+14:00").unwrap(), "2025-12-31T20:00:00.000000Z");
    assert_eq!(parse("2026-01-01T10:00:00-23:59").unwrap(), "2026-01-02T09:59:00.000000Z");
    assert_eq!(parse("2026-01-01T00:00:00-00:00").unwrap(), "2026-01-01T00:00:00.000000Z");
    assert_eq!(parse("2026-01-01T00:00:00.1Z").unwrap(), "2026-01-01T00:00:00.100000Z");
    assert_eq!(parse("2026-01-01T00:00:00.123456999Z").unwrap(), "2026-01-01T00:00:00.123456Z");
    assert_eq!(parse("0000-01-01T00:00:00Z").unwrap(), "0000-01-01T00:00:00.000000Z");
    assert_eq!(parse("9999-12-31T23:59:59.999999Z").unwrap(), "9999-12-31T23:59:59.999999Z");
    assert_eq!(Micros::parse("0000-01-01T00:00:00Z"), Ok(Micros::MIN));
    assert_eq!(Micros::parse("9999-12-31T23:59:59.999999Z"), Ok(Micros::MAX));
}

#[test]
fn refused() {
    for text in [
        "",
        "2026",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01 00:00:00Z",
        "2026-1-01T00:00:00Z",
        "300000-01-01T00:00:00Z",
        "+300000-01-01T00:00:00Z",
        "-0001-01-01T00:00:00Z",
        "2026-01-01T00:00Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00,1Z",
        "2026-01-01T00:00:00+0200",
        "2026-01-01T00:00:00+02",
        "2026-01-01T00:00:00ZZ",
        "2026-01-01T00:00:00Z ",
        " 2026-01-01T00:00:00Z",
        "2026-01-01T00:00:0aZ",
        "２026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.１Z",
        "2026-01-01T00-00:00Z",
    ] {
        assert_eq!(parse(text), Err(TimeError::Form), "{text:?}");
    }
    for text in [
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+00:60",
    ] {
        assert_eq!(parse(text), Err(TimeError::Range), "{text:?}");
    }
    assert_eq!(parse("2016-12-31T23:59:60Z"), Err(TimeError::LeapSecond));
    assert_eq!(parse("0000-01-01T00:00:00+00:01"), Err(TimeError::OutOfYears));
    assert_eq!(parse("9999-12-31T23:59:59-00:01"), Err(TimeError::OutOfYears));
    assert_eq!(Day::parse("2026-11-2"), Err(TimeError::Form));
    assert_eq!(Day::parse("2026-11-31"), Err(TimeError::Range));
}

#[test]
fn times_out_of_years_keep_apart() {
    assert_eq!(Micros(Micros::MAX.0 + 1).to_string(), "+010000-01-01T00:00:00.000000Z");
    assert_eq!(Micros(Micros::MIN.0 - 1).to_string(), "-000001-12-31T23:59:59.999999Z");
    assert!(!Micros(i64::MAX).to_string().is_empty() && !Micros(i64::MIN).to_string().is_empty());
    assert!(!Day(i32::MAX).to_string().is_empty() && !Day(i32::MIN).to_string().is_empty());
}

#[test]
fn every_day_of_ten_thousand_years() {
    let (first, last) = (Micros::MIN.day().0, Micros::MAX.day().0);
    let mut before = String::new();
    for day in first..=last {
        let text = Day(day).to_string();
        assert!(text > before && Day::parse(&text) == Ok(Day(day)), "{text}");
        before = text;
    }
}

proptest! {
    #[test]
    fn round_trip(micros in Micros::MIN.0..=Micros::MAX.0) {
        let text = Micros(micros).to_string();
        prop_assert_eq!(text.len(), TIME_BYTES);
        prop_assert_eq!(Micros::parse(&text), Ok(Micros(micros)));
    }

    #[test]
    fn never_panics(text in "\\PC{0,40}", digits in "[0-9:TZtz.+-]{0,40}") {
        let _ = (Micros::parse(&text), Micros::parse(&digits), Day::parse(&digits));
    }
}
