//! Segments written, read back in both ways, and damaged.

use bytes::Bytes;
use indelible_event::{Day, Entry, EventId, Facets, Micros, Outcome, Part, Phase, Source, seal};

use super::*;
use crate::record::{Pos, Seq, TrailNo};

mod damage;
mod forms;

const DAY: Day = Day(20_600);

/// A record that owns what it says, so that tests can vary it.
#[derive(Clone)]
struct Sample {
    pos: u64,
    trail: u32,
    seq: u64,
    id: [u8; 16],
    action: String,
    category: Option<String>,
    outcome: Outcome,
    phase: Option<Phase>,
    reference: Option<EventId>,
    source: Option<Source>,
    recorded_by: Option<String>,
    occurred_at: Option<Micros>,
    salts: Salts,
    parts: [Option<Vec<u8>>; 3],
    /// Which parts are gone, so that only their commitments stay.
    gone: [bool; 3],
    event_salt: [u8; 16],
}

impl Sample {
    /// The `n`th of a series in which every column is present, absent and repeated somewhere.
    fn new(n: u64) -> Sample {
        let mix = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&(0x0198_0000_0000_7000 + n).to_be_bytes());
        id[8..].copy_from_slice(&mix.to_be_bytes());
        let event_salt = [(mix >> 8) as u8; 16];
        let who =
            format!(r#"{{"actor":{{"type":"user","id":"u{}","email":"u{n}@x.example"}}}}"#, n % 9);
        let where_ = format!(r#"{{"context":{{"ip":"10.0.0.{}","service":"s{}"}}}}"#, n % 7, n % 3);
        let what = format!(
            r#"{{"targets":[{{"type":"file","id":"f\"{n}ä"}}],"details":{{"n":{mix},"pad":"{}"}}}}"#,
            "x".repeat((mix % 300) as usize)
        );
        Sample {
            pos: 10 + n * 2,
            trail: [0, 3, 7][(mix >> 20) as usize % 3],
            seq: 100 + n + n / 10,
            id,
            action: format!("file.{}", ["read", "write", "delete"][n as usize % 3]),
            category: n.is_multiple_of(2).then(|| "data_access".to_owned()),
            outcome: Outcome::ALL[n as usize % 6],
            phase: n.is_multiple_of(5).then_some(Phase::Intent),
            reference: n.is_multiple_of(4).then_some(EventId([n as u8; 16])),
            source: (!n.is_multiple_of(3))
                .then_some(Source { id: [n as u8 % 4; 16], seq: u64::MAX - n }),
            recorded_by: n.is_multiple_of(2).then(|| format!("key{}", n % 5)),
            occurred_at: (!n.is_multiple_of(6)).then_some(Micros(1_700_000_000_000_000 - n as i64)),
            salts: Salts::Event(event_salt),
            parts: [
                Some(who.into_bytes()),
                (!n.is_multiple_of(4)).then(|| where_.into_bytes()),
                (!n.is_multiple_of(5)).then(|| what.into_bytes()),
            ],
            gone: [false; 3],
            event_salt,
        }
    }

    /// Erases some parts: their bytes and the event salt go, the salts of the others stay.
    fn erase(mut self, gone: [bool; 3]) -> Sample {
        self.gone = gone;
        self.salts = Salts::Parts(Part::ALL.map(|part| {
            let kept = !gone[part as usize] && self.parts[part as usize].is_some();
            kept.then(|| seal::part_salt(&self.event_salt, part))
        }));
        self
    }

    fn commitment(&self, part: Part) -> Option<[u8; 32]> {
        let bytes = self.parts[part as usize].as_deref()?;
        Some(seal::commitment(part, &seal::part_salt(&self.event_salt, part), bytes))
    }

    fn record(&self) -> Record<'_> {
        Record {
            pos: Pos(self.pos),
            trail: TrailNo(self.trail),
            seq: Seq(self.seq),
            entry: Entry {
                id: EventId(self.id),
                recorded_at: Micros(DAY.start().0 + self.pos as i64 * 1_000),
                occurred_at: self.occurred_at,
                action: &self.action,
                category: self.category.as_deref(),
                outcome: self.outcome,
                phase: self.phase,
                reference: self.reference,
                source: self.source,
                recorded_by: self.recorded_by.as_deref(),
                parts_hash: seal::parts_hash(&Part::ALL.map(|part| self.commitment(part))),
            },
            salts: self.salts,
            parts: Part::ALL.map(|part| match &self.parts[part as usize] {
                None => PartRef::Absent,
                Some(_) if self.gone[part as usize] => {
                    PartRef::Gone(self.commitment(part).expect("the part is there"))
                }
                Some(bytes) => PartRef::Kept(bytes),
            }),
        }
    }
}

