//! Damaged bytes are an error or a record that its leaf tells apart; never a panic.

use super::*;

/// Everything a reader can ask, as errors or records by row.
fn read_all(segment: &Segment, samples: &[Sample]) -> Vec<Result<OwnedRecord, SegmentError>> {
    let mut found = Vec::new();
    for batch in segment.scan(0..segment.len()).unwrap() {
        match batch {
            Err(error) => found.push(Err(error)),
            Ok(batch) => {
                for row in 0..batch.len() {
                    found.push(batch.record(row).map(|record| OwnedRecord::from(&record)));
                    let _ = batch.facets(row);
                }
            }
        }
    }
    for row in [0, samples.len() as u32 / 2, samples.len() as u32 - 1] {
        if let Ok(one) = segment.rows(&[row]) {
            found.push(Ok(one[0].clone()));
        }
    }
    found
}

#[test]
fn a_damaged_row_table_misleads_nobody() {
    let samples = samples(150);
    let records: Vec<Record<'_>> = samples.iter().map(Sample::record).collect();
    let finished = write(&records, SegmentState::Full, 100);
    let file = Bytes::copy_from_slice(&finished.out);
    let mut silent = Vec::new();
    for at in 0..finished.row_table.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut table = finished.row_table.clone();
            table[at] ^= flip;
            let Ok(segment) = Segment::open(file.clone(), Bytes::from(table)) else { continue };
            let mut failed = false;
            for (row, record) in records.iter().enumerate() {
                match segment.find_id(record.trail, record.entry.id) {
                    Ok(mut rows) => assert!(rows.any(|found| found == row as u32)),
                    Err(_) => failed = true,
                }
                match segment.find_seq(record.trail, record.seq) {
                    Ok(found) => assert_eq!(found, Some(row as u32)),
                    Err(_) => failed = true,
                }
            }
            failed |= segment.rows(&[0]).is_err();
            if !failed {
                silent.push(at);
            }
        }
    }
    // Every byte is under a checksum.
    assert_eq!(silent, Vec::<usize>::new());
    for cut in 0..finished.row_table.len() {
        assert!(
            Segment::open(file.clone(), Bytes::copy_from_slice(&finished.row_table[..cut]))
                .is_err()
        );
    }
}

#[test]
fn a_damaged_file_gives_errors_or_records_that_their_leaves_refuse() {
    let samples = samples(400);
    let records: Vec<Record<'_>> = samples.iter().map(Sample::record).collect();
    let finished = write(&records, SegmentState::Full, 250);
    let table = Bytes::copy_from_slice(&finished.row_table);
    let expected: Vec<OwnedRecord> = records.iter().map(OwnedRecord::from).collect();
    let (mut refused, mut told) = (0, 0);
    for step in 0..300usize {
        let at = step * 7_919 % finished.out.len();
        let mut file = finished.out.clone();
        file[at] ^= [0x01, 0x10, 0x80, 0xff][step % 4];
        let Ok(segment) = Segment::open(Bytes::from(file), table.clone()) else {
            refused += 1;
            continue;
        };
        for found in read_all(&segment, &samples) {
            let Ok(found) = found else {
                told += 1;
                continue;
            };
            // Whatever differs in what the leaf covers differs in the entry. Places in the log are
            // not hashed: a changed trail, seq or salt leads to another leaf or another commitment.
            let record = found.as_ref();
            let same = expected.iter().any(|known| {
                let known = known.as_ref();
                known.entry == record.entry && known.parts == record.parts
            });
            let known_id = expected.iter().find(|known| known.as_ref().entry.id == record.entry.id);
            if !same && let Some(known) = known_id {
                let known = known.as_ref();
                assert!(known.entry != record.entry || known.parts != record.parts);
                if known.parts != record.parts {
                    assert_ne!(known.entry.parts_hash, record.entry.parts_hash, "byte {at}");
                }
                told += 1;
            }
        }
    }
    assert!(refused > 0 && told > 0);
    for cut in (0..finished.out.len()).step_by(97) {
        assert!(
            Segment::open(Bytes::copy_from_slice(&finished.out[..cut]), table.clone()).is_err()
        );
    }
}

#[test]
fn a_row_table_of_another_segment_is_noticed() {
    // Same rows and trails, other ids: everything a reader compares at once agrees.
    let (one, mut other) = (samples(50), samples(50));
    other[7].id[15] ^= 1;
    let table = |samples: &[Sample]| {
        let mut rows = rows::RowTableBuilder::default();
        for sample in samples {
            rows.push(TrailNo(sample.trail), Seq(sample.seq), &sample.id).unwrap();
        }
        rows
    };
    let records: Vec<Record<'_>> = one.iter().map(Sample::record).collect();
    let keys = || records.iter().map(|r| (r.trail, r.seq, r.entry.id));
    let finished = write(&records, SegmentState::Full, 100);
    let file = Bytes::copy_from_slice(&finished.out);
    let forged = table(&other).finish(&finished.seal).unwrap();
    let segment = Segment::open(file.clone(), Bytes::from(forged)).unwrap();
    assert!(segment.check_table(keys()).is_err());
    let honest = table(&one).finish(&finished.seal).unwrap();
    assert_eq!(honest, finished.row_table);
}

#[test]
fn noise_is_no_segment() {
    let mut state = 1u64;
    for len in (0..2_000).step_by(13) {
        let mut noise = |len: usize| -> Vec<u8> {
            (0..len)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 33) as u8
                })
                .collect()
        };
        assert!(Segment::open(Bytes::from(noise(len)), Bytes::from(noise(len))).is_err());
        assert!(RowTable::open(Bytes::from(noise(len))).is_err());
    }
}
