//! What must hold of every parser for whatever bytes it is given: it ends, it does not panic, and what
//! it accepts it would write in the same way again.
//!
//! The fuzz targets call these with what the fuzzer makes up, and the tests of `indelible-store` with
//! mutations of good files, a few seconds in each run.

use std::sync::Arc;

use bytes::Bytes;
use indelible_event::{Checked, Disclosure, Entry, EventId, Items, Micros, check, view};
use indelible_index::query::parse;
use indelible_index::{Doc, Facet, Field, Frozen, Index};
use indelible_log::frame::{self, FileHeader};
use indelible_log::manifest::{self, Manifest};
use indelible_log::record::{PartRef, Pos, Salts, Seq, TrailNo};
use indelible_log::segment::{RowTable, Segment};
use indelible_log::storage::Storage;
use indelible_log::{View, active, verify};
use indelible_merkle::{
    Checkpoint, ConsistencyProof, Note, TlogProof, Vkey, entries_path, parse_entries_path,
    parse_tile_path,
};
use indelible_store::{verify_consistency_proof, verify_proof};

use crate::memory::Memory;

/// A parser's name and its check.
pub type Check = (&'static str, fn(&[u8]));

/// All of them. The names are those of the fuzz targets and of the folders of their seeds.
pub const ALL: [Check; 15] = [
    ("active", active),
    ("consistency", consistency),
    ("disclosure", disclosure),
    ("entry", entry),
    ("event", event),
    ("frame", frame),
    ("index", index),
    ("items", items),
    ("manifest", manifest),
    ("note", note),
    ("proof", proof),
    ("query", query),
    ("rows", rows),
    ("segment", segment),
    ("tile_path", tile_path),
];

/// An event that is accepted is accepted again as we show it, and is the same then.
pub fn event(data: &[u8]) {
    let Ok(checked) = check(data) else { return };
    let second = check(&shown(&checked)).expect("what we show of an event is an event");
    assert_eq!(second.parts, checked.parts, "canonical bytes stay as they are");
}

fn shown(checked: &Checked) -> Vec<u8> {
    let entry = Entry {
        id: checked.id.unwrap_or_default(),
        recorded_at: Micros(0),
        occurred_at: checked.occurred_at,
        action: &checked.action,
        category: checked.category.as_deref(),
        outcome: checked.outcome,
        phase: checked.phase,
        reference: checked.reference,
        source: checked.source,
        recorded_by: None,
        parts_hash: [0; 32],
    };
    let mut bytes = Vec::new();
    entry.encode(&mut bytes);
    assert_eq!(Entry::decode(&bytes), Ok(entry));
    // Place and time of recording are not the caller's to say.
    let json =
        String::from_utf8(view("t", 0, &bytes, checked.parts.all())).expect("a view is text");
    json.replacen("\"seq\":0,", "", 1)
        .replacen(",\"recorded_at\":\"1970-01-01T00:00:00.000000Z\"", "", 1)
        .into_bytes()
}

/// An entry has one spelling.
pub fn entry(data: &[u8]) {
    if let Ok(entry) = Entry::decode(data) {
        let mut again = Vec::new();
        entry.encode(&mut again);
        assert_eq!(again, data);
    }
}

/// A query that is read is read again from its own text as the same, and looks at any record to its end.
pub fn query(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let now = Micros(1_790_000_000_000_000);
    let Ok(query) = parse(text, now) else { return };
    assert_eq!(parse(&query.text, now).as_ref(), Ok(&query), "its text says all of it");
    let event = br#"{"action":"order.cancel","outcome":"failure","actor":{"id":"Maria"},"targets":[{"type":"order","id":"o-7"}],"details":{"n":7,"note":"left at 10.0.0.1"},"context":{"ip":"10.0.0.1"}}"#;
    let event = check(event).expect("a plain event");
    let entry = Entry {
        id: EventId([7; 16]),
        recorded_at: now,
        occurred_at: None,
        action: &event.action,
        category: None,
        outcome: event.outcome,
        phase: None,
        reference: None,
        source: None,
        recorded_by: None,
        parts_hash: [0; 32],
    };
    let doc = Doc { pos: 0, trail: 1, trail_name: "shop", entry, parts: event.parts.all() };
    query.matches(&doc);
}

/// Whatever is opened as an index answers every question or says that it is damaged, and no row that it gives
/// is beyond its last.
pub fn index(data: &[u8]) {
    let Ok(index) = Frozen::open(Bytes::copy_from_slice(data)) else { return };
    let rows = index.rows();
    let within = |found: &roaring::RoaringBitmap| assert!(found.max().is_none_or(|row| row < rows));
    for (field, value) in [(Field::Word, &b"order"[..]), (Field::Correlation, b"corr-1")] {
        let _ = index.term(field, value).inspect(within);
    }
    let _ = index.select(Field::Word, b"", &mut |word| word.len() > 3).inspect(within);
    for row in (0..rows).step_by(1 + rows as usize / 16) {
        assert!(index.row_at(index.pos(row)) <= rows);
        assert!(index.recorded_in(index.recorded_at(row), Micros(i64::MAX)).end <= rows);
        index.occurred_at(row);
    }
    for facet in Facet::ALL {
        let _ = index.facet_codes(facet).map(|codes| codes.get(rows.saturating_sub(1)));
        let _ = index.facet_counts(facet);
        for value in 0..index.facet_len(facet).min(16) {
            let _ = index.facet_value(facet, value);
        }
    }
    let _ = index.check();
}

/// A record has one spelling, and a group no byte that is not accounted for. After the first byte comes
/// a group; is that byte odd, its checksums are made to fit.
pub fn frame(data: &[u8]) {
    let Some((flags, group)) = data.split_first() else { return };
    let mut group = group.to_vec();
    if flags & 1 == 1 {
        forge_groups(&mut group, 0);
    }
    if let Ok(group) = frame::group_at(&group, 0) {
        let mut len = 0;
        for framed in group.records() {
            let Ok(framed) = framed else { return };
            one_spelling(framed.frame, framed.record);
            len += framed.frame.len();
        }
        assert_eq!(len, group.payload.len());
    }
    let _ = frame::record_at(&group, Pos(0));
    let _ = frame::decode_mark(&group, Pos(0));
    let _ = FileHeader::decode(&group);
}

fn one_spelling(bytes: &[u8], record: indelible_log::record::Record<'_>) {
    let parts = record.parts.map(|part| match part {
        PartRef::Kept(bytes) => Some(bytes),
        PartRef::Absent | PartRef::Gone(_) => None,
    });
    let Salts::Event(salt) = record.salts else { panic!("a frame has an event salt") };
    let mut again = Vec::new();
    frame::encode_record(&mut again, record.trail, &salt, frame::entry_bytes(bytes), parts);
    frame::set_seq(&mut again, record.seq);
    assert_eq!(again, bytes);
}

/// Makes the checksums of groups fit, as far as groups can be made out.
fn forge_groups(bytes: &mut [u8], mut at: usize) {
    while let Some(group) = bytes.get_mut(at..).filter(|rest| rest.len() >= frame::GROUP_HEADER_LEN)
    {
        let len = u32::from_le_bytes(group[8..12].try_into().expect("four bytes")) as usize;
        let Some(payload) = group.get(frame::GROUP_HEADER_LEN..).and_then(|rest| rest.get(..len))
        else {
            return;
        };
        let crc = crc32c::crc32c(payload);
        group[32..36].copy_from_slice(&crc.to_le_bytes());
        let crc = crc32c::crc32c(&group[..60]);
        group[60..64].copy_from_slice(&crc.to_le_bytes());
        at += frame::GROUP_HEADER_LEN + len;
    }
}

/// An active file is read to its end, or it is said where not. After the first byte comes the file; its
/// lowest bits say whether checksums are made to fit, whether it is the last file, and whether there is
/// a side word.
pub fn active(data: &[u8]) {
    let Some((flags, file)) = data.split_first() else { return };
    let mut file = file.to_vec();
    if flags & 1 == 1 && file.len() >= frame::FILE_HEADER_LEN {
        let crc = crc32c::crc32c(&file[..60]);
        file[60..64].copy_from_slice(&crc.to_le_bytes());
        forge_groups(&mut file, frame::FILE_HEADER_LEN);
    }
    let header =
        FileHeader::decode(&file).unwrap_or(FileHeader { log_id: [0; 16], first_pos: Pos(0) });
    let first = header.first_pos;
    let len = file.len() as u64;
    let mark = (flags & 4 == 4).then(|| Bytes::from(frame::encode_mark(first, len / 2).to_vec()));
    let image = [(active::path(first), Bytes::from(file))].into();
    let storage = Memory::with(&image, &active::mark_path(first), mark, false);
    let mut records = 0;
    let tail = active::read(&storage, &header.log_id, first, flags & 2 == 2, |group| {
        records += group.records().filter(Result::is_ok).count() as u64;
        Ok(())
    });
    if let Ok(tail) = tail {
        assert_eq!(tail.end + tail.torn, len);
        assert!(tail.next_pos.0 >= first.0);
    }
}

/// A manifest that is accepted is stored and loaded as the same, and no claim of it makes a reader or
/// verification fall. Does the first byte say so, the checksum is made to fit.
pub fn manifest(data: &[u8]) {
    let Some((flags, text)) = data.split_first() else { return };
    let mut text = text.to_vec();
    if flags & 1 == 1 {
        let json = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let crc = crc32c::crc32c(json);
        text = [json, format!("\ncrc32c {crc:08x}\n").as_bytes()].concat();
    }
    let image = [(active::path(Pos(0)), Bytes::new())].into();
    let memory = Memory::with(&image, manifest::PATH, Some(text.into()), true);
    let Ok(loaded) = Manifest::load(&memory) else { return };
    loaded.store(&memory).expect("memory can be written");
    assert_eq!(Manifest::load(&memory).expect("it was just stored"), loaded);
    let storage: Arc<dyn Storage> = Arc::new(memory);
    let _ = View::open(storage.clone());
    let _ = verify::verify(
        &storage,
        &verify::Options { threads: 1, progress: &|_| {}, archived: None },
    );
}

/// A row table answers, or says that it cannot. Does the first byte say so, its checksums are made to fit.
pub fn rows(data: &[u8]) {
    let Some((flags, table)) = data.split_first() else { return };
    let mut table = table.to_vec();
    if flags & 1 == 1 {
        forge_rows(&mut table, &[]);
    }
    let Ok(table) = RowTable::open(Bytes::from(table)) else { return };
    let trails: Vec<_> = table.trails().collect();
    for (no, first_seq, _) in trails {
        for add in [0, 1, 2, 1 << 16, u64::from(u32::MAX)] {
            let _ = table.find_seq(no, Seq(first_seq.0.saturating_add(add)));
        }
        let range = table.seal().id_range;
        for id in [range.0, range.1, [0x80; 16]] {
            let _ = table.find_id(no, &id).map(Iterator::count);
        }
        let _ = (table.seqs(no).map(drop), table.trail_rows(no).map(drop));
    }
}

/// A segment is read, or it is said why not. The first byte says whether checksums are made to fit, the
/// next four how long the row table is that follows; the rest is the Parquet file.
pub fn segment(data: &[u8]) {
    let Some((flags, rest)) = data.split_first() else { return };
    let Some((len, rest)) = rest.split_first_chunk::<4>() else { return };
    let Some((table, parquet)) = rest.split_at_checked(u32::from_le_bytes(*len) as usize) else {
        return;
    };
    let mut table = table.to_vec();
    if flags & 1 == 1 {
        forge_rows(&mut table, parquet);
    }
    let Ok(segment) = Segment::open(Bytes::copy_from_slice(parquet), Bytes::from(table)) else {
        return;
    };
    let mut entry = Vec::new();
    // A forged footer may promise any number of rows.
    for batch in segment.scan(0..segment.len()).into_iter().flatten().take(64) {
        let Ok(batch) = batch else { break };
        for row in 0..batch.len() {
            let _ = batch.facets(row);
            let Ok(record) = batch.record(row) else { continue };
            entry.clear();
            record.entry.encode(&mut entry);
            let _ = segment.find_seq(record.trail, record.seq);
            let found =
                segment.find_id(record.trail, record.entry.id).map(Iterator::collect::<Vec<_>>);
            let _ = found.and_then(|rows| segment.rows(&rows));
        }
    }
    let last = segment.len().saturating_sub(1);
    let _ = segment.rows(&[0, last / 2, last]);
    let _ = segment.rows(&[segment.len()]);
    let _ = (segment.offset_of(0), segment.offset_of(last));
    let _ = segment.find_id(TrailNo(1), EventId([7; 16])).map(Iterator::count);
}

/// Makes the checksums of a row table, and those that it has of its segment, fit.
fn forge_rows(table: &mut [u8], parquet: &[u8]) {
    const HEADER: usize = 136;
    if table.len() < HEADER {
        return;
    }
    let word = |bytes: &[u8], at: usize| {
        u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
    };
    let long = |bytes: &[u8], at: usize| {
        u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
    };
    let put = |bytes: &mut [u8], at: usize, crc: u32| {
        bytes[at..at + 4].copy_from_slice(&crc.to_le_bytes())
    };
    let (rows, buckets, trails) = (word(table, 12), word(table, 16), word(table, 20));
    let (index, footer) = (long(table, 72) as usize, long(table, 80) as usize);
    if let (Some(index), Some(footer)) = (parquet.get(index..footer), parquet.get(footer..)) {
        put(table, 88, crc32c::crc32c(index));
        put(table, 92, crc32c::crc32c(footer));
    }
    let len = (table.len() as u64).to_le_bytes();
    table[24..32].copy_from_slice(&len);
    if !parquet.is_empty() {
        table[64..72].copy_from_slice(&(parquet.len() as u64).to_le_bytes());
    }
    let crc = crc32c::crc32c(&table[..HEADER - 4]);
    put(table, HEADER - 4, crc);
    let entries = HEADER as u64 + u64::from(buckets) * 8;
    let directory = entries + u64::from(rows) * 8;
    let bitmaps = directory + u64::from(trails) * 40 + 4;
    if bitmaps > table.len() as u64 {
        return;
    }
    let (entries, directory, bitmaps) = (entries as usize, directory as usize, bitmaps as usize);
    let mut start = 0;
    for bucket in 0..buckets {
        let at = HEADER + bucket as usize * 8;
        let end = word(table, at);
        let Some(bytes) = table.get(entries + start as usize * 8..entries + end as usize * 8)
        else {
            break;
        };
        let crc = [bucket, start, end]
            .iter()
            .fold(0, |crc, n| crc32c::crc32c_append(crc, &n.to_le_bytes()));
        let crc = crc32c::crc32c_append(crc, bytes);
        put(table, at + 4, crc);
        start = end;
    }
    for at in (directory..bitmaps - 4).step_by(40) {
        let from = (bitmaps as u64).saturating_add(long(table, at + 16)) as usize;
        let len = u64::from(word(table, at + 24)) + u64::from(word(table, at + 28));
        let Some(crc) = table.get(from..from.saturating_add(len as usize)).map(crc32c::crc32c)
        else {
            continue;
        };
        put(table, at + 32, crc);
    }
    let crc = crc32c::crc32c(&table[directory..bitmaps - 4]);
    put(table, bitmaps - 4, crc);
}

/// A key that the seeds were made without, so that nothing ever verifies with it.
fn stranger() -> Vkey {
    Vkey::new("audit.example.com/0", indelible_merkle::Algorithm::Ed25519, &[3; 32])
        .expect("a name and 32 bytes")
}

/// A proof has one spelling, and none that the fuzzer makes up verifies.
pub fn proof(data: &[u8]) {
    if let Ok(proof) = TlogProof::decode(data) {
        assert_eq!(TlogProof::decode(proof.encode().as_bytes()), Ok(proof.clone()));
        if let Some(disclosed) =
            proof.extra.as_deref().and_then(|extra| Disclosure::decode(extra).ok())
        {
            let _ = disclosed.verify().map(drop);
        }
    }
    assert!(verify_proof(data, &stranger()).is_err());
}

/// The same for consistency proofs.
pub fn consistency(data: &[u8]) {
    if let Ok(proof) = ConsistencyProof::decode(data) {
        assert_eq!(ConsistencyProof::decode(proof.encode().as_bytes()), Ok(proof));
    }
    assert!(verify_consistency_proof(data, &stranger()).is_err());
}

/// Notes, checkpoints and keys as text are written as they were read.
pub fn note(data: &[u8]) {
    if let Ok(note) = Note::parse(data) {
        assert_eq!(note.to_string().as_bytes(), data);
        let _ = Checkpoint::parse(note.unverified_text());
    }
    assert!(Checkpoint::open(data, &stranger()).is_err());
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(Checkpoint::parse(&checkpoint.text()), Ok(checkpoint));
    }
    if let Ok(key) = text.parse::<Vkey>() {
        assert_eq!(key.to_string(), text);
    }
}

