//! What a segment costs: bytes an event, sealing, scanning with verification, single rows.
//!
//! `cargo bench -p indelible-log --bench segment [events]`. One core; the events are made before the
//! clock starts.

// A benchmark is the edge where a real clock belongs.
#![allow(clippy::disallowed_methods, missing_docs)]

use std::time::Instant;

use bytes::Bytes;
use indelible_event::{Day, Entry, EventId, Facets, Micros, Outcome, Part, Source, seal};
use indelible_log::record::{PartRef, Pos, Record, Salts, Seq, TrailNo};
use indelible_log::segment::{
    Finished, Segment, SegmentHeader, SegmentState, SegmentWriter, TrailInfo,
};
use parquet::file::metadata::ParquetMetaDataReader;
use sha2::{Digest, Sha256};

type AnyError = Box<dyn std::error::Error>;

const TRAILS: usize = 20;
const ACTIONS: usize = 60;
const ACTORS: usize = 10_000;
const RESOURCES: usize = 50_000;
const DAY: Day = Day(20_600);

fn main() -> Result<(), AnyError> {
    let wanted = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let count: usize = wanted.unwrap_or(250_000);
    let events = generate(count);
    let leaves: Vec<[u8; 32]> = events.iter().map(|event| leaf(&event.record())).collect();
    let json = events.iter().map(Event::json_len).sum::<usize>() / count;
    println!("{count} events of {json} bytes of JSON on average, {TRAILS} trails\n");

    let mut best = f64::MAX;
    let mut written = None;
    for _ in 0..3 {
        let start = Instant::now();
        let finished = seal_all(&events)?;
        best = best.min(start.elapsed().as_secs_f64());
        written = Some(finished);
    }
    let finished = written.ok_or("nothing was written")?;
    sizes(&finished, count)?;
    println!(
        "\nseal              {:>8.0} events/s on one core ({:.2} µs each)",
        rate(count, best),
        each(count, best)
    );

    let file = Bytes::from(finished.out);
    let table = Bytes::from(finished.row_table);
    let start = Instant::now();
    let segment = Segment::open(file.clone(), table.clone())?;
    println!("open              {:>8.0} µs", start.elapsed().as_secs_f64() * 1e6);
    for _ in 0..2 {
        let start = Instant::now();
        verify(&segment, &leaves)?;
        let took = start.elapsed().as_secs_f64();
        println!(
            "scan and verify   {:>8.0} events/s ({:.2} µs each)",
            rate(count, took),
            each(count, took)
        );
    }
    let start = Instant::now();
    let mut rows = 0;
    for batch in segment.scan(0..segment.len())? {
        let batch = batch?;
        for row in 0..batch.len() {
            rows += usize::from(batch.unsealed(row)?.seq.0 < u64::MAX);
        }
    }
    let took = start.elapsed().as_secs_f64();
    println!(
        "scan alone        {:>8.0} events/s ({:.2} µs each)",
        rate(rows, took),
        each(rows, took)
    );
    needles(&segment, &events, &leaves)?;
    many(&file, &table, &leaves)
}

fn rate(count: usize, seconds: f64) -> f64 {
    count as f64 / seconds
}

fn each(count: usize, seconds: f64) -> f64 {
    seconds * 1e6 / count as f64
}

fn leaf(record: &Record<'_>) -> [u8; 32] {
    let mut bytes = vec![0];
    record.entry.encode(&mut bytes);
    Sha256::digest(&bytes).into()
}

fn header() -> SegmentHeader {
    let trail = |no: usize| TrailInfo {
        no: TrailNo(no as u32),
        opaque: [no as u8; 16],
        name: format!("tenant-{no}"),
    };
    SegmentHeader {
        class: "default".to_owned(),
        policy: 1,
        day: DAY,
        state: SegmentState::Full,
        trails: (0..TRAILS).map(trail).collect(),
    }
}

fn seal_all(events: &[Event]) -> Result<Finished<Vec<u8>>, AnyError> {
    let out = Vec::with_capacity(events.len() * 300);
    let mut writer = SegmentWriter::new(out, header())?;
    for event in events {
        writer.push(&event.record())?;
    }
    Ok(writer.finish()?)
}

fn sizes(finished: &Finished<Vec<u8>>, count: usize) -> Result<(), AnyError> {
    let file = Bytes::copy_from_slice(&finished.out);
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&file)?;
    let names: Vec<String> = metadata
        .file_metadata()
        .schema_descr()
        .columns()
        .iter()
        .map(|column| column.name().to_owned())
        .collect();
    let mut total = 0;
    for (at, name) in names.iter().enumerate() {
        let groups = metadata.row_groups().iter();
        let bytes: i64 = groups.map(|group| group.column(at).compressed_size()).sum();
        total += bytes;
        println!("{name:<14} {:>8.2} bytes/event", bytes as f64 / count as f64);
    }
    let len = finished.out.len() as f64;
    println!("{:<14} {:>8.2} bytes/event", "indexes+footer", (len - total as f64) / count as f64);
    println!("{:<14} {:>8.2} bytes/event", "= file", len / count as f64);
    println!(
        "{:<14} {:>8.2} bytes/event",
        "row table",
        finished.row_table.len() as f64 / count as f64
    );
    Ok(())
}

