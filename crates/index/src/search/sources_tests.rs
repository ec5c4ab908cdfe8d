//! What is counted of sources compared with what all records say, one by one.

use std::collections::{BTreeMap, BTreeSet};

use indelible_event::{EventId, Micros, Outcome, Source};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::query::{Expr, Leaf, Query, Test};
use crate::search::model::{Kind, Model, TRAILS, Told};
use crate::search::worlds::{World, accesses, told, world};
use crate::search::{Ask, referred};

fn frozen() -> Micros {
    Micros(0)
}

/// A source's numbers in the time asked for: received, missing, in flight.
fn expected(world: &World, access: &Access, want: &SourcesAsk<'_>) -> Vec<([u8; 16], [u64; 4])> {
    let mut all: BTreeMap<[u8; 16], BTreeSet<u64>> = BTreeMap::new();
    let mut here: BTreeMap<[u8; 16], Vec<&Told>> = BTreeMap::new();
    for told in world.all.iter().filter(|told| access.allows(told.trail)) {
        let Some(source) = told.source else { continue };
        all.entry(source.id).or_default().insert(source.seq);
        if want.since.is_none_or(|since| told.recorded_at >= since.0) {
            here.entry(source.id).or_default().push(told);
        }
    }
    let shown = |told: &&Told| want.within.is_none_or(|within| within.contains(&told.trail));
    here.retain(|_, told| told.iter().any(shown));
    let count = |(id, told): ([u8; 16], Vec<&Told>)| {
        let seq = |told: &&Told| told.source.unwrap().seq;
        let numbers: BTreeSet<u64> = told.iter().map(seq).collect();
        let recent: BTreeSet<u64> =
            told.iter().filter(|told| told.recorded_at >= want.recent.0).map(seq).collect();
        let lowest = if want.since.is_none() { 0 } else { *numbers.first().unwrap() };
        let (mut missing, mut in_flight) = (0, 0);
        for number in (lowest..*numbers.last().unwrap()).filter(|n| !all[&id].contains(n)) {
            // The next one that was received before or in the time.
            let next = all[&id].range(number..).next().unwrap();
            if recent.contains(next) { in_flight += 1 } else { missing += 1 }
        }
        (id, [told.len() as u64, numbers.len() as u64, missing, in_flight])
    };
    here.into_iter().map(count).collect()
}

fn found(sources: &Sources) -> Vec<([u8; 16], [u64; 4])> {
    let of = |seen: &SourceSeen| {
        let numbers = seen.numbers.as_ref().unwrap();
        let ranged: u64 = numbers.ranges.iter().map(|(from, to)| to - from + 1).sum();
        assert_eq!(ranged, numbers.missing);
        (seen.id, [seen.records, numbers.received, numbers.missing, numbers.in_flight])
    };
    sources.sources.iter().map(of).collect()
}

proptest! {
    #[test]
    fn every_number_is_there_or_missing_or_on_its_way(
        events in vec(told(), 1..60),
        deal in vec(0..3u8, 1..8),
        units in 1..4usize,
        access in accesses(),
        since in option::of(990..1_200i64),
        recent in 990..1_400i64,
        within in option::of(proptest::collection::btree_set(0..4u32, 0..3)),
    ) {
        let world = world(events, &deal, units, 1);
        let want = SourcesAsk {
            since: since.map(Micros), recent: Micros(recent), within: within.as_ref(),
        };
        let sources = sources(&world.units, &access, &want, &mut Budget::new(&frozen)).unwrap();
        prop_assert_eq!(sources.lacking, None);
        prop_assert_eq!(found(&sources), expected(&world, &access, &want));
    }

    #[test]
    fn what_is_referred_to_is_found_wherever_it_is(
        events in vec(told(), 1..60),
        deal in vec(0..3u8, 1..8),
        units in 1..4usize,
        access in accesses(),
        of in proptest::collection::btree_set((0..4u32, 0..20u64), 0..40),
        near in 0..100u64,
    ) {
        let world = world(events, &deal, units, 0);
        let expr = Expr::Not(Box::new(Leaf::Field(Field::Outcome, Test::Is("success".into())).into()));
        let query = Query { text: String::new(), expr };
        let ask = Ask { query: &query, access: &access, trails: &TRAILS };
        let of: BTreeSet<(u32, EventId)> =
            of.into_iter().map(|(trail, pos)| (trail, EventId::derived("model", pos))).collect();
        let refers = |(trail, id): &(u32, EventId)| world.all.iter().any(|told| {
            (told.trail, told.reference, access.allows(*trail)) == (*trail, Some(*id), true)
                && told.outcome != Outcome::Success
        });
        let wanted: BTreeSet<(u32, EventId)> = of.iter().filter(|of| refers(of)).copied().collect();
        let found = referred(&world.units, &ask, of, near, &mut Budget::new(&frozen)).unwrap();
        prop_assert_eq!(found.found, wanted);
        prop_assert_eq!(found.incomplete, None);
    }
}

