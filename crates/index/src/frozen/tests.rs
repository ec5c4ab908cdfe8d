//! Every map, however it came to be, answers as a plain model does; damage is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use bytes::Bytes;
use indelible_event::Micros;
use proptest::prelude::*;
use roaring::RoaringBitmap;

use super::{Frozen, merge};
use crate::doc::Field;
use crate::facet::Facet;
use crate::index::Index;
use crate::live::{Live, Row};
use crate::terms::TermSink;

const ORDINARY: [Field; 4] = [Field::Trail, Field::Word, Field::Path, Field::Name];
const UNIQUE: [Field; 2] = [Field::Request, Field::Session];

/// What a test says of one record.
#[derive(Clone, Debug)]
struct Record {
    gap: u64,
    waited: i64,
    happened: i64,
    trail: u32,
    complete: bool,
    terms: Vec<(Field, Vec<u8>)>,
    facets: Vec<(Facet, String)>,
}

fn push_all(live: &mut Live, records: &[Record]) -> Vec<Row> {
    let (mut pos, mut now) = (0, -5);
    let mut rows = Vec::new();
    for record in records {
        pos += record.gap;
        now += record.waited;
        let row = Row {
            pos,
            recorded_at: Micros(now),
            occurred_at: Micros(record.happened),
            trail: record.trail,
        };
        pos += 1;
        live.push_row(row, |sink| {
            record.terms.iter().for_each(|(field, value)| sink.term(*field, value));
            record.facets.iter().for_each(|(facet, value)| sink.facet(*facet, value));
            record.complete
        });
        rows.push(row);
    }
    rows
}

fn freeze(live: &Live, rows: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let mut bytes = Vec::new();
    live.freeze(&mut rows.into_iter(), &mut bytes).unwrap();
    bytes
}

fn open(bytes: &[u8]) -> Frozen {
    Frozen::open(Bytes::copy_from_slice(bytes)).unwrap()
}

/// The plain model: what some of the records say, by row.
struct Model {
    rows: Vec<Row>,
    terms: BTreeMap<(Field, Vec<u8>), BTreeSet<u32>>,
    facets: Vec<BTreeMap<Facet, String>>,
    partial: BTreeSet<u32>,
}

impl Model {
    fn of(records: &[Record], rows: &[Row], chosen: &[u32]) -> Model {
        let mut model = Model {
            rows: Vec::new(),
            terms: BTreeMap::new(),
            facets: Vec::new(),
            partial: BTreeSet::new(),
        };
        for (new, &old) in (0..).zip(chosen) {
            let (record, row) = (&records[old as usize], rows[old as usize]);
            model.rows.push(row);
            let trail = (Field::Trail, row.trail.to_be_bytes().to_vec());
            for term in record.terms.iter().chain([&trail]) {
                model.terms.entry(term.clone()).or_default().insert(new);
            }
            model.facets.push(record.facets.iter().cloned().collect());
            if !record.complete {
                model.partial.insert(new);
            }
        }
        model
    }

    fn values(&self, field: Field) -> impl Iterator<Item = (&[u8], &BTreeSet<u32>)> {
        let of_field = move |term: &(&(Field, Vec<u8>), _)| term.0.0 == field;
        self.terms.iter().filter(of_field).map(|((_, value), rows)| (value.as_slice(), rows))
    }

    fn any(&self, field: Field, keep: impl Fn(&[u8]) -> bool) -> RoaringBitmap {
        let kept = self.values(field).filter(|(value, _)| keep(value));
        kept.flat_map(|(_, rows)| rows.iter().copied()).collect()
    }

