use indelible_event::Micros;
use indelible_rules::Level;

use super::*;

fn parse(text: &str) -> Result<Settings, String> {
    Settings::parse(text, Path::new("/etc/watch")).map_err(|e| e.0)
}

/// A channel with these further lines.
fn channel(rest: &str) -> String {
    format!(
        "channels:\n  - name: a\n    to: {{ webhook: {{ url: {{ file: url }}, secrets: [] }} }}\n{rest}"
    )
}

fn quiet(what: &str) -> Quiet {
    let text = channel(&format!("    quiet: {{ {what} }}\n"));
    parse(&text).unwrap().channels[0].quiet.clone().unwrap()
}

fn at(text: &str) -> Micros {
    Micros::parse(text).unwrap()
}

#[test]
fn what_is_described_is_read_and_defaults_are_filled_in() {
    for empty in ["", "# nothing\n", "channels: []\n"] {
        let read = parse(empty).unwrap();
        assert!(read.pack.enabled && read.channels.is_empty() && read.escalate.is_none());
        assert_eq!(read.lateness(), Micros(900_000_000));
        assert_eq!((read.reviews.every, read.reviews.due.0.0), (Every::Day, 86_400_000_000));
    }
    let text = channel("    levels: high\n    only: escalations\n")
        + "escalate: { after: 30m, levels: critical }\nreviews: { every: week, due: 2d }\npack: { off: [ x ] }\n";
    let read = parse(&text).unwrap();
    let stream = read.streams().remove(0);
    assert_eq!(stream.name, "alerts-a");
    assert_eq!(stream.query, "trail:_system action:alert.notify target:channel/a");
    assert!(format!("{:?}", stream.to).contains("/etc/watch/url"));
    let escalate = read.escalate.unwrap();
    assert_eq!((escalate.after.0.0, escalate.levels), (1_800_000_000, Level::Critical));
    assert_eq!((read.reviews.every, read.pack.enabled), (Every::Week, true));
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_was_meant() {
    let cases: &[(String, &[&str])] = &[
        ("chanels: []\n".into(), &["1:1:", "did you mean `channels`?"]),
        (channel("    level: high\n"), &["4:5:", "did you mean `levels`?"]),
        (channel("    levels: hihg\n"), &["4:13:", "did you mean `high`?"]),
        (channel("    quiet: { from: \"22\", to: \"07:00\" }\n"), &["4:", "22:00"]),
        (channel("    quiet: { from: \"24:00\", to: \"07:00\" }\n"), &["4:", "24:00"]),
        (
            channel("    quiet: { from: \"22:00\", to: \"07:00\", zone: Europe/Berln }\n"),
            &["4:", "Berln", "Europe/Berlin"],
        ),
        (
            channel("    quiet: { from: \"22:00\", to: \"22:00\" }\n"),
            &["the channel a", "never end"],
        ),
        (channel("    only: escalations\n"), &["the channel a", "escalate"]),
        ("escalate: { after: 5 parsecs }\n".into(), &["1:", "parsecs", "15m"]),
        ("escalate: { after: 99999999999999999999d }\n".into(), &["1:", "at most a year"]),
        (channel("").replace("name: a", "name: A B"), &["\"A B\"", "[a-z0-9_-]"]),
        (channel("").replace("name: a", &format!("name: {}", "a".repeat(58))), &["1 to 57"]),
        (channel("") + &channel("").replace("channels:\n", ""), &["two channels named a"]),
        ("reviews: { every: month }\n".into(), &["1:", "month", "week"]),
        (format!("a: {}", "[".repeat(200)), &["1:"]),
        ("x".repeat(2 << 20), &["longer than"]),
    ];
    let mut wrong = String::new();
    for (text, parts) in cases {
        let shown: String = text.chars().take(200).collect();
        let error = parse(text).expect_err(&shown);
        for part in parts.iter().filter(|part| !error.contains(**part)) {
            wrong += &format!("{shown}\n  says {error}\n  without {part}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn quiet_hours_go_over_midnight_and_belong_to_the_day_on_which_they_begin() {
    let night = quiet("from: \"22:00\", to: \"07:00\", zone: Europe/Berlin, days: [ mon, fri ]");
    // 16 November 2026 is a Monday; Berlin is an hour ahead then.
    for (moment, until) in [
        ("2026-11-16T20:59:59Z", None),
        ("2026-11-16T21:00:00Z", Some("2026-11-17T06:00:00Z")),
        ("2026-11-17T05:59:59Z", Some("2026-11-17T06:00:00Z")),
        ("2026-11-17T06:00:00Z", None),
        ("2026-11-17T22:00:00Z", None),
        ("2026-11-16T02:00:00Z", None),
        ("2026-11-21T02:00:00Z", Some("2026-11-21T06:00:00Z")),
    ] {
        assert_eq!(night.until(at(moment)), until.map(at), "{moment}");
    }
}

#[test]
fn quiet_hours_follow_the_zone_when_its_clocks_change() {
    let night = quiet("from: \"22:00\", to: \"02:30\", zone: Europe/Berlin");
    // 02:30 is left out on 29 March 2026, and is there twice on 25 October: the first counts.
    assert_eq!(night.until(at("2026-03-29T00:59:00Z")), Some(at("2026-03-29T01:30:00Z")));
    assert_eq!(night.until(at("2026-10-25T00:15:00Z")), Some(at("2026-10-25T00:30:00Z")));
}

#[test]
fn quiet_days_that_follow_each_other_are_one() {
    let weekend = quiet("from: \"00:00\", to: \"00:00\", days: [ sat, sun ]");
    assert_eq!(weekend.until(at("2026-11-21T12:00:00Z")), Some(at("2026-11-23T00:00:00Z")));
    assert_eq!(weekend.until(at("2026-11-23T00:00:00Z")), None);
    let late = channel("    quiet: { from: \"00:00\", to: \"12:00\", but: high }\n");
    let late = &parse(&late).unwrap().channels[0];
    assert_eq!(late.quiet_until(Level::High, at("2026-11-23T03:00:00Z")), None);
    assert!(late.quiet_until(Level::Medium, at("2026-11-23T03:00:00Z")).is_some());
}

#[test]
fn patterns_fit_as_people_expect() {
    for (pattern, name, fits) in [
        ("*", "", true),
        ("*", "anything", true),
        ("a", "A", true),
        ("a", "ab", false),
        ("a*", "ab", true),
        ("*b", "ab", true),
        ("a*a", "a", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("**", "x", true),
        ("*spray*", "Password Spray", true),
    ] {
        assert_eq!(Pattern::new(pattern).fits(name), fits, "{pattern} {name}");
    }
}