/// Whole, erased and half-erased records of three trails.
fn samples(count: u64) -> Vec<Sample> {
    (0..count)
        .map(|n| match n % 11 {
            3 => Sample::new(n).erase([true, false, false]),
            5 => Sample::new(n).erase([false, true, true]),
            7 => Sample::new(n).erase([true, true, true]),
            _ => Sample::new(n),
        })
        .collect()
}

fn header(state: SegmentState) -> SegmentHeader {
    let trail = |no: u32, name: &str| TrailInfo {
        no: TrailNo(no),
        opaque: [no as u8 + 1; 16],
        name: name.to_owned(),
    };
    // Names sort otherwise than numbers, and one trail has no records.
    let trails = vec![trail(7, "alpha"), trail(0, "zulu"), trail(3, "mike"), trail(9, "unused")];
    SegmentHeader { class: "standard".to_owned(), policy: 4, day: DAY, state, trails }
}

fn write(records: &[Record<'_>], state: SegmentState, group_rows: usize) -> Finished<Vec<u8>> {
    let mut writer =
        SegmentWriter::new(Vec::new(), header(state)).unwrap().with_row_group_rows(group_rows);
    for record in records {
        writer.push(record).unwrap();
    }
    writer.finish().unwrap()
}

fn open(finished: &Finished<Vec<u8>>) -> Segment {
    let file = Bytes::copy_from_slice(&finished.out);
    Segment::open(file, Bytes::copy_from_slice(&finished.row_table)).unwrap()
}

fn facets_of<'a>(record: &Record<'a>) -> Facets<'a> {
    let [who, where_, what] = record.parts.map(|part| match part {
        PartRef::Kept(bytes) => Some(bytes),
        PartRef::Absent | PartRef::Gone(_) => None,
    });
    Facets::read(who, where_, what).unwrap()
}