    fn assert_same(&self, index: &impl Index) {
        assert_eq!(index.rows() as usize, self.rows.len());
        self.assert_columns(index);
        for ((field, value), rows) in &self.terms {
            let found = index.term(*field, value).unwrap();
            assert_eq!(found, rows.iter().copied().collect(), "{field:?} {value:?}");
        }
        for field in ORDINARY {
            assert!(index.term(field, b"not a term of any").unwrap().is_empty());
            let values: Vec<&[u8]> = self.values(field).map(|(value, _)| value).collect();
            let others: [&[u8]; 4] = [b"", b"a", b"b\0", b"\xff\xff"];
            for value in values.iter().chain(&others) {
                self.assert_ranges(index, field, value);
                let prefix = &value[..value.len() / 2];
                let mut seen = Vec::new();
                let rows = index.select(field, prefix, &mut |value| {
                    seen.push(value.to_vec());
                    value.len() % 2 == 0
                });
                let here = |value: &[u8]| value.starts_with(prefix);
                assert_eq!(
                    rows.unwrap(),
                    self.any(field, |value| here(value) && value.len() % 2 == 0)
                );
                seen.sort();
                assert!(seen.iter().eq(values.iter().filter(|value| here(value))));
            }
        }
        assert_eq!(index.partial().unwrap().as_ref(), &self.partial.iter().copied().collect());
        Facet::ALL.into_iter().for_each(|facet| self.assert_facet(index, facet));
        index.sound().unwrap();
    }

    fn assert_ranges(&self, index: &impl Index, field: Field, value: &[u8]) {
        let bounds = |bound: Bound<&[u8]>, other: Bound<&[u8]>| {
            let found = index.range(field, bound, other).unwrap();
            let inside =
                |value: &[u8]| std::ops::RangeBounds::<[u8]>::contains(&(bound, other), value);
            assert_eq!(found, self.any(field, inside), "{field:?} {bound:?} {other:?}");
        };
        bounds(Bound::Included(value), Bound::Unbounded);
        bounds(Bound::Excluded(value), Bound::Included(b"c"));
        bounds(Bound::Unbounded, Bound::Excluded(value));
        bounds(Bound::Included(b"a"), Bound::Included(value));
    }

    fn assert_columns(&self, index: &impl Index) {
        for (number, row) in (0..).zip(&self.rows) {
            assert_eq!(index.pos(number), row.pos);
            assert_eq!(index.recorded_at(number), row.recorded_at);
            assert_eq!(index.occurred_at(number), row.occurred_at);
        }
        let row_at = |pos: u64| self.rows.partition_point(|row| row.pos < pos) as u32;
        let row_from = |at: Micros| self.rows.partition_point(|row| row.recorded_at < at) as u32;
        for row in &self.rows {
            for pos in row.pos.saturating_sub(1)..row.pos + 3 {
                assert_eq!(index.row_at(pos), row_at(pos));
            }
            let (from, to) = (Micros(row.recorded_at.0 - 1), Micros(row.recorded_at.0 + 2));
            assert_eq!(index.recorded_in(from, to), row_from(from)..row_from(to));
        }
        assert_eq!(index.row_at(u64::MAX), self.rows.len() as u32);
        assert!(index.recorded_in(Micros(9), Micros(3)).is_empty());
        let happened = || self.rows.iter().map(|row| row.occurred_at);
        assert_eq!(index.occurred_span(), happened().min().zip(happened().max()));
    }

    fn assert_facet(&self, index: &impl Index, facet: Facet) {
        let values: Vec<String> = (0..index.facet_len(facet))
            .map(|number| index.facet_value(facet, number).unwrap().into_owned())
            .collect();
        let codes = index.facet_codes(facet).unwrap();
        let mut counts = vec![0; values.len() + 1];
        for (row, facets) in (0..).zip(&self.facets) {
            let code = codes.get(row) as usize;
            assert_eq!(code.checked_sub(1).map(|at| &values[at]), facets.get(&facet));
            counts[code] += 1;
        }
        for (number, value) in (1..).zip(&values) {
            assert_eq!(index.facet_code(facet, value).unwrap(), number);
        }
        assert_eq!(index.facet_code(facet, "none has this").unwrap(), 0);
        assert!(index.facet_value(facet, values.len() as u32).is_err());
        assert_eq!(index.facet_counts(facet).unwrap().as_ref(), counts);
        let every: RoaringBitmap = (0..index.rows()).collect();
        let mut counted = vec![0; counts.len()];
        codes.count(&every, &mut counted);
        assert_eq!(counted, counts);
        assert!(index.facet_counts(facet).unwrap()[1..].iter().all(|&count| count > 0));
    }
}

fn any_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => "[ab]{0,3}".prop_map(String::into_bytes),
        2 => "(details/amount|changes)\0[0-9]{1,3}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
        1 => (0_u8..4).prop_map(|last| [vec![b'x'; 300], vec![last]].concat()),
    ]
}

