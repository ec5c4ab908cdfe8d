//! Stubs, refusals, large values, and what the footer says.

use super::*;

const EXPIRED: SegmentState = SegmentState::Stub { expired_by: EventId([0xab; 16]) };

#[test]
fn a_stub_segment_still_gives_the_entries() {
    let samples = samples(1_500);
    let records: Vec<Record<'_>> = samples.iter().map(Sample::record).collect();
    let stubs: Vec<Record<'_>> = records.iter().map(|record| to_stub(record).unwrap()).collect();
    for (record, stub) in records.iter().zip(&stubs) {
        assert_eq!(stub.entry, record.entry);
        assert_eq!(stub.salts, Salts::Parts([None; 3]));
        assert!(stub.parts.iter().all(|part| !matches!(part, PartRef::Kept(_))));
        assert_eq!(to_stub(stub).unwrap(), *stub);
    }
    let finished = write(&stubs, EXPIRED, 1_000);
    assert_eq!(finished.meta.state, EXPIRED);
    assert_reads_back(&open(&finished), &stubs);
    // What is left of 300 bytes a record are hashes, ids and times.
    let full = write(&records, SegmentState::Full, 1_000);
    assert!(!finished.out.windows(9).any(|bytes| bytes == b"x.example"));
    assert!(finished.out.len() < full.out.len() * 2);
}

#[test]
fn a_kept_part_without_its_salt_makes_no_stub() {
    let sample = Sample::new(1);
    let record = Record { salts: Salts::Parts([None; 3]), ..sample.record() };
    assert_eq!(to_stub(&record), None);
}

#[test]
fn what_does_not_belong_is_refused_and_leaves_nothing() {
    let samples = samples(3);
    let records: Vec<Record<'_>> = samples.iter().map(Sample::record).collect();
    let mut writer = SegmentWriter::new(Vec::new(), header(SegmentState::Full)).unwrap();
    writer.push(&records[0]).unwrap();
    let refused = |writer: &mut SegmentWriter<Vec<u8>>, record: &Record<'_>| {
        assert!(matches!(writer.push(record), Err(SegmentError::Refused(_))), "{record:?}");
    };
    refused(&mut writer, &records[0]);
    refused(&mut writer, &Record { pos: Pos(1), ..records[1] });
    refused(&mut writer, &Record { pos: Pos(u64::MAX), ..records[1] });
    refused(&mut writer, &Record { trail: records[0].trail, seq: records[0].seq, ..records[1] });
    refused(&mut writer, &Record { trail: TrailNo(1), ..records[1] });
    refused(&mut writer, &Record { salts: Salts::Parts([None; 3]), ..records[1] });
    let bad = [PartRef::Kept(b"[1]"), PartRef::Absent, PartRef::Absent];
    refused(&mut writer, &Record { parts: bad, ..records[1] });
    let entry = Entry { recorded_at: Micros(DAY.start().0 - 1), ..records[1].entry };
    refused(&mut writer, &Record { entry, ..records[1] });
    writer.push(&records[1]).unwrap();
    writer.push(&records[2]).unwrap();
    assert_reads_back(&open(&writer.finish().unwrap()), &records);

    let mut stubs = SegmentWriter::new(Vec::new(), header(EXPIRED)).unwrap();
    refused(&mut stubs, &records[0]);
    assert!(matches!(stubs.finish(), Err(SegmentError::Refused(_))), "no records");
    let mut twice = header(SegmentState::Full);
    twice.trails[1].name = "alpha".to_owned();
    assert!(SegmentWriter::new(Vec::new(), twice).is_err());
}

#[test]
fn the_largest_parts_come_back() {
    let mut large = samples(200);
    for (n, sample) in large.iter_mut().enumerate() {
        let noise: String = (0..260_000 / (1 + n % 3))
            .map(|at| char::from(b'a' + ((at * 7_919 + n * 31) % 1_009 % 26) as u8))
            .collect();
        *sample = Sample::new(n as u64);
        sample.parts[2] = Some(format!(r#"{{"details":{{"noise":"{noise}"}}}}"#).into_bytes());
    }
    let records: Vec<Record<'_>> = large.iter().map(Sample::record).collect();
    assert_reads_back(&open(&write(&records, SegmentState::Full, 150)), &records);
}

#[test]
fn many_distinct_words_outgrow_the_dictionary() {
    let mut many: Vec<Sample> = (0..6_000).map(Sample::new).collect();
    for (n, sample) in many.iter_mut().enumerate() {
        sample.action = format!("a{n}.{}", "b".repeat(100));
        sample.recorded_by = Some(format!("{n:064}"));
    }
    let records: Vec<Record<'_>> = many.iter().map(Sample::record).collect();
    assert_reads_back(&open(&write(&records, SegmentState::Full, 250_000)), &records);
}

#[test]
fn the_footer_tells_what_is_inside() {
    let samples = samples(1_000);
    let records: Vec<Record<'_>> = samples.iter().map(Sample::record).collect();
    let meta = open(&write(&records, SegmentState::Full, 300)).meta().clone();
    assert_eq!((meta.class.as_str(), meta.policy, meta.day), ("standard", 4, DAY));
    assert_eq!((meta.first_pos, meta.last_pos), (Pos(10), Pos(10 + 999 * 2)));
    assert_eq!(meta.recorded_at_min, records[0].entry.recorded_at);
    assert_eq!(meta.recorded_at_max, records[999].entry.recorded_at);
    assert_eq!(meta.trails.iter().map(|span| span.trail.no.0).collect::<Vec<_>>(), [0, 3, 7]);
    for span in &meta.trails {
        let of: Vec<_> = records.iter().filter(|r| r.trail == span.trail.no).collect();
        let (first, last) = (of.first().unwrap(), of.last().unwrap());
        assert_eq!(
            (span.first_seq, span.last_seq, span.rows),
            (first.seq, last.seq, of.len() as u64)
        );
        assert_eq!(span.recorded_at_max, last.entry.recorded_at);
        assert_eq!(meta.trail(span.trail.no), Some(span));
    }
}

#[test]
fn a_footer_that_is_not_ours_is_refused() {
    let samples = samples(10);
    let records: Vec<Record<'_>> = samples.iter().map(Sample::record).collect();
    let meta = write(&records, SegmentState::Full, 300).meta;
    let good = meta.to_key_values().unwrap();
    assert_eq!(SegmentMeta::from_key_values(&good).unwrap(), meta);
    for at in 0..good.len() {
        let mut missing = good.clone();
        let taken = missing.remove(at);
        assert!(SegmentMeta::from_key_values(&missing).is_err(), "without {}", taken.key);
        let mut twice = good.clone();
        twice.push(taken.clone());
        assert!(SegmentMeta::from_key_values(&twice).is_err(), "{} twice", taken.key);
    }
    let with = |key: &str, value: &str| {
        let mut pairs = good.clone();
        pairs.retain(|pair| pair.key != key);
        pairs.push(parquet::file::metadata::KeyValue::new(key.to_owned(), value.to_owned()));
        SegmentMeta::from_key_values(&pairs)
    };
    assert!(matches!(with("indelible.format", "2"), Err(SegmentError::Version { found: 2, .. })));
    assert!(with("indelible.later", "1").is_err());
    assert!(with("indelible.rows", "11").is_err());
    assert!(with("indelible.rows", "-1").is_err());
    assert!(with("indelible.state", "stub").is_err());
    assert!(with("indelible.trails", "[]").is_err());
    assert!(with("someone.else", "1").is_ok());
}