/// Reads everything in every way and compares it with what was written.
fn assert_reads_back(segment: &Segment, records: &[Record<'_>]) {
    let mut row = 0;
    for batch in segment.scan(0..segment.len()).unwrap().batch_rows(150) {
        let batch = batch.unwrap();
        assert_eq!(batch.first_row() as usize, row);
        for at in 0..batch.len() {
            assert_eq!(batch.record(at).unwrap(), records[row]);
            assert_eq!(batch.facets(at).unwrap(), facets_of(&records[row]));
            row += 1;
        }
    }
    assert_eq!(row, records.len());
    let keys = records.iter().map(|r| (r.trail, r.seq, r.entry.id));
    segment.check_table(keys).unwrap();
    // Backwards, with gaps and repeats, and one by one.
    let scattered: Vec<u32> = (0..segment.len()).rev().step_by(37).chain([0, 0]).collect();
    for (row, found) in scattered.iter().zip(segment.rows(&scattered).unwrap()) {
        assert_eq!(found.as_ref(), records[*row as usize]);
    }
    for (row, record) in records.iter().enumerate().step_by(61) {
        let row = row as u32;
        assert_eq!(segment.rows(&[row]).unwrap()[0].as_ref(), *record);
    }
    for step in [1, 7, 61, 1_500] {
        let rows: Vec<u32> =
            (0..segment.len()).filter(|row| row % step < step.div_ceil(2)).collect();
        let sources: Vec<_> = rows.iter().map(|row| records[*row as usize].entry.source).collect();
        assert_eq!(segment.sources(&rows).unwrap(), sources, "{step}");
    }
    assert!(segment.sources(&[1, 1]).is_err() && segment.sources(&[segment.len()]).is_err());
    for (row, record) in records.iter().enumerate() {
        let found: Vec<u32> = segment.find_id(record.trail, record.entry.id).unwrap().collect();
        assert!(found.contains(&(row as u32)));
        assert_eq!(segment.find_seq(record.trail, record.seq).unwrap(), Some(row as u32));
    }
}

#[test]
fn records_of_all_kinds_come_back_over_several_row_groups() {
    let samples = samples(5_000);
    let records: Vec<Record<'_>> = samples.iter().map(Sample::record).collect();
    for group_rows in [250_000, 2_500, 1_000, 700] {
        let finished = write(&records, SegmentState::Full, group_rows);
        let segment = open(&finished);
        assert_eq!(*segment.meta(), finished.meta);
        assert_eq!(segment.len() as usize, records.len());
        assert_reads_back(&segment, &records);
        segment.forget_pages();
        assert_eq!(segment.rows(&[4_999]).unwrap()[0].as_ref(), records[4_999]);
    }
}

#[test]
fn the_digest_is_that_of_the_files_bytes() {
    use sha2::{Digest, Sha256};
    let sample = Sample::new(1);
    let finished = write(&[sample.record()], SegmentState::Full, 10);
    assert_eq!(finished.seal.sha256[..], Sha256::digest(&finished.out)[..]);
    assert_eq!(finished.seal.len, finished.out.len() as u64);
    assert_eq!(finished.seal.id_range, (sample.id, sample.id));
    assert_eq!(open(&finished).table().seal(), &finished.seal);
}

#[test]
fn a_scan_begins_and_ends_where_it_is_told() {
    let samples = samples(3_000);
    let records: Vec<Record<'_>> = samples.iter().map(Sample::record).collect();
    let segment = open(&write(&records, SegmentState::Full, 1_000));
    for range in [0..0, 0..1, 999..1_001, 63..65, 1_500..2_999, 2_999..3_000, 5..3_000] {
        let mut rows = range.clone();
        for batch in segment.scan(range).unwrap().without_facets().batch_rows(77) {
            let batch = batch.unwrap();
            for at in 0..batch.len() {
                let row = rows.next().unwrap();
                assert_eq!(batch.record(at).unwrap(), records[row as usize]);
                assert_eq!(batch.facets(at).unwrap(), Facets::default());
            }
        }
        assert!(rows.is_empty());
    }
    assert!(segment.scan(0..3_001).is_err());
    assert!(segment.rows(&[3_000]).is_err());
    assert!(segment.rows(&[]).unwrap().is_empty());
}

#[test]
fn what_is_not_there_is_not_found() {
    let samples = samples(2_000);
    let records: Vec<Record<'_>> = samples.iter().map(Sample::record).collect();
    let segment = open(&write(&records, SegmentState::Full, 1_000));
    let mut candidates = 0;
    for (row, record) in records.iter().enumerate() {
        // The same id in another trail, and an id next to it, lead to no row but by accident.
        let other = TrailNo(if record.trail.0 == 7 { 3 } else { 7 });
        let mut near = record.entry.id;
        near.0[15] ^= 1;
        candidates += segment.find_id(other, record.entry.id).unwrap().count();
        candidates += segment.find_id(record.trail, near).unwrap().count();
        assert_ne!(segment.find_seq(other, record.seq).unwrap(), Some(row as u32));
    }
    assert_eq!(candidates, 0);
    let used: std::collections::HashSet<_> = records.iter().map(|r| (r.trail, r.seq)).collect();
    for seq in 0..3_000 {
        let found = segment.find_seq(TrailNo(3), Seq(seq)).unwrap();
        assert_eq!(found.is_some(), used.contains(&(TrailNo(3), Seq(seq))));
    }
    assert_eq!(segment.find_seq(TrailNo(9), Seq(100)).unwrap(), None);
    assert_eq!(segment.find_seq(TrailNo(3), Seq(u64::MAX)).unwrap(), None);
    assert_eq!(segment.find_id(TrailNo(3), EventId([0xff; 16])).unwrap().count(), 0);
    assert!(segment.seqs(TrailNo(9)).unwrap().is_none());
    let (_, first, rows) = segment.table().trails().find(|t| t.0 == TrailNo(3)).unwrap();
    let seqs: Vec<u64> = segment
        .seqs(TrailNo(3))
        .unwrap()
        .unwrap()
        .iter()
        .map(|at| first.0 + u64::from(at))
        .collect();
    let expected = records.iter().filter(|r| r.trail == TrailNo(3)).map(|r| r.seq.0);
    assert_eq!(seqs, expected.collect::<Vec<_>>());
    assert_eq!(seqs.len() as u32, rows);
}