fn any_term() -> impl Strategy<Value = (Field, Vec<u8>)> {
    let field = prop::sample::select([&ORDINARY[1..], &UNIQUE].concat());
    (field, any_value())
}

fn any_record() -> impl Strategy<Value = Record> {
    let facet = (prop::sample::select(&Facet::ALL[..3]), "[aäZ]{1,3}");
    (
        prop_oneof![4 => Just(0_u64), 1 => 1_u64..5],
        prop_oneof![3 => 0_i64..3, 1 => 0_i64..1_000_000_000_000],
        prop_oneof![3 => -3_i64..300, 1 => any::<i64>().prop_map(|at| at / 4)],
        0_u32..2,
        prop::bool::weighted(0.9),
        proptest::collection::vec(any_term(), 0..12),
        proptest::collection::btree_map(facet.0, facet.1, 0..3),
    )
        .prop_map(|(gap, waited, happened, trail, complete, terms, facets)| Record {
            gap,
            waited,
            happened,
            trail,
            complete,
            terms,
            facets: facets.into_iter().collect(),
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    #[test]
    fn every_map_answers_as_the_model(
        records in proptest::collection::vec(any_record(), 0..160),
        cuts in proptest::collection::vec(0_usize..60, 0..3),
        choice in any::<u64>(),
    ) {
        let mut live = Live::new(7);
        let rows = push_all(&mut live, &records);
        let all: Vec<u32> = (0..records.len() as u32).collect();
        let model = Model::of(&records, &rows, &all);
        model.assert_same(&live);
        let whole = freeze(&live, all.iter().copied());
        let frozen = open(&whole);
        frozen.check().unwrap();
        model.assert_same(&frozen);

        let chosen: Vec<u32> = all.iter().copied().filter(|row| choice >> (row % 64) & 1 == 1).collect();
        let subset = freeze(&live, chosen.iter().copied());
        Model::of(&records, &rows, &chosen).assert_same(&open(&subset));

        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(all.len())).collect();
        cuts.extend([0, all.len()]);
        cuts.sort_unstable();
        let parts: Vec<Frozen> = cuts
            .windows(2)
            .map(|cut| open(&freeze(&live, all[cut[0]..cut[1]].iter().copied())))
            .collect();
        let mut merged = Vec::new();
        merge(&parts.iter().collect::<Vec<_>>(), &mut merged).unwrap();
        prop_assert!(merged == whole, "merging is not freezing");
    }

    #[test]
    fn the_same_records_give_the_same_bytes(
        records in proptest::collection::vec(any_record(), 1..30),
        before in any_record(),
    ) {
        let mut one = Live::new(1);
        push_all(&mut one, &records);
        // Another seed, other records among them, and each term twice in another order.
        let mut other = Live::new(99);
        let mut more = vec![Record { gap: 0, waited: 0, ..before.clone() }];
        for record in &records {
            let mut terms = record.terms.clone();
            terms.reverse();
            terms.extend(record.terms.iter().cloned());
            more.push(Record { terms, ..record.clone() });
        }
        more[1].gap = more[1].gap.saturating_sub(1);
        let same_places = records[0].gap > 0;
        push_all(&mut other, &more);
        if same_places {
            let all = freeze(&one, 0..records.len() as u32);
            let chosen = freeze(&other, 1..=records.len() as u32);
            prop_assert!(all == chosen);
        }
    }
}

/// Few terms that are dense, so that rows are written in every way, over several containers and blocks.
fn many_rows(count: u32) -> Live {
    let mut live = Live::new(3);
    for row in 0..count {
        let at = Micros(i64::from(row) * 1_000);
        let facts = Row {
            pos: u64::from(row) + u64::from(row / 70_000),
            recorded_at: at,
            occurred_at: at,
            trail: row % 2,
        };
        live.push_row(facts, |sink| {
            sink.term(Field::Word, b"all");
            sink.term(Field::Word, format!("of-100-{}", row % 100).as_bytes());
            sink.term(
                Field::Word,
                format!("of-3-{}", row.wrapping_mul(0x9e37_79b9) >> 16 & 3).as_bytes(),
            );
            sink.term(Field::Word, format!("run-{}", row / 5_000).as_bytes());
            sink.term(Field::Path, format!("a/b\0{row:07}").as_bytes());
            sink.term(Field::Request, format!("r{row}").as_bytes());
            sink.term(Field::Session, format!("s{}", row / 4).as_bytes());
            sink.facet(Facet::Action, ["x", "y", "z"][row as usize % 3]);
            sink.facet(Facet::Actor, &format!("u{}", row % 300));
            true
        });
    }
    live
}

#[test]
fn large_maps_answer_alike_and_merge_to_the_same_bytes() {
    let count = 150_000;
    let live = many_rows(count);
    let whole = freeze(&live, 0..count);
    let frozen = open(&whole);
    for word in ["all", "of-100-7", "of-3-2", "run-0", "run-13", "run-29", "none"] {
        let rows = frozen.term(Field::Word, word.as_bytes()).unwrap();
        assert_eq!(rows, live.term(Field::Word, word.as_bytes()).unwrap(), "{word}");
        assert_eq!(rows.is_empty(), word == "none");
    }
    let (from, to) = (
        Bound::Included(b"a/b\x000070000".as_slice()),
        Bound::Excluded(b"a/b\x000070100".as_slice()),
    );
    let rows = frozen.range(Field::Path, from, to).unwrap();
    assert_eq!(rows, (70_000..70_100).collect());
    assert_eq!(live.range(Field::Path, from, to).unwrap(), rows);
    let every = frozen.select(Field::Path, b"a/b\0", &mut |value| value.ends_with(b"7")).unwrap();
    assert_eq!(every, (0..count).filter(|row| row % 10 == 7).collect());
    for row in [0, 77_777, count - 1] {
        assert_eq!(
            frozen.term(Field::Request, format!("r{row}").as_bytes()).unwrap(),
            [row].into()
        );
        let session = frozen.term(Field::Session, format!("s{}", row / 4).as_bytes()).unwrap();
        assert!(session.contains(row) && session.len() <= 4);
        assert_eq!(frozen.pos(row), u64::from(row + row / 70_000));
        assert_eq!(frozen.recorded_at(row), Micros(i64::from(row) * 1_000));
    }
    let parts =
        [0..1, 1..70_000, 70_000..70_000, 70_000..count].map(|rows| open(&freeze(&live, rows)));
    let mut merged = Vec::new();
    merge(&parts.each_ref(), &mut merged).unwrap();
    assert!(merged == whole);
    assert_eq!(frozen.difference(&open(&merged)).unwrap(), None);
}

/// Asks for everything a map can give.
fn ask(index: &Frozen) -> Result<Vec<String>, crate::IndexError> {
    let mut answers = Vec::new();
    for field in ORDINARY {
        answers.push(format!("{:?}", index.select(field, b"", &mut |_| true)?));
        answers.push(format!("{:?}", index.range(field, Bound::Included(b"b"), Bound::Unbounded)?));
    }
    for word in ["all", "of-100-7", "run-0"] {
        answers.push(format!("{:?}", index.term(Field::Word, word.as_bytes())?));
    }
    answers.push(format!("{:?}", index.term(Field::Request, b"r77")?));
    answers.push(format!("{:?}", index.partial()?));
    for facet in Facet::ALL {
        answers.push(format!("{:?}{:?}", index.facet_codes(facet)?, index.facet_counts(facet)?));
        for value in 0..index.facet_len(facet) {
            let value = index.facet_value(facet, value)?;
            answers.push(format!("{value}{}", index.facet_code(facet, &value)?));
        }
    }
    for row in (0..index.rows()).step_by(97) {
        answers.push(format!(
            "{} {:?} {:?}",
            index.pos(row),
            index.recorded_at(row),
            index.occurred_at(row)
        ));
        answers.push(format!("{}", index.row_at(u64::from(row))));
    }
    answers.push(format!("{:?}", index.recorded_in(Micros(100), Micros(2_000_000))));
    index.sound()?;
    Ok(answers)
}

#[test]
fn a_flipped_bit_or_a_cut_is_an_error_or_changes_nothing() {
    let live = many_rows(1_500);
    let bytes = freeze(&live, 0..1_500);
    let right = ask(&open(&bytes)).unwrap();
    let mut errors = 0;
    for step in 0..250_usize {
        let mut damaged = bytes.clone();
        let at = step.wrapping_mul(0x9e37_79b9_7f4a_7c15) % bytes.len();
        damaged[at] ^= 1 << (step % 8);
        match Frozen::open(damaged.into()) {
            Ok(frozen) => {
                assert!(frozen.check().is_err(), "byte {at}");
                match ask(&frozen) {
                    Ok(answers) => assert_eq!(answers, right),
                    Err(_) => errors += 1,
                }
            }
            Err(_) => errors += 1,
        }
    }
    assert!(errors > 150, "{errors}");
    for cut in (0..bytes.len()).step_by(911).chain([bytes.len() - 1]) {
        assert!(Frozen::open(Bytes::copy_from_slice(&bytes[..cut])).is_err(), "{cut}");
    }
}

/// Makes every checksum fit again, as somebody would who edits the file on purpose.
fn mend(bytes: &mut [u8]) {
    let footer = bytes.len() - super::file::FOOTER_BYTES;
    let end_at = bytes.len() - 16 - 8;
    let body = u64::from_le_bytes(bytes[end_at..end_at + 8].try_into().unwrap()) as usize;
    let sums: Vec<u8> = bytes[..body]
        .chunks(16 << 10)
        .flat_map(|page| crc32c::crc32c(page).to_le_bytes())
        .collect();
    bytes[body..footer].copy_from_slice(&sums);
    let sum_at = bytes.len() - 16;
    bytes[sum_at..sum_at + 4].copy_from_slice(&crc32c::crc32c(&sums).to_le_bytes());
    let sum = crc32c::crc32c(&bytes[footer..sum_at + 4]);
    bytes[sum_at + 4..sum_at + 8].copy_from_slice(&sum.to_le_bytes());
}

#[test]
fn an_edit_with_mended_checksums_never_panics_and_shows_in_the_difference() {
    let live = many_rows(700);
    let bytes = freeze(&live, 0..700);
    let right = open(&bytes);
    let footer = bytes.len() - super::file::FOOTER_BYTES;
    for step in 0..300_usize {
        let mut edited = bytes.clone();
        let at = 16 + step.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (footer - 16);
        edited[at] ^= 1 << (step % 8);
        mend(&mut edited);
        if edited == bytes {
            continue; // The edit was in the checksums.
        }
        let Ok(frozen) = Frozen::open(edited.into()) else { continue };
        let _ = ask(&frozen);
        let difference = right.difference(&frozen);
        assert!(!matches!(difference, Ok(None)), "byte {at}");
    }
    // The footer too may say anything.
    for at in footer..bytes.len() - 24 {
        let mut edited = bytes.clone();
        edited[at] ^= 1 << (at % 8);
        let end = edited.len();
        let sum = crc32c::crc32c(&edited[footer..end - 12]);
        edited[end - 12..end - 8].copy_from_slice(&sum.to_le_bytes());
        if let Ok(frozen) = Frozen::open(edited.into()) {
            let _ = ask(&frozen);
            assert!(!matches!(right.difference(&frozen), Ok(None)), "byte {at}");
        }
    }
}

#[test]
fn a_difference_names_term_and_row() {
    let records = |word: &[u8], value: &str| {
        vec![Record {
            gap: 4,
            waited: 1,
            happened: 2,
            trail: 1,
            complete: true,
            terms: vec![(Field::Word, b"same".to_vec()), (Field::Word, word.to_vec())],
            facets: vec![(Facet::Service, value.into())],
        }]
    };
    let map = |word: &[u8], value: &str| {
        let mut live = Live::new(0);
        push_all(&mut live, &records(word, value));
        open(&freeze(&live, 0..1))
    };
    let difference = map(b"deleted", "a").difference(&map(b"kept", "a")).unwrap().unwrap();
    assert_eq!(difference, "only one has the term “deleted” of field Word at row 0 (pos 4)");
    let difference = map(b"kept", "a").difference(&map(b"kept", "b")).unwrap().unwrap();
    assert_eq!(difference, "value 0 of facet service is “a” in one and “b” in the other");
}

#[test]
fn rows_that_are_not_there_are_refused() {
    let live = many_rows(10);
    for rows in [vec![3, 2], vec![1, 1], vec![10]] {
        assert!(live.freeze(&mut rows.into_iter(), &mut Vec::new()).is_err());
    }
}
