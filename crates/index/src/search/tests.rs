//! Every answer compared with one that looks at all records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};

use indelible_event::{Micros, Outcome};
use proptest::collection::vec;
use proptest::prelude::*;

use super::model::{Kind, Model, TRAILS, Told};
use super::worlds::{World, accesses, queries, some, told, world, worlds};
use super::*;
use crate::Facet;
use crate::limits::{BUCKETS_MAX, COUNT_MAX, PAGE_BYTES_MAX};
use crate::query::{Expr, Query};

fn frozen() -> Micros {
    Micros(0)
}

fn expected<'a>(world: &'a World, query: &Query, access: &Access) -> Vec<&'a Told> {
    let is = |told: &&Told| access.allows(told.trail) && query.matches(&told.doc());
    world.all.iter().filter(is).collect()
}

/// Goes from page to page to the end.
fn leaf_through(
    units: &[Model],
    ask: &Ask<'_>,
    mut want: PageAsk,
    mut budget: impl FnMut() -> Budget<'static>,
) -> (Vec<u64>, usize) {
    let (mut places, mut pages) = (Vec::new(), 0);
    loop {
        let page = page(units, ask, &want, &mut budget()).unwrap();
        pages += 1;
        assert!(page.records.len() <= want.limit);
        assert!(
            page.records.len() == want.limit || page.next.is_none() || page.incomplete.is_some()
        );
        places.extend(page.records.iter().map(|told| told.pos));
        let Some(next) = page.next else {
            assert_eq!(page.incomplete, None);
            return (places, pages);
        };
        assert!(pages < 1_000, "it does not get further");
        let text = next.encode();
        want.after = Some(Cursor::decode(&text).unwrap());
        assert_eq!(want.after, Some(next));
    }
}

fn sort_places(mut told: Vec<&Told>, order: Order, sort: Sort) -> Vec<u64> {
    if sort == Sort::Occurred {
        told.sort_by_key(|told| (told.occurred_at.unwrap_or(told.recorded_at), told.pos));
    }
    let mut places: Vec<u64> = told.iter().map(|told| told.pos).collect();
    if order == Order::Newest {
        places.reverse();
    }
    places
}

const WAYS: [(Order, Sort); 4] = [
    (Order::Newest, Sort::Recorded),
    (Order::Oldest, Sort::Recorded),
    (Order::Newest, Sort::Occurred),
    (Order::Oldest, Sort::Occurred),
];

