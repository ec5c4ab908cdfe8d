use super::*;
use crate::pages::overview::counts::{Bucket, Histogram, Values};
use crate::parts::Count;

const HOUR: i64 = 3_600_000_000;
const NOW: Micros = Micros(1_800_000_000_000_000);

fn counts(buckets: &[(i64, u64)], facets: &[(&str, &[&str])]) -> Counts {
    let total = buckets.iter().map(|(_, count)| count).sum();
    let bucket = |(at, count): &(i64, u64)| Bucket {
        start: Micros(*at).to_string(),
        count: *count,
        ..Bucket::default()
    };
    let value = |value: &&str| ValueCount { value: (*value).to_owned(), count: 1 };
    let values = |values: &[&str]| Values { values: values.iter().map(value).collect(), other: 0 };
    Counts {
        total: Count { value: total, relation: "exact".into() },
        facets: facets.iter().map(|(name, of)| ((*name).to_owned(), values(of))).collect(),
        histogram: Some(Histogram { buckets: buckets.iter().map(bucket).collect() }),
        ..Counts::default()
    }
}

fn compared<'a>(lately: &'a Counts, before: &'a Counts, first: i64) -> Compared<'a> {
    Compared { lately, before, first_seen: Some(Micros(first)), now: NOW, zone: Zone::default() }
}

#[test]
fn the_pace_is_said_against_the_usual() {
    for (lately, weeks, unusual, wanted) in [
        (210, &[70, 70, 70, 70][..], true, "3 times their usual"),
        (70, &[63, 77], false, "as usual"),
        (80, &[63, 77], false, "more than in any of these weeks"),
        (60, &[63, 77], false, "less than in any of these weeks"),
        (7, &[63, 77], true, "half their usual or less"),
        (0, &[63, 77], true, "not active any more"),
        (7, &[], true, "there is no usual yet"),
        (7, &[0, 0], true, "none in the 8 weeks before"),
        (0, &[0, 0], false, "No events in the last 9 weeks"),
        (u64::MAX, &[1], true, "times their usual"),
    ] {
        let finding = pace(lately, weeks);
        assert!(finding.words.contains(wanted), "{lately} {weeks:?}: {}", finding.words);
        assert_eq!(finding.unusual, unusual, "{}", finding.words);
    }
    assert!(pace(210, &[70]).words.contains("30 events a day in the last 7 days"));
    assert!(pace(5, &[5]).words.contains("0.7 events a day"));
}

#[test]
fn weeks_before_they_were_known_do_not_count() {
    let before = counts(&[(NOW.0 - 8 * DAY, 70), (NOW.0 - 15 * DAY, 50)], &[]);
    let lately = counts(&[(NOW.0 - HOUR, 70)], &[]);
    assert_eq!(compared(&lately, &before, NOW.0 - 16 * DAY).weeks(), [70, 50]);
    assert_eq!(compared(&lately, &before, 0).weeks(), [70, 50, 0, 0, 0, 0, 0, 0]);
    assert!(compared(&lately, &counts(&[], &[]), NOW.0 - DAY).weeks().is_empty());
    // What was recorded late happened before what was recorded first.
    assert_eq!(compared(&lately, &before, NOW.0 - DAY).weeks(), [70, 50]);
    assert_eq!(compared(&lately, &before, i64::MIN).weeks().len(), WEEKS);
}

#[test]
fn what_is_new_is_named() {
    let before = counts(&[(NOW.0 - 20 * DAY, 70)], &[("ip", &["192.0.2.1"]), ("action", &["a"])]);
    let addresses: &[&str] = &["192.0.2.1", "198.51.100.80"];
    let lately = counts(&[(NOW.0 - HOUR, 70)], &[("ip", addresses), ("action", &["a"])]);
    let found =
        compared(&lately, &before, NOW.0 - 21 * DAY).unknown("ip", "ip", "address", "addresses");
    let found = found.expect("one is new");
    assert_eq!(found.words, "1 new address for the first time");
    assert_eq!(found.values, [("ip", "198.51.100.80".to_owned())]);
    let found = compared(&lately, &before, 0).unknown("ip", "ip", "address", "addresses");
    assert_eq!(found.expect("one is new").words, "1 new address for the first time in 9 weeks");
    assert_eq!(compared(&lately, &before, 0).unknown("action", "action", "x", "y"), None);
    // What is not listed may have been there.
    let mut partly = before.clone();
    partly.facets.get_mut("ip").unwrap().other = 1;
    assert_eq!(compared(&lately, &partly, 0).unknown("ip", "ip", "address", "addresses"), None);
}

#[test]
fn hours_without_an_event_before_are_named_in_the_viewers_zone() {
    let midnight = NOW.0.div_euclid(DAY) * DAY;
    let before: Vec<(i64, u64)> =
        (9..17).map(|hour| (midnight - 30 * DAY + hour * HOUR, 20)).collect();
    let before = counts(&before, &[]);
    let lately = counts(&[(midnight - DAY + 3 * HOUR, 12), (midnight - DAY + 10 * HOUR, 5)], &[]);
    let mut compared = compared(&lately, &before, 0);
    let found = compared.hours().expect("three is unusual");
    assert!(
        found.words.contains("from 03:00 (12)") && found.words.contains("UTC"),
        "{}",
        found.words
    );
    assert!(!found.words.contains("10:00"), "{}", found.words);
    compared.zone = Zone::read(Some("330"));
    let found = compared.hours().expect("it still is");
    assert!(found.words.contains("from 08:30 (12)"), "{}", found.words);
}

#[test]
fn failures_are_told_where_there_are_more_than_usual() {
    let mut before = counts(&[(NOW.0 - 20 * DAY, 100)], &[]);
    let mut lately = counts(&[(NOW.0 - HOUR, 10)], &[]);
    lately.failures.value = 2;
    assert_eq!(compared(&lately, &before, 0).failures(), None);
    lately.denied.value = 2;
    let found = compared(&lately, &before, 0).failures().expect("there were none");
    assert!(found.unusual && found.words.contains("none in the weeks before"), "{}", found.words);
    before.failures.value = 5;
    let found = compared(&lately, &before, 0).failures().expect("there are four");
    assert!(found.unusual && found.words.contains("40 % of all, usually 5 %"), "{}", found.words);
    before.failures.value = 35;
    assert!(!compared(&lately, &before, 0).failures().expect("there are four").unusual);
}