fn unit(sources: &[Source]) -> Model {
    let told = |(pos, source): (usize, &Source)| Told {
        trail: 1,
        pos: pos as u64,
        recorded_at: pos as i64,
        occurred_at: None,
        action: "a.b".to_owned(),
        category: None,
        outcome: Outcome::Success,
        reference: None,
        source: Some(*source),
        parts: [None, None, None],
        broken: false,
    };
    let told: Vec<Told> = sources.iter().enumerate().map(told).collect();
    let rows = told.len() as u32;
    Model::new(told, rows as usize, Kind::Frozen)
}

fn all(recent: i64) -> SourcesAsk<'static> {
    SourcesAsk { since: None, recent: Micros(recent), within: None }
}

#[test]
fn numbers_at_the_ends_of_what_a_number_can_be_are_counted() {
    let source = |seq| Source { id: [7; 16], seq };
    let units = [unit(&[source(u64::MAX), source(u64::MAX - 1), source(1), source(1)])];
    let found =
        sources(&units, &Access::All, &all(i64::MAX), &mut Budget::new(&frozen)).unwrap().sources;
    let numbers = found[0].numbers.as_ref().unwrap();
    assert_eq!((found[0].records, numbers.received), (4, 3));
    assert_eq!(numbers.ranges, [(0, 0), (2, u64::MAX - 2)]);
    assert_eq!((found[0].lowest, found[0].highest), (1, u64::MAX));
}

#[test]
fn scattered_numbers_are_given_up_and_it_is_said() {
    let scattered = |n: u64| Source { id: [(n % 2) as u8; 16], seq: n << 33 };
    let mut kept = Kept::new(0);
    let mut n = 0;
    while kept.bytes() <= SOURCE_NUMBERS_BYTES_MAX {
        n += 10_000;
        (n - 10_000..n).for_each(|n| kept.take(scattered(n).seq, false));
    }
    let units = [unit(&[Source { id: [1; 16], seq: 5 }])];
    let want = all(i64::MAX);
    let mut tally = Tally::new(&units, &Access::All, &want, Budget::new(&frozen).deadline());
    tally.gather(0).unwrap();
    let seen = tally.seen.get_mut(&[1; 16]).unwrap();
    let kept = std::mem::replace(&mut seen.kept, kept);
    tally.take(0, Source { id: [2; 16], seq: 9 }, false, false);
    tally.shed();
    assert_eq!(tally.lacking, Some(Lacking::Numbers));
    assert!(tally.seen[&[1; 16]].kept.numbers(true).is_none());
    assert!(tally.seen[&[2; 16]].kept.numbers(true).is_some());
    drop(kept);
}

#[test]
fn without_time_it_is_said() {
    let units = [unit(&[Source { id: [1; 16], seq: 5 }])];
    let mut over = Budget::with(10, 10, -1, &frozen);
    let found = sources(&units, &Access::All, &all(0), &mut over).unwrap();
    assert_eq!((found.lacking, found.sources), (Some(Lacking::Time), Vec::new()));
}