fn plain(pos: u64, trail: u32, actor: &str) -> Told {
    let parts = [Some(format!(r#"{{"actor":{{"id":"{actor}"}}}}"#)), None, None];
    Told { trail, pos, recorded_at: pos as i64, parts, ..some() }
}

fn unit(told: Vec<Told>) -> Model {
    let rows = told.len();
    Model::new(told, rows, Kind::Model(4))
}

fn everything() -> Query {
    Query { text: String::new(), expr: Expr::All }
}

#[test]
fn large_records_end_a_page_early() {
    let large = |pos| {
        let mut told = plain(pos, 0, "a");
        told.parts[2] = Some(format!(r#"{{"details":{{"text":"{}"}}}}"#, "y ".repeat(900_000)));
        told
    };
    let units = [unit((0..14).map(large).collect())];
    let (query, access) = (everything(), Access::All);
    let ask = Ask { query: &query, access: &access, trails: &TRAILS };
    let want = PageAsk { limit: 10, ..PageAsk::default() };
    let first = page(&units, &ask, &want, &mut Budget::new(&frozen)).unwrap();
    assert_eq!(first.records.len(), PAGE_BYTES_MAX / first.records[0].bytes());
    assert_eq!(first.incomplete, None);
    let second = PageAsk { after: first.next, ..want };
    let second = page(&units, &ask, &second, &mut Budget::new(&frozen)).unwrap();
    assert_eq!(second.records[0].pos, 13 - first.records.len() as u64);
}

#[test]
fn a_broken_record_is_an_alarm_and_no_answer() {
    let mut told: Vec<Told> = (0..6).map(|pos| plain(pos, pos as u32 % 2, "a")).collect();
    told[2].broken = true;
    told[3].broken = true;
    let units = [unit(told)];
    let (query, access) = (everything(), Access::Trails(BTreeSet::from([0])));
    let ask = Ask { query: &query, access: &access, trails: &TRAILS };
    let want = PageAsk { limit: 10, ..PageAsk::default() };
    let page = page(&units, &ask, &want, &mut Budget::new(&frozen)).unwrap();
    assert_eq!(page.records.iter().map(|told| told.pos).collect::<Vec<_>>(), [4, 0]);
    assert_eq!(page.alarms.iter().map(|alarm| alarm.pos).collect::<Vec<_>>(), [2]);
}

#[test]
fn an_index_that_leads_to_another_trail_is_damaged() {
    let mut unit = unit(vec![plain(0, 0, "a"), plain(1, 1, "a")]);
    unit.told[1].trail = 2;
    let (query, access) = (everything(), Access::Trails(BTreeSet::from([1])));
    let ask = Ask { query: &query, access: &access, trails: &TRAILS };
    let want = PageAsk { limit: 10, ..PageAsk::default() };
    let found = page(&[unit], &ask, &want, &mut Budget::new(&frozen));
    assert!(matches!(found, Err(SearchError::Index { unit: 0, .. })), "{found:?}");
}

#[test]
fn beyond_a_bound_nothing_is_counted() {
    for (rows, exact) in [(COUNT_MAX, true), (COUNT_MAX + 1, false)] {
        let units = [unit((0..rows).map(|pos| plain(pos, 0, "a")).collect())];
        let (query, access) = (everything(), Access::All);
        let ask = Ask { query: &query, access: &access, trails: &TRAILS };
        let want = PageAsk { limit: 1, skip: COUNT_MAX - 1, count: true, ..PageAsk::default() };
        let page = page(&units, &ask, &want, &mut Budget::new(&frozen)).unwrap();
        assert_eq!(page.total, Some(Total { value: COUNT_MAX, exact }));
        assert_eq!(page.records[0].pos, rows - COUNT_MAX);
        // Only what is shown was read.
        assert_eq!(units[0].reads.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn facets_say_whether_a_value_may_be_missing() {
    // Each unit has 400 values of its own and two that both have, one often and one seldom in each.
    let told = |unit: u64, often: &str, seldom: &str| -> Vec<Told> {
        let own = (0..400).map(|at| format!("own-{unit}-{at}"));
        let often = std::iter::repeat_n(often.to_owned(), 30);
        let actors = own.chain(often).chain(std::iter::repeat_n(seldom.to_owned(), 1));
        actors.enumerate().map(|(at, actor)| plain(unit * 1_000 + at as u64, 0, &actor)).collect()
    };
    let units = [unit(told(0, "x", "y")), unit(told(1, "y", "x"))];
    let (query, access) = (everything(), Access::All);
    let ask = Ask { query: &query, access: &access, trails: &TRAILS };
    for (top, exact) in [(2, true), (3, false)] {
        let want = StatsAsk { facets: &[Facet::Actor], top, histogram: None };
        let stats = stats(&units, &ask, &want, &mut Budget::new(&frozen)).unwrap();
        let facet = &stats.facets[0];
        assert_eq!(facet.values[..2], [("x".to_owned(), 31), ("y".to_owned(), 31)]);
        assert_eq!((facet.values.len(), facet.exact), (top, exact));
        assert_eq!(facet.other, 862 - 62 - (top as u64 - 2));
    }
}

#[test]
fn a_histogram_has_a_bound() {
    let units = [unit((0..=BUCKETS_MAX as u64).map(|pos| plain(pos, 0, "a")).collect())];
    let (query, access) = (everything(), Access::All);
    let ask = Ask { query: &query, access: &access, trails: &TRAILS };
    for by in [Sort::Recorded, Sort::Occurred] {
        let stats_by = |interval| {
            let histogram = Some(HistogramAsk { interval, by });
            let want = StatsAsk { facets: &[], top: 0, histogram };
            stats(&units, &ask, &want, &mut Budget::new(&frozen))
        };
        assert_eq!(stats_by(1).unwrap_err(), SearchError::Buckets(BUCKETS_MAX));
        assert_eq!(stats_by(0).unwrap_err(), SearchError::Interval);
        assert_eq!(stats_by(2).unwrap().histogram.len(), BUCKETS_MAX / 2 + 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pages_show_each_match_once(
        world in worlds(), query in queries(), access in accesses(), limit in 1..30usize, way in 0..4usize,
        skip in 0..20u64,
    ) {
        let ask = Ask { query: &query, access: &access, trails: &TRAILS };
        let (order, sort) = WAYS[way];
        let want = PageAsk { order, sort, limit, ..PageAsk::default() };
        let expected = sort_places(expected(&world, &query, &access), order, sort);
        let (places, _) = leaf_through(&world.units, &ask, want, || Budget::new(&frozen));
        prop_assert_eq!(&places, &expected);

        let want = PageAsk { skip, count: true, ..want };
        let page = page(&world.units, &ask, &want, &mut Budget::new(&frozen)).unwrap();
        let skipped = expected.get(skip as usize..).unwrap_or_default();
        let shown: Vec<u64> = page.records.iter().map(|told| told.pos).collect();
        prop_assert_eq!(&shown[..], &skipped[..limit.min(skipped.len())]);
        prop_assert_eq!(page.total, Some(Total { value: expected.len() as u64, exact: true }));
        prop_assert_eq!(page.next.is_some(), skipped.len() > limit);
    }

    #[test]
    fn small_budgets_get_to_the_end(
        world in worlds(), query in queries(), access in accesses(), limit in 1..9usize, rows in 0..4u64,
        way in 0..4usize, skip in 0..5u64, impatient in any::<bool>(),
    ) {
        static NOW: AtomicI64 = AtomicI64::new(0);
        let clock: &'static (dyn Fn() -> Micros + Sync) =
            &|| Micros(NOW.fetch_add(1, Ordering::Relaxed));
        let ask = Ask { query: &query, access: &access, trails: &TRAILS };
        let (order, sort) = WAYS[way];
        // What is sorted has to be there before the first page.
        let impatient = impatient && sort == Sort::Recorded;
        let want = PageAsk { order, sort, limit, skip, ..PageAsk::default() };
        let expected = sort_places(expected(&world, &query, &access), order, sort);
        let (places, _) = leaf_through(&world.units, &ask, want, || {
            Budget::with(rows, u64::MAX, if impatient { 1 } else { i64::MAX / 2 }, clock)
        });
        prop_assert_eq!(&places[..], expected.get(skip as usize..).unwrap_or_default());
    }

    #[test]
    fn no_more_are_sorted_than_may_be(world in worlds(), max in 0..60u64, oldest in any::<bool>()) {
        let query = everything();
        let ask = Ask { query: &query, access: &Access::All, trails: &TRAILS };
        let all = gather::Places { from: 0, to: u64::MAX };
        let rows: Vec<_> = (0..world.units.len())
            .map(|unit| (unit, gather::find(&world.units, unit, &ask, all).unwrap()))
            .collect();
        let order = if oldest { Order::Oldest } else { Order::Newest };
        let end = world.all.last().map_or(0, |told| told.pos);
        let (places, whole) = sorted::bound(&world.units, &rows, order, end, max);
        let is_in = |told: &&Told| (places.from..=places.to).contains(&told.pos);
        let taken = world.all.iter().filter(is_in).count();
        prop_assert_eq!(taken, world.all.len().min(max as usize));
        prop_assert_eq!(whole, taken == world.all.len());
        let ends = if oldest { world.all.first() } else { world.all.last() };
        prop_assert!(max == 0 || ends.iter().all(is_in));
    }

    #[test]
    fn statistics_are_right(
        world in worlds(), query in queries(), access in accesses(), interval in 1..90i64, top in 0..12usize,
        occurred in any::<bool>(),
    ) {
        let ask = Ask { query: &query, access: &access, trails: &TRAILS };
        let by = if occurred { Sort::Occurred } else { Sort::Recorded };
        let histogram = Some(HistogramAsk { interval, by });
        let want = StatsAsk { facets: &Facet::ALL, top, histogram };
        let stats = stats(&world.units, &ask, &want, &mut Budget::new(&frozen)).unwrap();
        let expected = expected(&world, &query, &access);
        prop_assert_eq!(stats.total, Total { value: expected.len() as u64, exact: true });
        for facet in &stats.facets {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            let mut missing = 0;
            for told in &expected {
                match told.facet(facet.facet) {
                    Some(value) => *counts.entry(value).or_default() += 1,
                    None => missing += 1,
                }
            }
            let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
            counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            let other = counts.iter().skip(top).map(|(_, count)| count).sum::<u64>();
            counts.truncate(top);
            let whole = FacetCounts { facet: facet.facet, values: counts, other, missing, exact: true };
            prop_assert_eq!(facet, &whole);
        }
        let mut buckets: BTreeMap<i64, (u64, [u64; 6])> = BTreeMap::new();
        let mut outcomes = [0; 6];
        for told in &expected {
            let at = told.occurred_at.filter(|_| occurred).unwrap_or(told.recorded_at);
            let bucket = buckets.entry(at.div_euclid(interval) * interval).or_default();
            let outcome = Outcome::ALL.iter().position(|of| *of == told.outcome).unwrap();
            bucket.0 += 1;
            bucket.1[outcome] += 1;
            outcomes[outcome] += 1;
        }
        let buckets: Vec<Bucket> = buckets
            .into_iter()
            .map(|(start, (count, outcomes))| Bucket { start: Micros(start), count, outcomes })
            .collect();
        prop_assert_eq!(stats.histogram, buckets);
        prop_assert_eq!(stats.outcomes, outcomes);
    }

    #[test]
    fn suggestions_are_right(
        world in worlds(), access in accesses(), facet in 0..8usize, limit in 0..6usize,
        prefix in prop::sample::select(vec!["", "u", "US", "backup.", "10.0", "k1/", "zz", "ä"]),
    ) {
        let facet = Facet::ALL[facet];
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for told in world.all.iter().filter(|told| access.allows(told.trail)) {
            if let Some(value) = told.facet(facet).filter(|value| crate::fold(value).starts_with(&*crate::fold(prefix))) {
                *counts.entry(value).or_default() += 1;
            }
        }
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts.truncate(limit);
        let found = suggest(&world.units, &access, facet, prefix, limit, &mut Budget::new(&frozen)).unwrap();
        prop_assert_eq!(found, counts);
    }

    #[test]
    fn other_trails_change_nothing(
        told in vec(told(), 1..60), deal in vec(any::<u8>(), 1..20), query in queries(), rows in 0..20u64,
        top in 1..4usize,
    ) {
        // The same events of one trail, once among others and once alone, in the same units and places.
        let whole = world(told, &deal, 3, 0);
        let alone: Vec<Model> = whole.units.iter().filter_map(|unit| {
            let own: Vec<Told> = unit.told.iter().filter(|told| told.trail == 1).cloned().collect();
            let rows = own.len();
            (rows > 0).then(|| Model::new(own, rows, unit.kind))
        }).collect();
        let access = Access::Trails(BTreeSet::from([1]));
        let ask = Ask { query: &query, access: &access, trails: &TRAILS };
        let want = StatsAsk { facets: &Facet::ALL, top, histogram: None };
        let budget = || Budget::with(rows, u64::MAX, 1, &frozen);
        let one = stats(&whole.units, &ask, &want, &mut budget()).unwrap();
        let other = stats(&alone, &ask, &want, &mut budget()).unwrap();
        prop_assert_eq!(one, other);
        let want = PageAsk { limit: 5, count: true, ..PageAsk::default() };
        let one = page(&whole.units, &ask, &want, &mut budget()).unwrap();
        let other = page(&alone, &ask, &want, &mut budget()).unwrap();
        let places = |page: &Page<Told>| page.records.iter().map(|told| told.pos).collect::<Vec<_>>();
        prop_assert_eq!(places(&one), places(&other));
        prop_assert_eq!((one.total, one.incomplete, one.next), (other.total, other.incomplete, other.next));
        let reads = |units: &[Model]| units.iter().map(|unit| unit.reads.load(Ordering::Relaxed)).sum::<u64>();
        prop_assert_eq!(reads(&whole.units), reads(&alone));
    }

    #[test]
    fn edited_cursors_are_refused(world in worlds(), at in 0..50usize, to in "[A-Za-z0-9_-]", junk in ".{0,60}") {
        let query = Query { text: "all".to_owned(), expr: Expr::All };
        let ask = Ask { query: &query, access: &Access::All, trails: &TRAILS };
        let mut want = PageAsk { limit: 1, ..PageAsk::default() };
        let _ = Cursor::decode(&junk);
        let page_of = |want: &PageAsk| page(&world.units, &ask, want, &mut Budget::new(&frozen));
        if let Some(cursor) = page_of(&want).unwrap().next {
            let mut text = cursor.encode();
            let at = at % text.len();
            text.replace_range(at..=at, &to);
            match Cursor::decode(&text) {
                Ok(edited) if edited == cursor => {}
                Ok(edited) => {
                    want.after = Some(edited);
                    prop_assert_eq!(page_of(&want).unwrap_err(), SearchError::Cursor(CursorError));
                }
                Err(CursorError) => {}
            }
            want.after = Some(cursor);
            let other = Query { text: "other".to_owned(), expr: Expr::All };
            let ask = Ask { query: &other, ..ask };
            let refused = page(&world.units, &ask, &want, &mut Budget::new(&frozen));
            prop_assert_eq!(refused.unwrap_err(), SearchError::Cursor(CursorError));
        }
    }
}
