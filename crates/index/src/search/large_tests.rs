//! Units of several blocks of rows, counted and sorted, compared with a look at all records.

use std::collections::BTreeMap;

use indelible_event::{Micros, Outcome};

use super::model::{Kind, Model, TRAILS, Told};
use super::worlds::some;
use super::*;
use crate::query::{Expr, Leaf, Query, Span, Test};
use crate::{Facet, Field};

const SECOND: i64 = 1_000_000;

/// Most happened just before they were recorded, one in eleven long before, and some do not say.
fn told(pos: u64) -> Told {
    let random = (pos.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as i64;
    let recorded_at = pos as i64 * SECOND;
    let late = if pos % 11 == 3 { random % 3_000 } else { random % 20 };
    let outcome = if random % 9 == 0 { 1 + random as usize % 5 } else { 0 };
    let who = format!(r#"{{"actor":{{"type":"user","id":"u{}"}}}}"#, random % 700);
    Told {
        trail: u32::from(random % 5 == 1),
        pos,
        recorded_at,
        occurred_at: Some(recorded_at - late * SECOND).filter(|_| pos % 13 != 5),
        outcome: Outcome::ALL[outcome],
        parts: [Some(who), None, None],
        ..some()
    }
}

/// A frozen unit, a live one with rows after the snapshot, and a frozen one again.
fn units() -> (Vec<Model>, Vec<Told>) {
    let (mut units, mut all) = (Vec::new(), Vec::new());
    for (places, after, kind) in [
        (0..5_000, 0, Kind::Frozen),
        (5_000..8_500, 400, Kind::Live),
        (8_500..10_600, 0, Kind::Frozen),
    ] {
        let told: Vec<Told> = places.map(told).collect();
        let rows = told.len() - after;
        all.extend_from_slice(&told[..rows]);
        units.push(Model::new(told, rows, kind));
    }
    (units, all)
}

fn queries() -> Vec<Query> {
    let span = |from: Option<i64>, to: Option<i64>| Span {
        from: from.map(|at| Micros(at * SECOND)),
        to: to.map(|at| Micros(at * SECOND)),
    };
    let outcome = |name: &str| Leaf::Field(Field::Outcome, Test::Is(name.to_owned())).into();
    let actor: Expr = Leaf::Field(Field::Actor, Test::Is("u17".to_owned())).into();
    let exprs: Vec<Expr> = vec![
        Expr::All,
        Leaf::Occurred(span(Some(1_500), Some(7_000))).into(),
        Leaf::Occurred(span(Some(5_100), None)).into(),
        Leaf::Occurred(span(None, Some(3))).into(),
        Leaf::Recorded(span(Some(900), Some(9_000))).into(),
        outcome("success"),
        Expr::And(vec![outcome("denied"), Leaf::Occurred(span(Some(400), Some(9_900))).into()]),
        Expr::Not(Box::new(outcome("success"))),
        Expr::Or(vec![actor.clone(), outcome("failure"), actor]),
    ];
    exprs.into_iter().map(|expr| Query { text: format!("{expr:?}"), expr }).collect()
}

fn accesses() -> [Access; 2] {
    [Access::All, Access::Trails(BTreeSet::from([0]))]
}

#[test]
fn counts_over_many_blocks_are_right() {
    let (units, all) = units();
    for (query, access) in queries().iter().flat_map(|query| accesses().map(|of| (query, of))) {
        let ask = Ask { query, access: &access, trails: &TRAILS };
        let expected: Vec<&Told> = all
            .iter()
            .filter(|told| access.allows(told.trail) && query.matches(&told.doc()))
            .collect();
        for (by, seconds) in [
            (Sort::Occurred, 60),
            (Sort::Occurred, 3_600),
            (Sort::Occurred, 7),
            (Sort::Recorded, 60),
        ] {
            let interval = seconds * SECOND;
            let histogram = Some(HistogramAsk { interval, by });
            let want = StatsAsk { facets: &[Facet::Actor, Facet::Outcome], top: 5, histogram };
            // Twice, as what was counted may be kept.
            for _ in 0..2 {
                let stats = stats(&units, &ask, &want, &mut Budget::new(&|| Micros(0))).unwrap();
                assert_eq!(stats.total, Total { value: expected.len() as u64, exact: true });
                check(&stats, &expected, by, interval);
            }
        }
    }
}

fn check(stats: &Stats, expected: &[&Told], by: Sort, interval: i64) {
    let mut buckets: BTreeMap<i64, [u64; 6]> = BTreeMap::new();
    let mut facets: [BTreeMap<String, u64>; 2] = Default::default();
    for told in expected {
        let at = told.occurred_at.filter(|_| by == Sort::Occurred).unwrap_or(told.recorded_at);
        let outcome = Outcome::ALL.iter().position(|of| *of == told.outcome).unwrap();
        buckets.entry(at.div_euclid(interval) * interval).or_default()[outcome] += 1;
        for (counts, facet) in facets.iter_mut().zip([Facet::Actor, Facet::Outcome]) {
            *counts.entry(told.facet(facet).unwrap()).or_default() += 1;
        }
    }
    let bucket = |(start, outcomes): (i64, [u64; 6])| Bucket {
        start: Micros(start),
        count: outcomes.iter().sum(),
        outcomes,
    };
    assert_eq!(stats.histogram, buckets.into_iter().map(bucket).collect::<Vec<_>>());
    for (counts, facet) in facets.into_iter().zip(&stats.facets) {
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts.truncate(5);
        let listed: u64 = counts.iter().map(|(_, count)| count).sum();
        assert_eq!(facet.other, expected.len() as u64 - listed);
        // Of several values there are more than any unit proposes, and then it is said.
        let named: Vec<u64> = facet.values.iter().map(|(_, count)| *count).collect();
        let right: Vec<u64> = counts.iter().map(|(_, count)| *count).collect();
        assert!(named == right || !facet.exact, "{named:?} {right:?}");
    }
}

#[test]
fn pages_by_time_go_through_all_units() {
    let (units, all) = units();
    let query = &queries()[1];
    for (access, order) in accesses()
        .into_iter()
        .flat_map(|of| [Order::Oldest, Order::Newest].map(|o| (of.clone(), o)))
    {
        let ask = Ask { query, access: &access, trails: &TRAILS };
        let mut expected: Vec<(i64, u64)> = all
            .iter()
            .filter(|told| access.allows(told.trail) && query.matches(&told.doc()))
            .map(|told| (told.occurred_at.unwrap_or(told.recorded_at), told.pos))
            .collect();
        expected.sort_unstable();
        if order == Order::Newest {
            expected.reverse();
        }
        let (mut places, mut after) = (Vec::new(), None);
        loop {
            let want =
                PageAsk { order, sort: Sort::Occurred, limit: 900, after, ..PageAsk::default() };
            let page = page(&units, &ask, &want, &mut Budget::new(&|| Micros(0))).unwrap();
            places.extend(page.records.iter().map(|told| told.pos));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(places, expected.iter().map(|(_, pos)| *pos).collect::<Vec<_>>());
    }
}
