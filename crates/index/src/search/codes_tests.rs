//! However rows are counted, each by itself says the same.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringBitmap;

use super::Counts;
use crate::search::model::{Kind, Model, Told};
use crate::search::worlds::some;
use crate::{Facet, Index};

const ROWS: u32 = 4_000;

/// Rows with many values of which a few are frequent; every fifth has none.
fn told() -> Vec<Told> {
    let row = |row: u32| {
        let random = row.wrapping_mul(0x9e37_79b9) >> 16;
        let actor = if row.is_multiple_of(3) { random % 7 } else { 100 + random % 1_500 };
        let who = format!(r#"{{"actor":{{"type":"user","id":"u{actor}"}}}}"#);
        let who = Some(who).filter(|_| row % 5 != 4);
        Told { pos: row.into(), recorded_at: row.into(), parts: [who, None, None], ..some() }
    };
    (0..ROWS).map(row).collect()
}

fn sets() -> Vec<RoaringBitmap> {
    let every = |step: u32| (0..ROWS).filter(|row| row % step == 1).collect::<RoaringBitmap>();
    let mut all = RoaringBitmap::new();
    all.insert_range(0..ROWS);
    let most = &all - every(9);
    let mut stretch = RoaringBitmap::new();
    stretch.insert_range(17..3_300);
    vec![RoaringBitmap::new(), [0].into(), every(97), every(2), every(3), most, stretch, all]
}

#[test]
fn few_half_most_and_all_rows_are_counted_alike() {
    let told = told();
    let snapshot = told.len() - 300;
    let kinds = [Kind::Live, Kind::Frozen, Kind::Model(2), Kind::Model(3)];
    for (kind, rows) in
        kinds.into_iter().flat_map(|kind| sets().into_iter().map(move |r| (kind, r)))
    {
        // The index may have more rows than are in the snapshot; all are counted here.
        let model = Model::new(
            told.clone(),
            if let Kind::Live = kind { snapshot } else { told.len() },
            kind,
        );
        crate::search::Unit::with_index(&model, |index| check(index, &told, &rows));
    }
}

fn check(index: &dyn Index, told: &[Told], rows: &RoaringBitmap) {
    let counts = Counts::of(index, rows, Facet::Actor).unwrap();
    let mut right: BTreeMap<String, u32> = BTreeMap::new();
    let mut missing = 0;
    for row in rows {
        match told[row as usize].facet(Facet::Actor) {
            Some(value) => *right.entry(value).or_default() += 1,
            None => missing += 1,
        }
    }
    assert_eq!(counts.get(0), missing);
    let value = |code: u32| index.facet_value(Facet::Actor, code - 1).unwrap().into_owned();
    let mut found = BTreeMap::new();
    counts.each(|code, count| {
        assert_eq!(counts.get(code), count);
        assert_eq!(found.insert(value(code), count), None);
    });
    assert_eq!(found, right);
    for candidates in [1, 5, 100, 5_000] {
        let (taken, edge) = counts.most_frequent(index, rows, Facet::Actor, candidates).unwrap();
        assert_eq!(taken.len(), candidates.min(right.len()));
        let taken: BTreeMap<String, u32> =
            taken.into_iter().map(|(code, count)| (value(code), count)).collect();
        let left_out = right.iter().filter(|(value, _)| !taken.contains_key(*value));
        assert_eq!(edge, left_out.map(|(_, count)| *count).max().unwrap_or(0));
        assert!(taken.iter().all(|(value, count)| right[value] == *count && *count >= edge));
        // Of equally frequent ones, those of the newest rows.
        let newest: BTreeSet<String> = newest_at(told, rows, &right, edge)
            .take(taken.values().filter(|count| **count == edge).count())
            .collect();
        let at_edge = taken.iter().filter(|(_, count)| edge > 0 && **count == edge);
        assert!(at_edge.map(|(value, _)| value).all(|value| newest.contains(value)));
    }
    let mut kept = counts;
    kept.retain(|code| Ok::<_, ()>(value(code).ends_with('1'))).unwrap();
    right.retain(|value, _| value.ends_with('1'));
    let mut found = BTreeMap::new();
    kept.each(|code, count| {
        found.insert(value(code), count);
    });
    assert_eq!(found, right);
}

/// The values that are so frequent, from the newest row on.
fn newest_at<'a>(
    told: &'a [Told],
    rows: &'a RoaringBitmap,
    counts: &'a BTreeMap<String, u32>,
    edge: u32,
) -> impl Iterator<Item = String> + 'a {
    let mut met = BTreeSet::new();
    let values = rows.iter().rev().filter_map(|row| told[row as usize].facet(Facet::Actor));
    values.filter(move |value| counts[value] == edge && met.insert(value.clone()))
}
