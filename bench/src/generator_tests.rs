use std::collections::{HashMap, HashSet};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;

const COUNT: usize = 20_000;

fn parsed(events: &Events) -> Vec<Value> {
    events.iter().map(|event| serde_json::from_slice(event).expect("an event is JSON")).collect()
}

#[test]
fn a_seed_gives_the_same_events_for_ever() {
    let (one, two) = (Events::generate(7, COUNT), Events::generate(7, COUNT));
    assert_eq!(one.bytes, two.bytes);
    assert_ne!(one.bytes, Events::generate(8, COUNT).bytes);
    // Of this generator's version; numbers measured with other bytes are not comparable.
    let digest: String =
        Sha256::digest(&one.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, "655ce550e593f0e6bf4e10cdaabd61847e1d87407e412085ba826e827d54c5f5");
}

#[test]
fn pieces_are_the_whole() {
    let whole = Events::generate(3, 1_000);
    let mut generator = Generator::new(3);
    let (first, second) = (generator.take(400), generator.take(600));
    assert_eq!(whole.bytes, [first.bytes, second.bytes].concat());
}

#[test]
fn an_event_has_640_bytes_on_average() {
    let events = Events::generate(1, COUNT);
    let mean = events.total_size() as f64 / COUNT as f64;
    assert!((608.0..=672.0).contains(&mean), "the mean is {mean:.1} bytes");
}

#[test]
fn groups_hold_every_event_once() {
    let events = Events::generate(1, 250);
    let sizes: Vec<usize> = events.groups(100).map(|group| group.len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
    assert!(events.groups(100).flatten().eq(events.iter()));
}

#[test]
fn events_have_the_members_of_the_model() {
    for event in parsed(&Events::generate(1, 2_000)) {
        let id = event["id"].as_str().expect("an id");
        assert_eq!((id.len(), &id[14..15]), (36, "7"), "{id}");
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
        let time = event["occurred_at"].as_str().expect("a time");
        assert_eq!((time.len(), &time[..8], &time[26..]), (27, "2026-01-", "Z"), "{time}");
        for member in ["trail", "action", "category", "outcome"] {
            assert!(event[member].is_string(), "{member}");
        }
        assert!(event["actor"]["id"].is_string());
        assert!(event["targets"][0]["id"].is_string());
        for member in ["ip", "user_agent", "request_id", "correlation_id", "service"] {
            assert!(event["context"][member].is_string(), "{member}");
        }
        assert!(event["details"].is_object());
    }
}

#[test]
fn a_few_actors_do_most_and_many_do_a_little() {
    let events = parsed(&Events::generate(1, COUNT));
    let mut of_actor: HashMap<&str, usize> = HashMap::new();
    for event in &events {
        *of_actor.entry(event["actor"]["id"].as_str().expect("an id")).or_default() += 1;
    }
    let busiest = of_actor.values().copied().max().unwrap_or(0);
    // Zipf over 50,000: the first has one part in 11.4 of all.
    assert!((COUNT / 15..COUNT / 8).contains(&busiest), "the busiest has {busiest}");
    assert!(of_actor.len() > 1_500, "only {} actors", of_actor.len());
    let trails: HashSet<&str> = events.iter().filter_map(|event| event["trail"].as_str()).collect();
    let actions: HashSet<&str> =
        events.iter().filter_map(|event| event["action"].as_str()).collect();
    assert_eq!((trails.len(), actions.len()), (20, 60));
}

#[test]
fn the_names_are_in_the_models_alphabet() {
    for (action, category, target, _) in ACTIONS {
        assert!(action.split('.').all(|part| !part.is_empty()), "{action}");
        for name in [&action.replace('.', "_"), category, target] {
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                "{name}"
            );
        }
    }
    assert_eq!(ACTIONS.iter().map(|action| action.0).collect::<HashSet<_>>().len(), 60);
}

#[test]
fn days_become_dates() {
    assert_eq!(civil(0), (1970, 1, 1));
    assert_eq!(civil(11_016), (2000, 2, 29));
    assert_eq!(civil(20_458), (2026, 1, 5));
    assert_eq!(civil(20_818), (2026, 12, 31));
}