/// A disclosure has one spelling.
pub fn disclosure(data: &[u8]) {
    if let Ok(disclosure) = Disclosure::decode(data) {
        assert_eq!(disclosure.encode(), data);
        let _ = disclosure.verify().map(drop);
    }
}

/// A tile's path has one spelling.
pub fn tile_path(data: &[u8]) {
    let Ok(path) = std::str::from_utf8(data) else { return };
    if let Ok(tile) = parse_tile_path(path) {
        assert_eq!(tile.path(), path);
    }
    if let Ok((index, width)) = parse_entries_path(path) {
        assert_eq!(entries_path(index, width), path);
    }
}

/// The same items come out however the stream is cut. The first byte says how.
pub fn items(data: &[u8]) {
    let Some((size, stream)) = data.split_first() else { return };
    let split = |size: usize| {
        let mut found = Vec::new();
        // A small limit, so that it is met.
        let mut items = Items::with_limit(64);
        let mut sink = |number: u64, item: Result<&[u8], indelible_event::Refusal>| {
            found.push((number, item.map(<[u8]>::to_vec)));
        };
        for chunk in stream.chunks(size.max(1)) {
            items.feed(chunk, &mut sink);
        }
        items.finish(&mut sink);
        found
    };
    assert_eq!(split(stream.len()), split(usize::from(*size)));
}