fn verify(segment: &Segment, leaves: &[[u8; 32]]) -> Result<(), AnyError> {
    let mut entry = Vec::with_capacity(4096);
    for batch in segment.scan(0..segment.len())? {
        let batch = batch?;
        for row in 0..batch.len() {
            let record = batch.record(row)?;
            entry.clear();
            entry.push(0);
            record.entry.encode(&mut entry);
            let leaf: [u8; 32] = Sha256::digest(&entry).into();
            if leaf != leaves[batch.first_row() as usize + row] {
                return Err("a leaf differs".into());
            }
            let kept = |part: Part| match record.parts[part as usize] {
                PartRef::Kept(bytes) => Some(bytes),
                _ => None,
            };
            let facets = Facets::read(kept(Part::Who), kept(Part::Where), kept(Part::What))?;
            if facets != batch.facets(row)? {
                return Err("a facet differs".into());
            }
        }
    }
    Ok(())
}

fn needles(segment: &Segment, events: &[Event], leaves: &[[u8; 32]]) -> Result<(), AnyError> {
    let mut random = Random(7);
    let rows: Vec<u32> = (0..2_000).map(|_| random.below(segment.len() as usize) as u32).collect();
    let start = Instant::now();
    for row in &rows {
        let found = segment.rows(&[*row])?;
        if leaf(&found[0].as_ref()) != leaves[*row as usize] {
            return Err("a needle differs".into());
        }
    }
    let took = start.elapsed().as_secs_f64();
    println!("one row           {:>8.1} µs, with its leaf", each(rows.len(), took));
    let start = Instant::now();
    let mut found = 0;
    for row in &rows {
        let event = &events[*row as usize];
        found += segment.find_id(TrailNo(event.trail), event.id)?.count();
    }
    let took = start.elapsed().as_secs_f64();
    println!(
        "find by id        {:>8.2} µs ({found} candidates for {} ids)",
        each(rows.len(), took),
        rows.len()
    );
    let start = Instant::now();
    for row in &rows {
        let event = &events[*row as usize];
        if segment.find_seq(TrailNo(event.trail), Seq(event.seq))? != Some(*row) {
            return Err("a seq leads elsewhere".into());
        }
    }
    println!("find by seq       {:>8.2} µs", each(rows.len(), start.elapsed().as_secs_f64()));
    Ok(())
}

/// Fifty rows over ten segments, as a page of search results asks for them.
fn many(file: &Bytes, table: &Bytes, leaves: &[[u8; 32]]) -> Result<(), AnyError> {
    let segments = (0..10)
        .map(|_| Segment::open(file.clone(), table.clone()))
        .collect::<Result<Vec<_>, _>>()?;
    let mut random = Random(11);
    let mut times = Vec::new();
    for _ in 0..50 {
        let start = Instant::now();
        for segment in &segments {
            let rows: Vec<u32> = (0..5).map(|_| random.below(leaves.len()) as u32).collect();
            for (row, found) in rows.iter().zip(segment.rows(&rows)?) {
                if leaf(&found.as_ref()) != leaves[*row as usize] {
                    return Err("a needle differs".into());
                }
            }
        }
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    println!("50 rows, 10 files {:>8.2} ms the first time (page indexes are read)", times[0]);
    times.sort_by(f64::total_cmp);
    println!("50 rows, 10 files {:>8.2} ms in the median", times[times.len() / 2]);
    Ok(())
}

struct Event {
    pos: u64,
    trail: u32,
    seq: u64,
    id: EventId,
    recorded_at: Micros,
    occurred_at: Micros,
    action: String,
    category: &'static str,
    outcome: Outcome,
    source: Source,
    recorded_by: String,
    salt: [u8; 16],
    parts: [String; 3],
    parts_hash: [u8; 32],
}

impl Event {
    fn record(&self) -> Record<'_> {
        Record {
            pos: Pos(self.pos),
            trail: TrailNo(self.trail),
            seq: Seq(self.seq),
            entry: Entry {
                id: self.id,
                recorded_at: self.recorded_at,
                occurred_at: Some(self.occurred_at),
                action: &self.action,
                category: Some(self.category),
                outcome: self.outcome,
                phase: None,
                reference: None,
                source: Some(self.source),
                recorded_by: Some(&self.recorded_by),
                parts_hash: self.parts_hash,
            },
            salts: Salts::Event(self.salt),
            parts: std::array::from_fn(|part| PartRef::Kept(self.parts[part].as_bytes())),
        }
    }

    /// About the event's length as a caller sends it: its parts, and the entry's fields of the caller.
    fn json_len(&self) -> usize {
        let parts: usize = self.parts.iter().map(|part| part.len() - 1).sum();
        parts + 45 + 45 + 12 + self.action.len() + 15 + self.category.len() + 22 + 65
    }
}

