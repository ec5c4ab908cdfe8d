//! The maps, on one core: `cargo bench -p indelible-index --bench maps`. Takes a gigabyte of memory.
//!
//! Plain loops with the best of several rounds; a benchmark is the one place here that may look at a clock.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use indelible_event::{Checked, Entry, Micros, check};
use indelible_index::{Codes, Doc, Facet, Field, Frozen, Index, Live, merge, terms};

const ROWS: usize = 250_000;
const PARTS: usize = 4;

/// Numbers that look random, always the same.
fn scramble(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Small numbers are frequent, large ones rare.
fn skewed(number: u64, most: u64) -> u64 {
    let bits = scramble(number) % u64::from(most.ilog2() + 1);
    scramble(number + 1) % (1 << (bits + 1)).min(most)
}

fn event(number: u64) -> Checked {
    let (actor, thing) = (skewed(number * 7, 50_000), skewed(number * 11, 200_000));
    let verb = ["update", "read", "create", "delete"][skewed(number * 13, 4) as usize % 4];
    let outcome = if number.is_multiple_of(19) { "failure" } else { "success" };
    let (request, session) = (scramble(number), scramble(number / 4 + 1_000_000_000));
    let (size, amount) = (scramble(number * 17) % 5_000, scramble(number * 19) % 2_000_000);
    let word = ["invoice", "archive", "quarterly", "nightly"][scramble(number * 23) as usize % 4];
    let (one, two) = (scramble(actor) % 250, scramble(actor * 3) % 250);
    let json = format!(
        r#"{{"action":"file.{verb}","category":"data_modify","outcome":"{outcome}",
        "actor":{{"type":"user","id":"u_{actor:05}","name":"Ada {actor}","email":"ada{actor}@example.com"}},
        "targets":[{{"type":"file","id":"fil_{thing:06}","name":"{word} {thing}"}}],
        "changes":{{"before":{{"status":"open","amount":{amount}}},"after":{{"status":"done","amount":{size}}}}},
        "details":{{"reason":"{word} report","size":{size},"bucket":"finance"}},
        "context":{{"ip":"192.0.{one}.{two}","user_agent":"Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0",
        "request_id":"{request:016x}","correlation_id":"{session:016x}","service":"files"}}}}"#
    );
    check(json.as_bytes()).expect("the event is good")
}

fn doc(pos: u64, checked: &Checked) -> Doc<'_> {
    let entry = Entry {
        id: checked.id.unwrap_or_default(),
        recorded_at: Micros(1_795_196_045_000_000 + pos as i64 * 4_000),
        occurred_at: Some(Micros(1_795_196_045_000_000 + (pos ^ 7) as i64 * 4_000)),
        action: &checked.action,
        category: checked.category.as_deref(),
        outcome: checked.outcome,
        phase: None,
        reference: None,
        source: None,
        recorded_by: Some("key-1"),
        parts_hash: [7; 32],
    };
    Doc { pos, trail: pos as u32 % 20, trail_name: "acme", entry, parts: checked.parts.all() }
}

fn micros_since(start: Instant) -> f64 {
    start.elapsed().as_nanos() as f64 / 1_000.0
}

/// Counts terms and nothing else, for what finding them costs.
struct Count(usize);

impl indelible_index::TermSink for Count {
    fn term(&mut self, _: Field, value: &[u8]) {
        self.0 += black_box(value).len().min(1);
    }

    fn facet(&mut self, _: Facet, value: &str) {
        black_box(value);
    }
}

fn fill(part: usize) -> Frozen {
    let first = (part * ROWS) as u64;
    let events: Vec<Checked> = (first..first + ROWS as u64).map(event).collect();
    let mut count = Count(0);
    let start = Instant::now();
    for checked in &events {
        terms(&doc(0, checked), &mut count);
    }
    let finding = micros_since(start);
    let mut live = Live::new(scramble(part as u64));
    let start = Instant::now();
    for (pos, checked) in (first..).zip(&events) {
        live.push(&doc(pos, checked));
    }
    let pushing = micros_since(start) - finding;
    let mut file = Vec::with_capacity(256 * ROWS);
    let start = Instant::now();
    live.freeze(&mut (0..ROWS as u32), &mut file).expect("memory takes it");
    let (freezing, rows) = (micros_since(start), ROWS as f64);
    println!(
        "part {part}: {:.1} terms an event; push {:.2} us, {} bytes; freeze {:.2} us, {:.1} bytes",
        count.0 as f64 / rows,
        pushing / rows,
        live.heap_bytes() / ROWS,
        freezing / rows,
        file.len() as f64 / rows,
    );
    Frozen::open(file.into()).expect("just written")
}

fn best(name: &str, unit: f64, mut run: impl FnMut() -> u64) {
    let mut micros = f64::INFINITY;
    let mut answer = 0;
    for _ in 0..10 {
        let start = Instant::now();
        answer = black_box(run());
        micros = micros.min(micros_since(start));
    }
    println!("{name:36} {:10.3} us ({answer})", micros / unit);
}

fn main() {
    let parts: Vec<Frozen> = (0..PARTS).map(fill).collect();
    let mut file = Vec::with_capacity(256 * ROWS * PARTS);
    let start = Instant::now();
    merge(&parts.iter().collect::<Vec<_>>(), &mut file).expect("memory takes it");
    let rows = (ROWS * PARTS) as f64;
    let merging = micros_since(start) / rows;
    println!("merge {merging:.2} us, {:.1} bytes an event", file.len() as f64 / rows);
    let map = Frozen::open(file.into()).expect("just written");
    for (name, bytes) in map.section_bytes() {
        println!("  {name}: {:.2} bytes an event", bytes as f64 / rows);
    }
    let word = |word: &str| map.term(Field::Word, word.as_bytes()).expect("sound").len();
    best("term of one row", 1.0, || word("1999999"));
    best("term of a quarter of the rows", 1.0, || word("invoice"));
    best("term of nearly all rows", 1.0, || word("success"));
    best("unique term", 1.0, || {
        map.term(Field::Request, b"0123456789abcdef").expect("sound").len()
    });
    best("all words", 1.0, || {
        let mut words = 0;
        map.select(Field::Word, b"", &mut |_| {
            words += 1;
            false
        })
        .expect("sound");
        words
    });
    let every = (0..map.rows()).collect();
    for facet in [Facet::Outcome, Facet::Actor, Facet::Resource] {
        let codes: Codes<'_> = map.facet_codes(facet).expect("sound");
        let mut counts = vec![0; map.facet_len(facet) as usize + 1];
        best(&format!("count a thousand rows by {}", facet.name()), rows / 1_000.0, || {
            codes.count(&every, &mut counts);
            counts.len() as u64
        });
    }
}
