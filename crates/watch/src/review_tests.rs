use super::*;

fn at(text: &str) -> Micros {
    Micros::parse(text).unwrap()
}

fn period(text: &str) -> Period {
    Period::parse(text).unwrap()
}

#[test]
fn days_and_weeks_are_read_and_written_in_one_way() {
    let cases = [
        ("2026-11-21", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"),
        ("2026-W47", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"),
        ("2020-W53", "2020-12-28T00:00:00Z", "2021-01-04T00:00:00Z"),
        ("2025-W01", "2024-12-30T00:00:00Z", "2025-01-06T00:00:00Z"),
    ];
    for (text, from, to) in cases {
        let of = period(text);
        assert_eq!((of.from(), of.to(), of.to_string()), (at(from), at(to), text.to_owned()));
        assert_eq!(Period::at(of.every(), Micros(of.to().0 - 1)), Some(of));
        assert_eq!(Period::at(of.every(), of.from()), Some(of));
        assert_eq!(of.before().unwrap().to(), of.from());
    }
    for bad in [
        "",
        "2026",
        "2026-11",
        "2026-11-31",
        "2026-1-01",
        "2026-W00",
        "2026-W54",
        "2026-W53-1",
        "2025-W53",
        "2026-w47",
        "2026-W7",
        "02026-W07",
        "+026-W07",
        "2026-11-21T00:00:00Z",
        "2026-11-21 ",
        "9999-12-31",
        "２026-11-21",
    ] {
        assert_eq!(Period::parse(bad), None, "{bad}");
    }
}

#[test]
fn every_week_of_many_years_comes_back() {
    let mut of = Period::at(Every::Week, at("2031-06-01T00:00:00Z")).unwrap();
    for _ in 0..1_500 {
        assert_eq!(Period::parse(&of.to_string()), Some(of));
        of = of.before().unwrap();
    }
}

#[test]
fn the_last_ones_are_listed_and_none_from_before_there_was_anything() {
    let now = at("2026-11-22T05:00:00Z");
    let days = periods(Every::Day, at("2026-11-20T23:59:59Z"), now);
    let names: Vec<String> = days.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["2026-11-22", "2026-11-21", "2026-11-20"]);
    assert_eq!(periods(Every::Day, Micros(0), now).len(), REVIEWS_MAX);
    assert_eq!(periods(Every::Week, now, now), [period("2026-W47")]);
    assert_eq!(periods(Every::Day, Micros::MIN, Micros::MAX), []);
    assert_eq!(periods(Every::Week, Micros::MIN, Micros::MIN), []);
}

#[test]
fn a_review_runs_is_due_and_overdue_until_somebody_signs() {
    let (of, due) = (period("2026-11-21"), Some(Micros(86_400_000_000)));
    let ended = at("2026-11-22T00:00:00Z");
    assert_eq!(state(&of, due, false, Micros(ended.0 - 1)), State::Running);
    assert_eq!(state(&of, due, false, ended), State::Due);
    assert_eq!(due_at(&of, due), Some(at("2026-11-23T00:00:00Z")));
    assert_eq!(state(&of, due, false, at("2026-11-23T00:00:00Z")), State::Overdue);
    assert_eq!(state(&of, due, true, at("2026-12-23T00:00:00Z")), State::Signed);
    assert_eq!(state(&of, None, false, Micros::MAX), State::Due);
    assert_eq!(due_at(&of, Some(Micros(i64::MAX))), Some(Micros::MAX));
}
