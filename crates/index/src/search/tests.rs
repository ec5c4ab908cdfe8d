//! Every answer compared with one that looks at all records.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::atomic::{AtomicI64, Ordering};

use indelible_event::{EventId, Micros, Outcome};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use super::model::{Model, TRAILS, Told};
use super::*;
use crate::query::{Expr, Leaf, Pattern, Query, Span, Test};
use crate::{Facet, Field};

/// A world: units whose places interleave, and all that is in their snapshots.
struct World {
    units: Vec<Model>,
    all: Vec<Told>,
}

prop_compose! {
    fn told()(
        trail in 0..4u32,
        step in 1..4u64,
        late in 0..30i64,
        occurred in option::of(-50..400i64),
        action in 0..6usize,
        category in option::of(0..3usize),
        outcome in 0..6usize,
        reference in option::of(0..20u64),
        (actor, other, service) in (option::of(0..5u8), 0..4u8, option::of(0..3u8)),
        (kind, id, number, words) in (0..3u8, 0..6u8, option::of(-3..12i32), 0..64u8),
    ) -> Told {
        let actions = ["user.login", "user.logout", "backup.delete", "backup.create", "Ä.b", "user"];
        let categories = ["system", "login", "data_access"];
        let said: Vec<&str> = ["alpha", "beta", "gamma", "alphabet", "Beta-7", "ÄÖ"]
            .into_iter().enumerate().filter(|(at, _)| words >> at & 1 == 1).map(|(_, w)| w).collect();
        let who = actor.map(|actor| format!(r#"{{"actor":{{"type":"user","id":"u{actor}","name":"Name {other}"}}}}"#));
        let location = service.map(|service| format!(
            r#"{{"context":{{"ip":"10.0.0.{other}","correlation_id":"c-{other}","service":"s{service}"}}}}"#));
        let number = number.map_or("null".to_owned(), |number| number.to_string());
        let what = format!(
            r#"{{"targets":[{{"type":"k{kind}","id":"r{id}"}}],"details":{{"n":{number},"text":"{}","long":"{}{id}"}}}}"#,
            said.join(" "), "x".repeat(126));
        Told {
            trail, pos: step, recorded_at: late, occurred_at: occurred,
            action: actions[action].to_owned(),
            category: category.map(|at| categories[at].to_owned()),
            outcome: Outcome::ALL[outcome],
            reference: reference.map(|pos| EventId::derived("model", pos)),
            parts: [who, location, Some(what)],
            broken: false,
        }
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.units.iter().map(|unit| (Unit::rows(unit), &unit.told))).finish()
    }
}

/// Deals the events to units; the last ones of each come after its snapshot.
fn world(told: Vec<Told>, deal: &[u8], units: usize, after: usize) -> World {
    let (mut pos, mut at) = (0, 1_000);
    let mut dealt: Vec<Vec<Told>> = vec![Vec::new(); units];
    for (told, deal) in told.into_iter().zip(deal.iter().cycle()) {
        pos += told.pos;
        at += told.recorded_at / 4;
        dealt[*deal as usize % units].push(Told { pos, recorded_at: at, ..told });
    }
    let (mut out, mut all) = (Vec::new(), Vec::new());
    for (number, told) in dealt.into_iter().enumerate() {
        let rows = if number == 0 { told.len().saturating_sub(after) } else { told.len() };
        if rows > 0 {
            all.extend_from_slice(&told[..rows]);
            out.push(Model::new(told, rows, [1, 2, 3, 4][number % 4]));
        }
    }
    all.sort_by_key(|told| told.pos);
    World { units: out, all }
}

fn worlds() -> impl Strategy<Value = World> {
    (vec(told(), 0..90), vec(any::<u8>(), 1..20), 1..6usize, 0..9usize)
        .prop_map(|(told, deal, units, after)| world(told, &deal, units, after))
}

fn pattern(regex: &str, contains: &str) -> Test {
    let regex = regex::Regex::new(regex).unwrap();
    Test::Matches(Pattern { text: regex.to_string(), contains: contains.to_owned(), regex })
}

fn tests(values: &'static [&'static str]) -> impl Strategy<Value = Test> {
    prop_oneof![
        3 => prop::sample::select(values).prop_map(|value| Test::Is(value.to_owned())),
        2 => prop::sample::select(values).prop_map(|value| {
            Test::Prefix(value.chars().take(2).collect())
        }),
        1 => prop::sample::select(values).prop_map(|value| {
            let part: String = value.chars().skip(1).collect();
            pattern(&format!("{}.?$", regex::escape(&part)), &part)
        }),
        1 => Just(Test::Exists),
    ]
}

fn leaves() -> impl Strategy<Value = Leaf> {
    let span = |low: i64, high: i64| {
        (option::of(low..high), option::of(low..high))
            .prop_map(|(from, to)| Span { from: from.map(Micros), to: to.map(Micros) })
    };
    let field = |field: Field, values| tests(values).prop_map(move |test| Leaf::Field(field, test));
    let id = (0..60u64).prop_map(|pos| EventId::derived("model", pos));
    let long = Test::Prefix(format!("{}3", "x".repeat(126)));
    let longer = Test::Prefix("x".repeat(128));
    prop_oneof![
        3 => field(Field::Action, &["user.login", "user", "backup.delete", "backup.create"]),
        2 => field(Field::Actor, &["u0", "u1", "u2"]),
        1 => field(Field::Category, &["system", "login"]),
        2 => field(Field::Outcome, &["success", "failure", "denied"]),
        1 => field(Field::ResourceId, &["r0", "r1", "r5"]),
        1 => field(Field::Correlation, &["c-0", "c-1"]),
        1 => tests(&["alpha", "alpha beta", "gamma"])
            .prop_map(|test| Leaf::Path("details.text".to_owned(), test)),
        1 => tests(&["5", "11", "null"]).prop_map(|test| Leaf::Path("details.n".to_owned(), test)),
        1 => prop::sample::select(vec![long, longer, pattern("x[35]$", "x")])
            .prop_map(|test| Leaf::Path("details.long".to_owned(), test)),
        1 => (-4..12i32, -4..12i32).prop_map(|(low, high)| Leaf::Path(
            "details.n".to_owned(),
            Test::Number(Bound::Included(low.into()), Bound::Excluded(high.into()))
        )),
        1 => (0..4u8).prop_map(|at| {
            let address = |last| std::net::Ipv4Addr::new(10, 0, 0, last).to_ipv6_mapped().octets();
            Leaf::Ip(address(1), address(at))
        }),
        1 => id.clone().prop_map(Leaf::Id),
        1 => id.prop_map(Leaf::Ref),
        2 => tests(&["shop", "bank", "_system", "default"]).prop_map(Leaf::Trail),
        2 => span(990, 1_300).prop_map(Leaf::Recorded),
        2 => span(-60, 1_300).prop_map(Leaf::Occurred),
        2 => tests(&["alpha", "beta", "login", "c-1", "u1", "r3", "7"]).prop_map(Leaf::Word),
        1 => Just(Leaf::Phrase(vec!["alpha".to_owned(), "beta".to_owned()])),
    ]
}

fn queries() -> impl Strategy<Value = Query> {
    let expr = prop_oneof![1 => Just(Expr::All), 9 => leaves().prop_map(Expr::Leaf)];
    let expr = expr.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Expr::Not(Box::new(inner))),
            vec(inner.clone(), 1..4).prop_map(Expr::And),
            vec(inner, 1..4).prop_map(Expr::Or),
        ]
    });
    expr.prop_map(|expr| Query { text: format!("{expr:?}"), expr })
}

fn accesses() -> impl Strategy<Value = Access> {
    prop_oneof![
        Just(Access::All),
        btree_set(0..4u32, 0..4).prop_map(Access::Trails),
    ]
}

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
        assert!(page.records.len() == want.limit || page.next.is_none() || page.incomplete.is_some());
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

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
        way in 0..2usize, skip in 0..5u64, impatient in any::<bool>(),
    ) {
        static NOW: AtomicI64 = AtomicI64::new(0);
        let clock: &'static (dyn Fn() -> Micros + Sync) =
            &|| Micros(NOW.fetch_add(1, Ordering::Relaxed));
        let ask = Ask { query: &query, access: &access, trails: &TRAILS };
        let (order, sort) = WAYS[way];
        let want = PageAsk { order, sort, limit, skip, ..PageAsk::default() };
        let expected = sort_places(expected(&world, &query, &access), order, sort);
        let (places, _) = leaf_through(&world.units, &ask, want, || {
            Budget::with(rows, u64::MAX, if impatient { 1 } else { i64::MAX / 2 }, clock)
        });
        prop_assert_eq!(&places[..], expected.get(skip as usize..).unwrap_or_default());
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
            (rows > 0).then(|| Model::new(own, rows, 4))
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