/// SplitMix64: small, seeded, good enough for believable events.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn bytes(&mut self) -> [u8; 16] {
        let (a, b) = (u128::from(self.next()), u128::from(self.next()));
        (a << 64 | b).to_le_bytes()
    }
}

/// Zipf's law with exponent 1 over so many ranks.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(ranks: usize) -> Zipf {
        let mut sum = 0.0;
        Zipf(
            (1..=ranks)
                .map(|rank| {
                    sum += 1.0 / rank as f64;
                    sum
                })
                .collect(),
        )
    }

    fn draw(&self, random: &mut Random) -> usize {
        let total = self.0.last().copied().unwrap_or_default();
        let point = random.unit() * total;
        self.0.partition_point(|sum| *sum < point).min(self.0.len() - 1)
    }
}

const NOUNS: [&str; 10] = [
    "invoice", "backup", "bucket", "user", "project", "policy", "token", "file", "report",
    "webhook",
];
const VERBS: [&str; 6] = ["create", "update", "delete", "read", "share", "archive"];
const SERVICES: [&str; 6] = ["billing", "storage", "identity", "gateway", "reports", "search"];
const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_1) Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0",
    "python-requests/2.32.3",
    "okhttp/4.12.0",
];
const STATES: [&str; 6] = ["draft", "open", "paid", "archived", "review", "closed"];

fn generate(count: usize) -> Vec<Event> {
    let mut random = Random(42);
    let (trails, actions) = (Zipf::new(TRAILS), Zipf::new(ACTIONS));
    let (actors, resources) = (Zipf::new(ACTORS), Zipf::new(RESOURCES));
    let sources: Vec<[u8; 16]> = (0..8).map(|_| random.bytes()).collect();
    let (mut seqs, mut source_seqs) = ([1_000u64; TRAILS], [5_000u64; 8]);
    let mut now = DAY.start().0 + 3_600_000_000;
    (0..count as u64)
        .map(|pos| {
            // Groups of a hundred share the moment they were recorded at.
            now += if pos % 100 == 0 { 400 + random.below(300) as i64 } else { 0 };
            let occurred_at = now - 2_000 - random.below(40_000) as i64;
            let trail = trails.draw(&mut random);
            let source = random.below(sources.len());
            (seqs[trail], source_seqs[source]) = (seqs[trail] + 1, source_seqs[source] + 1);
            let action = actions.draw(&mut random);
            let (noun, verb) = (NOUNS[action % 10], VERBS[action / 10]);
            let (actor, resource) = (actors.draw(&mut random), resources.draw(&mut random));
            let parts = parts(&mut random, noun, actor, resource);
            let salt = random.bytes();
            let commitments = Part::ALL.map(|part| {
                let bytes = parts[part as usize].as_bytes();
                Some(seal::commitment(part, &seal::part_salt(&salt, part), bytes))
            });
            let mut tail = [0; 10];
            tail.copy_from_slice(&random.bytes()[..10]);
            Event {
                pos: 1_000_000 + pos,
                trail: trail as u32,
                seq: seqs[trail],
                id: EventId::v7(occurred_at as u64 / 1_000, tail),
                recorded_at: Micros(now),
                occurred_at: Micros(occurred_at),
                action: format!("{noun}.{verb}"),
                category: ["data_modify", "data_access", "api_request", "admin_action"][action % 4],
                outcome: if random.below(20) == 0 { Outcome::Failure } else { Outcome::Success },
                source: Source { id: sources[source], seq: source_seqs[source] },
                recorded_by: format!("key_{:08x}", trail * 7_919 + source % 2),
                salt,
                parts,
                parts_hash: seal::parts_hash(&commitments),
            }
        })
        .collect()
}

fn parts(random: &mut Random, noun: &str, actor: usize, resource: usize) -> [String; 3] {
    let who = format!(
        r#"{{"actor":{{"type":"user","id":"usr_{actor:06}","email":"person{actor}@tenant.example"}}}}"#
    );
    let service = SERVICES[actor % SERVICES.len()];
    let (request, session) = (random.bytes(), actor * 2_654_435_761 % 4_294_967_291);
    let where_ = format!(
        r#"{{"context":{{"ip":"10.{}.{}.{}","user_agent":"{}","request_id":"{:032x}","session_id":"{session:08x}","service":"{service}"}}}}"#,
        actor % 4,
        actor / 4 % 256,
        actor % 251,
        AGENTS[actor % AGENTS.len()],
        u128::from_le_bytes(request),
    );
    let (before, after) = (random.below(6), random.below(6));
    let (old, new) = (random.below(90_000), random.below(90_000));
    let what = format!(
        r#"{{"targets":[{{"type":"{noun}","id":"{noun}_{resource:07}"}}],"changes":{{"before":{{"status":"{}","amount":{old}}},"after":{{"status":"{}","amount":{new}}}}},"details":{{"reason":"requested by customer","attempt":{}}}}}"#,
        STATES[before],
        STATES[after],
        1 + random.below(3),
    );
    [who, where_, what]
}
